//! The building blocks of OpenSSH's files: numbers and strings with their length before them, and base64 between two lines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// As long as OpenSSH makes them.
const LINE: usize = 70;

/// Takes one field after the other; `None` where there is none.
#[derive(Debug)]
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn number(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*bytes))
    }

    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }

    /// Takes exactly these bytes.
    pub(super) fn expect(&mut self, expected: &[u8]) -> Option<()> {
        (self.take(expected.len())? == expected).then_some(())
    }

    /// Takes a string of exactly these bytes.
    pub(super) fn expect_string(&mut self, expected: &[u8]) -> Option<()> {
        (self.string()? == expected).then_some(())
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// `Some` when nothing is left.
    pub(super) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// Appends a string with its length before it.
pub(super) fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("no field has 4 GiB");
    out.extend(length.to_be_bytes());
    out.extend(bytes);
}

/// The fields as strings, one after the other.
pub(super) fn strings(fields: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields {
        put_string(&mut out, field);
    }
    out
}

/// Puts base64 between `-----BEGIN name-----` and `-----END name-----`.
pub(super) fn armor(name: &str, bytes: &[u8]) -> String {
    let base64 = STANDARD.encode(bytes);
    let lines = base64.as_bytes().chunks(LINE).map(|line| String::from_utf8_lossy(line) + "\n");
    format!("-----BEGIN {name}-----\n{}-----END {name}-----\n", lines.collect::<String>())
}

/// The bytes between the two lines. Nothing else may stand before, between or behind them, except line ends.
pub(super) fn disarm(name: &str, text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end().strip_prefix(&format!("-----BEGIN {name}-----"))?;
    let text = text.strip_suffix(&format!("-----END {name}-----"))?;
    STANDARD.decode(text.lines().collect::<String>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_beyond_the_end_is_no_field() {
        for bytes in [&b"\0\0\0\x05abcd"[..], b"\xff\xff\xff\xffabcd", b"\0\0\0", b""] {
            assert_eq!(Fields::new(bytes).string(), None, "{bytes:?}");
        }
        let mut fields = Fields::new(b"\0\0\0\x01ab");
        assert_eq!((fields.string(), fields.rest()), (Some(&b"a"[..]), &b"b"[..]));
    }

    #[test]
    fn only_base64_stands_between_the_lines() {
        let armored = armor("X", &[7; 100]);
        assert_eq!(armored.lines().map(str::len).collect::<Vec<_>>(), [17, 70, 66, 15]);
        assert_eq!(disarm("X", &armored), Some(vec![7; 100]));
        assert_eq!(disarm("X", &armored.replace('\n', "\r\n")), Some(vec![7; 100]));
        for wrong in [
            armored.replace("BEGIN X", "BEGIN Y"),
            armored.replace("END X", "END Y"),
            armored.replace("wcHB", "wc HB"),
            armored.replace("==\n", "\n"),
            format!("x{armored}"),
            format!("{armored}x"),
        ] {
            assert_eq!(disarm("X", &wrong), None, "{wrong}");
        }
    }
}
