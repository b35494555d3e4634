//! The parts of a statement.

use memchr::{memchr, memmem};

/// A part of a statement that means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A bare word, or a number.
    Word,
    /// In backticks, or in double quotes.
    Quoted,
    String,
    Sign(u8),
}

/// A part and where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) part: Part,
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Token {
    pub(super) fn text(self, of: &[u8]) -> &[u8] {
        of.get(self.from..self.to).unwrap_or_default()
    }

    pub(super) fn is(self, of: &[u8], word: &str) -> bool {
        self.part == Part::Word && self.text(of).eq_ignore_ascii_case(word.as_bytes())
    }

    pub(super) fn is_sign(self, sign: u8) -> bool {
        self.part == Part::Sign(sign)
    }

    /// As a name, without its quotes; `None` for what can be none.
    pub(super) fn name(self, of: &[u8]) -> Option<String> {
        let text = self.text(of);
        let bytes = match self.part {
            Part::Word => text.to_vec(),
            Part::Quoted => {
                let quote = *text.first()?;
                let inner = text.get(1..text.len().checked_sub(1)?)?;
                let mut name = Vec::with_capacity(inner.len());
                let mut bytes = inner.iter();
                while let Some(&b) = bytes.next() {
                    name.push(b);
                    if b == quote {
                        bytes.next();
                    }
                }
                name
            }
            Part::String | Part::Sign(_) => return None,
        };
        String::from_utf8(bytes).ok()
    }
}

/// The parts of a statement, without its comments. What is in a comment for certain versions only counts.
pub(super) fn tokens(text: &[u8], from: usize, plain_backslash: bool) -> Vec<Token> {
    let mut found = Vec::new();
    let mut at = from;
    while let Some(&first) = text.get(at) {
        let ahead = text.get(at..).unwrap_or_default();
        let skipped = skipped(ahead);
        if skipped > 0 {
            at += skipped;
            continue;
        }
        let is_word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$') || *b >= 0x80;
        let (part, length) = match first {
            b'`' => (Part::Quoted, quoted_length(ahead, true)),
            // An identifier under ANSI_QUOTES.
            b'"' => (Part::Quoted, quoted_length(ahead, plain_backslash)),
            b'\'' => (Part::String, quoted_length(ahead, plain_backslash)),
            b if is_word(&b) => (Part::Word, ahead.iter().take_while(|b| is_word(b)).count()),
            sign => (Part::Sign(sign), 1),
        };
        found.push(Token { part, from: at, to: at + length });
        at += length;
    }
    found
}

/// A comment that is a part of the statement. That of version 999999 is for the client.
pub(super) fn is_for_versions(ahead: &[u8]) -> bool {
    ahead.starts_with(b"/*!") || (ahead.starts_with(b"/*M!") && !ahead.starts_with(b"/*M!999999"))
}

/// How much of white space, or of a comment, is ahead.
fn skipped(ahead: &[u8]) -> usize {
    let Some(first) = ahead.first() else { return 0 };
    if first.is_ascii_whitespace() {
        return 1;
    }
    let line = || memchr(b'\n', ahead).unwrap_or(ahead.len());
    if *first == b'#' || (ahead.starts_with(b"--") && ahead.get(2).is_none_or(u8::is_ascii_whitespace)) {
        return line();
    }
    let digits = |from: usize| from + ahead.iter().skip(from).take_while(|b| b.is_ascii_digit()).count();
    match ahead {
        [b'/', b'*', b'M', b'!', ..] if is_for_versions(ahead) => digits(4),
        [b'/', b'*', b'!', ..] => digits(3),
        [b'/', b'*', ..] => memmem::find(ahead, b"*/").map_or(ahead.len(), |end| end + 2),
        [b'*', b'/', ..] => 2,
        _ => 0,
    }
}

fn quoted_length(ahead: &[u8], plain_backslash: bool) -> usize {
    let Some(&quote) = ahead.first() else { return 0 };
    let mut at = 1;
    while let Some(&b) = ahead.get(at) {
        let is_doubled = b == quote && ahead.get(at + 1) == Some(&quote);
        if is_doubled || (b == b'\\' && !plain_backslash) {
            at += 2;
        } else if b == quote {
            return at + 1;
        } else {
            at += 1;
        }
    }
    ahead.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_from_comments() {
        let text =
            b"/*!50003 CREATE*/ /* no */ TRIGGER `a``b` . \"c\" 'it''s' -- no\n x1 /*M!100000 y */ = 7";
        let parts: Vec<_> = tokens(text, 0, false)
            .iter()
            .map(|token| String::from_utf8_lossy(token.text(text)).into_owned())
            .collect();
        assert_eq!(parts, ["CREATE", "TRIGGER", "`a``b`", ".", "\"c\"", "'it''s'", "x1", "y", "=", "7"]);
        assert_eq!(tokens(text, 0, false)[2].name(text).unwrap(), "a`b");
    }
}
