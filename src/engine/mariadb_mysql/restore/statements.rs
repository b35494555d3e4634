//! Where the statements of a dump begin and end, by the rules of the client that will read it.
//!
//! A dump passes by in pieces. Rows go on as they come; any other statement is held until it is whole, so that it can be looked
//! at and changed. It stays as long as it was.

use memchr::{memchr, memchr2, memmem};

use super::tokens::is_for_versions;

/// The longest that has to be seen together: a word with what stands before it, or a `DELIMITER` line.
const LOOK: usize = 128;
/// No definition is as long as this.
const MAX_STATEMENT: usize = 32 * 1024 * 1024;

/// Looks at a whole statement, with its delimiter and what stood before it, from `from` on the statement itself.
pub(super) trait Visitor {
    fn statement(&mut self, text: &mut Vec<u8>, from: usize);
    /// A statement was too long to be looked at: it has become blanks.
    fn too_long(&mut self);
    /// The end came in the middle of a statement.
    fn broken_off(&mut self);
    /// Whether a backslash in a string is nothing special, by the statements so far.
    fn plain_backslash(&self) -> bool {
        false
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lex {
    Plain,
    Quoted(u8),
    LineComment,
    BlockComment,
}

/// What is known of the statement that is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing but white space and comments so far.
    Before,
    Rows,
    /// Begins here in what is held.
    Held(usize),
    TooLong,
}

#[derive(Debug)]
pub(super) struct Splitter {
    lex: Lex,
    kind: Kind,
    delimiter: Vec<u8>,
    /// Not yet looked at: has to be seen together with what follows.
    rest: Vec<u8>,
    held: Vec<u8>,
    plain_backslash: bool,
    /// Rows are statements like any other.
    holds_rows: bool,
}

impl Default for Splitter {
    fn default() -> Self {
        Self {
            lex: Lex::Plain,
            kind: Kind::Before,
            delimiter: b";".to_vec(),
            rest: Vec::new(),
            held: Vec::new(),
            plain_backslash: false,
            holds_rows: false,
        }
    }
}

impl Splitter {
    /// One to which rows are statements like any other.
    pub(super) fn of_all() -> Self {
        Self { holds_rows: true, ..Self::default() }
    }

    /// What can be passed on when this piece has come; without one, at the end, what is left.
    pub(super) fn take(&mut self, piece: Option<&[u8]>, visitor: &mut impl Visitor) -> Vec<u8> {
        let is_end = piece.is_none();
        let mut input = std::mem::take(&mut self.rest);
        input.extend_from_slice(piece.unwrap_or_default());
        let mut out = Vec::with_capacity(input.len());
        let mut at = 0;
        while let Some(ahead) = input.get(at..).filter(|ahead| !ahead.is_empty()) {
            if !is_end && ahead.len() < LOOK {
                break;
            }
            let taken = self.step(ahead, is_end, visitor, &mut out);
            if taken == 0 {
                break;
            }
            at += taken;
        }
        self.rest = input.split_off(at.min(input.len()));
        if is_end {
            let rest = std::mem::take(&mut self.rest);
            self.push(&rest, visitor, &mut out);
            let is_between = self.kind == Kind::Before && matches!(self.lex, Lex::Plain | Lex::LineComment);
            if !is_between || self.delimiter != b";" {
                visitor.broken_off();
            }
            self.finish(visitor, &mut out);
        }
        out
    }

    /// Looks at the beginning of what is ahead; says how much of it is done with.
    fn step(&mut self, ahead: &[u8], is_end: bool, visitor: &mut impl Visitor, out: &mut Vec<u8>) -> usize {
        let taken = match self.lex {
            Lex::Plain => return self.plain(ahead, is_end, visitor, out),
            Lex::Quoted(quote) => self.quoted(quote, ahead),
            Lex::LineComment => match memchr(b'\n', ahead) {
                Some(end) => {
                    self.lex = Lex::Plain;
                    end + 1
                }
                None => ahead.len(),
            },
            Lex::BlockComment => match memmem::find(ahead, b"*/") {
                Some(end) => {
                    self.lex = Lex::Plain;
                    end + 2
                }
                None if is_end => ahead.len(),
                None => ahead.len() - 1,
            },
        };
        self.push(ahead.get(..taken).unwrap_or_default(), visitor, out);
        taken
    }

    fn quoted(&mut self, quote: u8, ahead: &[u8]) -> usize {
        let escapes = quote != b'`' && !self.plain_backslash;
        let found = if escapes { memchr2(quote, b'\\', ahead) } else { memchr(quote, ahead) };
        match found {
            // Of what is escaped at the very end of a piece, LOOK bytes are always ahead.
            Some(at) if escapes && ahead.get(at) == Some(&b'\\') => {
                if at + 1 < ahead.len() {
                    at + 2
                } else {
                    at.max(1)
                }
            }
            Some(at) => {
                self.lex = Lex::Plain;
                at + 1
            }
            None => ahead.len(),
        }
    }

    fn plain(&mut self, ahead: &[u8], is_end: bool, visitor: &mut impl Visitor, out: &mut Vec<u8>) -> usize {
        let Some(&first) = ahead.first() else { return 0 };
        if self.kind == Kind::Before
            && let Some((line, delimiter)) = delimiter_line(ahead)
        {
            self.delimiter = delimiter;
            self.kind = Kind::Held(self.held.len());
            self.push(line, visitor, out);
            self.finish(visitor, out);
            return line.len();
        }
        if ahead.starts_with(&self.delimiter) {
            if self.kind == Kind::Before {
                self.kind = Kind::Held(self.held.len());
            }
            let delimiter = self.delimiter.clone();
            self.push(&delimiter, visitor, out);
            self.finish(visitor, out);
            return delimiter.len();
        }
        let is_dash = ahead.starts_with(b"--") && ahead.get(2).is_none_or(|b| b.is_ascii_whitespace());
        let taken = if first == b'#' || is_dash {
            self.lex = Lex::LineComment;
            1
        } else if ahead.starts_with(b"/*") && !is_for_versions(ahead) {
            self.lex = Lex::BlockComment;
            2
        } else {
            self.begin(ahead);
            if matches!(first, b'\'' | b'"' | b'`') {
                self.lex = Lex::Quoted(first);
                1
            } else {
                let delimiter = self.delimiter.first().copied().unwrap_or(b';');
                let is_special =
                    |b: &u8| matches!(b, b'\'' | b'"' | b'`' | b'#' | b'-' | b'/') || *b == delimiter;
                let rest = ahead.get(1..).unwrap_or_default();
                let begins = |b: &u8| self.kind == Kind::Before && !b.is_ascii_whitespace();
                let plain = rest.iter().position(|b| is_special(b) || begins(b)).unwrap_or(rest.len());
                1 + plain
            }
        };
        // What may be the beginning of something is looked at again when there is more.
        let safe = if is_end { ahead.len() } else { ahead.len().saturating_sub(LOOK).max(1) };
        let taken = taken.min(safe).max(1);
        self.push(ahead.get(..taken).unwrap_or_default(), visitor, out);
        taken
    }

    fn begin(&mut self, ahead: &[u8]) {
        let Some(first) = ahead.first() else { return };
        if self.kind != Kind::Before || first.is_ascii_whitespace() {
            return;
        }
        let is = |word: &[u8]| {
            let start = ahead.get(..word.len()).unwrap_or_default();
            start.eq_ignore_ascii_case(word) && ahead.get(word.len()).is_some_and(u8::is_ascii_whitespace)
        };
        let are_rows = !self.holds_rows && (is(b"INSERT") || is(b"REPLACE"));
        self.kind = if are_rows { Kind::Rows } else { Kind::Held(self.held.len()) };
    }

    fn push(&mut self, bytes: &[u8], visitor: &mut impl Visitor, out: &mut Vec<u8>) {
        match self.kind {
            Kind::Rows => {
                out.append(&mut self.held);
                out.extend_from_slice(bytes);
            }
            Kind::TooLong => out.resize(out.len() + bytes.len(), b' '),
            Kind::Before | Kind::Held(_) => self.held.extend_from_slice(bytes),
        }
        if self.held.len() > MAX_STATEMENT {
            match self.kind {
                // Comments.
                Kind::Before => out.append(&mut self.held),
                Kind::Held(_) | Kind::Rows | Kind::TooLong => {
                    visitor.too_long();
                    out.resize(out.len() + self.held.len(), b' ');
                    self.held.clear();
                    self.kind = Kind::TooLong;
                }
            }
        }
    }

    fn finish(&mut self, visitor: &mut impl Visitor, out: &mut Vec<u8>) {
        if let Kind::Held(from) = self.kind {
            let length = self.held.len();
            visitor.statement(&mut self.held, from);
            debug_assert_eq!(self.held.len(), length, "a statement stays as long as it was");
            self.plain_backslash = visitor.plain_backslash();
        }
        out.append(&mut self.held);
        self.kind = Kind::Before;
    }
}

/// A line that sets the delimiter, with its line end, and what it sets.
fn delimiter_line(ahead: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    const WORD: &[u8] = b"DELIMITER ";
    let start = ahead.get(..WORD.len())?;
    if !start.eq_ignore_ascii_case(WORD) {
        return None;
    }
    let end = memchr(b'\n', ahead).map_or(ahead.len(), |end| end + 1);
    let line = ahead.get(..end)?;
    let value: Vec<u8> = line
        .get(WORD.len()..)?
        .iter()
        .copied()
        .skip_while(u8::is_ascii_whitespace)
        .take_while(|b| !b.is_ascii_whitespace())
        .collect();
    (!value.is_empty()).then_some((line, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Default)]
    struct Seen(Vec<String>);

    impl Visitor for Seen {
        fn statement(&mut self, text: &mut Vec<u8>, from: usize) {
            self.0.push(String::from_utf8_lossy(&text[from..]).into_owned());
        }
        fn too_long(&mut self) {
            self.0.push("too long".to_owned());
        }
        fn broken_off(&mut self) {
            self.0.push("broken off".to_owned());
        }
    }

    fn split(dump: &[u8], sizes: &[usize]) -> (Vec<u8>, Vec<String>) {
        let (mut splitter, mut seen) = (Splitter::default(), Seen::default());
        let (mut out, mut rest) = (Vec::new(), dump);
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, behind) = rest.split_at((*size).clamp(1, rest.len()));
            out.extend(splitter.take(Some(piece), &mut seen));
            rest = behind;
        }
        out.extend(splitter.take(None, &mut seen));
        (out, seen.0)
    }

    const DUMP: &str = "/*M!999999\\- enable the sandbox mode */ \n-- it's; a comment\n# and \"; another\n/* one; more' */\n\
        /*!40101 SET NAMES utf8mb4 */;\nINSERT INTO `o` VALUES\n('it\\'s; -- no /* comment',-1,'\\\\'),(';''',2);\n\
        insert into t values ('\nDELIMITER ;;\n');\nDELIMITER ;;\nCREATE PROCEDURE p() BEGIN -- don't;;\n\
        /* nor; ;; \" here */ SELECT 'a;;b', \"c;;\", `d;;`; SELECT 1; END;;\n\
        /*!50003 CREATE*/ /*!50003 TRIGGER t1 BEFORE INSERT ON o FOR EACH ROW SET @x = 1 */;;\ndelimiter ;\n\
        CREATE TABLE t (a int)  ;REPLACE INTO x VALUES (1);\n-- Dump completed\n";

    #[test]
    fn statements_end_where_the_client_ends_them() {
        let (out, seen) = split(DUMP.as_bytes(), &[usize::MAX]);
        assert_eq!(String::from_utf8(out).unwrap(), DUMP);
        assert_eq!(
            seen,
            [
                "/*!40101 SET NAMES utf8mb4 */;",
                "DELIMITER ;;\n",
                "CREATE PROCEDURE p() BEGIN -- don't;;\n/* nor; ;; \" here */ SELECT 'a;;b', \"c;;\", `d;;`; SELECT 1; END;;",
                "/*!50003 CREATE*/ /*!50003 TRIGGER t1 BEFORE INSERT ON o FOR EACH ROW SET @x = 1 */;;",
                "delimiter ;\n",
                "CREATE TABLE t (a int)  ;",
            ]
        );
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(sizes in proptest::collection::vec(1_usize..300, 1..20)) {
            prop_assert_eq!(split(DUMP.as_bytes(), &sizes), split(DUMP.as_bytes(), &[usize::MAX]));
        }
    }
}
