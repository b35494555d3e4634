//! Where the statements of a plain dump begin.
//!
//! A row, a function's text or a comment may have any line of SQL in it. So a line is looked at only where a statement may begin:
//! outside of quotes, of comments and of the data of a `COPY`.

use memchr::memchr;

/// Longer than any line an edit is about.
const MAX_LINE: usize = 4096;
/// As much of what was read last as decides what the next byte means.
const TAIL: usize = 12;
const COPY: &[u8] = b"COPY ";
const FROM_STDIN: &[u8] = b" FROM stdin";
/// Ends the data of a `COPY`.
const END_OF_DATA: &[u8] = b"\\.\n";

/// Reads a dump that passes by in pieces.
#[derive(Debug)]
pub(super) struct Script {
    place: Place,
    /// Whether a statement has begun that has not ended.
    in_statement: bool,
    is_copy: bool,
    /// Whether the next byte is the first of a line.
    at_line_start: bool,
    tail: [u8; TAIL],
    /// The line that began where a statement may, as far as it was seen.
    line: Option<Vec<u8>>,
}

#[derive(Debug)]
enum Place {
    Plain,
    LineComment,
    /// How deep they are nested, and the byte before.
    BlockComment(usize, u8),
    String {
        has_escapes: bool,
        /// The next byte is escaped.
        skips: bool,
        /// The last byte was a quote: the next one says whether it was doubled.
        is_closed: bool,
    },
    Name,
    /// `$` and what may become the tag of a string.
    Tag(Vec<u8>),
    /// The tag with both `$`, and how much of it the last bytes are.
    Dollar(Vec<u8>, usize),
    /// How much of [`END_OF_DATA`] this line is, if it may be that.
    Data(Option<usize>),
}

impl Default for Script {
    fn default() -> Self {
        Self {
            place: Place::Plain,
            in_statement: false,
            is_copy: false,
            at_line_start: true,
            tail: [b'\n'; TAIL],
            line: None,
        }
    }
}

impl Script {
    /// Appends to `out` what is to be passed on when `piece` has come. `edit` gets each line that stands where a statement may
    /// begin, and says what takes its place, if not itself.
    pub(super) fn take(
        &mut self,
        mut piece: &[u8],
        out: &mut Vec<u8>,
        mut edit: impl FnMut(&[u8]) -> Option<Vec<u8>>,
    ) {
        while !piece.is_empty() {
            if self.line.is_none() && self.may_begin() {
                self.line = Some(Vec::new());
            }
            let Some(line) = &mut self.line else {
                let read = self.read(piece, true);
                let (passed, rest) = piece.split_at(read);
                out.extend_from_slice(passed);
                piece = rest;
                continue;
            };
            let end = memchr(b'\n', piece).map_or(piece.len(), |end| end + 1);
            let (more, rest) = piece.split_at(end);
            line.extend_from_slice(more);
            piece = rest;
            if line.ends_with(b"\n") || line.len() > MAX_LINE {
                let line = self.line.take().unwrap_or_default();
                let edited = if line.len() > MAX_LINE { None } else { edit(&line) };
                self.read(&line, false);
                out.extend_from_slice(edited.as_deref().unwrap_or(&line));
            }
        }
    }

    /// Appends what is left at the end.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.line.take().unwrap_or_default());
    }

    fn may_begin(&self) -> bool {
        self.at_line_start && !self.in_statement && matches!(self.place, Place::Plain)
    }

    /// Reads on, to the end or, if `stops`, to where a line may be looked at; says how much that was.
    fn read(&mut self, bytes: &[u8], stops: bool) -> usize {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            at += self.step(rest);
            if stops && self.may_begin() {
                break;
            }
        }
        at
    }

    /// Reads at least one byte of what is not empty.
    fn step(&mut self, rest: &[u8]) -> usize {
        let byte = rest.first().copied().unwrap_or_default();
        // What has no meaning where it stands is passed over at once.
        let until = |wanted: u8| memchr(wanted, rest).map_or(rest.len(), |at| at + 1);
        let (read, next) = match &mut self.place {
            Place::Plain => return self.plain(byte),
            Place::LineComment => {
                let read = until(b'\n');
                (read, ends(rest, read, b'\n').then_some(Place::Plain))
            }
            Place::BlockComment(depth, before) => {
                match (*before, byte) {
                    (b'/', b'*') => (*depth, *before) = (*depth + 1, 0),
                    (b'*', b'/') => (*depth, *before) = (*depth - 1, 0),
                    _ => *before = byte,
                }
                (1, (*depth == 0).then_some(Place::Plain))
            }
            Place::String { skips: skips @ true, .. } => {
                *skips = false;
                (1, None)
            }
            Place::String { is_closed: is_closed @ true, .. } => {
                if byte != b'\'' {
                    self.place = Place::Plain;
                    return self.plain(byte);
                }
                *is_closed = false;
                (1, None)
            }
            Place::String { has_escapes: true, skips, is_closed } => {
                let read = memchr::memchr2(b'\'', b'\\', rest).map_or(rest.len(), |at| at + 1);
                *skips = ends(rest, read, b'\\');
                *is_closed = ends(rest, read, b'\'');
                (read, None)
            }
            Place::String { is_closed, .. } => {
                let read = until(b'\'');
                *is_closed = ends(rest, read, b'\'');
                (read, None)
            }
            Place::Name => {
                let read = until(b'"');
                (read, ends(rest, read, b'"').then_some(Place::Plain))
            }
            Place::Tag(tag) => {
                if byte == b'$' {
                    let mut tag = std::mem::take(tag);
                    tag.push(byte);
                    (1, Some(Place::Dollar(tag, 0)))
                } else if is_name(byte) && !(tag.len() == 1 && byte.is_ascii_digit()) && tag.len() < 256 {
                    tag.push(byte);
                    (1, None)
                } else {
                    // A parameter, `$1`.
                    self.place = Place::Plain;
                    return self.plain(byte);
                }
            }
            Place::Dollar(tag, matched) => {
                if *matched == 0 {
                    let read = until(b'$');
                    *matched = usize::from(ends(rest, read, b'$'));
                    (read, None)
                } else {
                    *matched = if tag.get(*matched) == Some(&byte) {
                        *matched + 1
                    } else {
                        usize::from(byte == b'$')
                    };
                    (1, (*matched == tag.len()).then_some(Place::Plain))
                }
            }
            Place::Data(None) => {
                let read = until(b'\n');
                (read, ends(rest, read, b'\n').then_some(Place::Data(Some(0))))
            }
            Place::Data(Some(matched)) => {
                let matched = *matched;
                let next = if END_OF_DATA.get(matched) == Some(&byte) {
                    let is_all = matched + 1 == END_OF_DATA.len();
                    if is_all { Place::Plain } else { Place::Data(Some(matched + 1)) }
                } else {
                    Place::Data((byte == b'\n').then_some(0))
                };
                (1, Some(next))
            }
        };
        self.at_line_start = rest.get(read - 1) == Some(&b'\n');
        if let Some(next) = next {
            // Nothing that ended can be the beginning of anything.
            self.tail = [if self.at_line_start { b'\n' } else { b' ' }; TAIL];
            self.place = next;
        }
        read
    }

    fn plain(&mut self, byte: u8) -> usize {
        let [.., older, last] = self.tail;
        self.at_line_start = byte == b'\n';
        let mut is_part = !byte.is_ascii_whitespace();
        match byte {
            b'\'' => {
                let has_escapes = matches!(last, b'e' | b'E') && !is_name(older);
                self.place = Place::String { has_escapes, skips: false, is_closed: false };
            }
            b'"' => self.place = Place::Name,
            b'$' if !is_name(last) => self.place = Place::Tag(vec![byte]),
            b'-' if last == b'-' => {
                self.place = Place::LineComment;
                is_part = false;
            }
            b'*' if last == b'/' => self.place = Place::BlockComment(1, 0),
            // May be the first of two.
            b'-' | b'/' => is_part = false,
            b'\n' if self.is_copy && !self.in_statement => {
                self.is_copy = false;
                self.place = Place::Data(Some(0));
            }
            _ => {}
        }
        if byte == b';' {
            self.is_copy = self.is_copy && self.tail.ends_with(FROM_STDIN);
            self.in_statement = false;
        } else if is_part {
            self.in_statement = true;
        }
        self.tail.rotate_left(1);
        if let Some(last) = self.tail.last_mut() {
            *last = byte;
        }
        if self.in_statement
            && self.tail.ends_with(COPY)
            && self.tail.iter().rev().nth(COPY.len()) == Some(&b'\n')
        {
            self.is_copy = true;
        }
        1
    }
}

/// What is small enough to be looked at as a whole, in pieces that each end where a statement may begin.
pub(super) fn statements(mut dump: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut script = Script::default();
    std::iter::from_fn(move || {
        if dump.is_empty() {
            return None;
        }
        let (statement, rest) = dump.split_at(script.read(dump, true));
        dump = rest;
        Some(statement)
    })
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || !byte.is_ascii()
}

fn ends(rest: &[u8], read: usize, wanted: u8) -> bool {
    read.checked_sub(1).and_then(|last| rest.get(last)) == Some(&wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DUMP: &str = r#"SET a = 1;
-- it's a comment; SET b
CREATE FUNCTION f() RETURNS text
    LANGUAGE plpgsql
    AS $_$
SET c = 1;
$x$ $_ $$
'"
$_$;
SET d = 1;
COMMENT ON FUNCTION f() IS 'it''s
SET e = 1;
';
SELECT E'a\'
SET f = 1;
''
SET g = 1;
\\';
CREATE TABLE "a;
SET h = 1;
" (
SET i = 1
);
/* '
SET j = 1; /* */
*/
PREPARE p AS SELECT $1;
SET k = 1;
SELECT 'e\';
COPY public.t (a, b) FROM stdin;
1	'
SET l = 1;
\.x
x\.
\.
SET m = 1;
SELECT 'COPY t FROM stdin;
';
COPY public.t (a) TO stdout;
SET n = 1;
COPY "x
y" (a) FROM stdin;
\.
SET o = 1;
"#;

    fn edited(dump: &[u8], sizes: &[usize]) -> (Vec<u8>, Vec<String>) {
        let (mut script, mut out, mut rest, mut seen) = (Script::default(), Vec::new(), dump, Vec::new());
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, behind) = rest.split_at((*size).clamp(1, rest.len()));
            script.take(piece, &mut out, |line| {
                let text = String::from_utf8_lossy(line).into_owned();
                let is_set = text.starts_with("SET ");
                seen.extend(is_set.then(|| text.trim().to_owned()));
                None
            });
            rest = behind;
        }
        script.end(&mut out);
        (out, seen)
    }

    #[test]
    fn a_line_is_a_statement_only_outside_of_everything_else() {
        let (out, seen) = edited(DUMP.as_bytes(), &[usize::MAX]);
        assert_eq!(String::from_utf8(out).unwrap(), DUMP);
        let wanted = ["a", "d", "k", "m", "n", "o"].map(|name| format!("SET {name} = 1;"));
        assert_eq!(seen, wanted);
    }

    #[test]
    fn a_line_that_is_too_long_and_one_without_an_end_pass() {
        let long = format!("SET {} = 1;\nSET a", "x".repeat(2 * MAX_LINE));
        assert_eq!(edited(long.as_bytes(), &[1000]).0, long.as_bytes());
        assert_eq!(edited(long.as_bytes(), &[1000]).1, [""; 0]);
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(sizes in proptest::collection::vec(1_usize..90, 1..20)) {
            prop_assert_eq!(edited(DUMP.as_bytes(), &sizes), edited(DUMP.as_bytes(), &[usize::MAX]));
        }

        #[test]
        fn without_an_edit_a_dump_stays_what_it_is(dump in "(COPY |[$'\"\\\\./*;aE \n-]| FROM stdin;\n){0,200}", size in 1_usize..50) {
            prop_assert_eq!(edited(dump.as_bytes(), &[size]).0, dump.as_bytes());
        }
    }
}
