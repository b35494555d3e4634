//! Where the files of a table are: no matter of its content, as a server has its own places for them.

use std::borrow::Cow;

use memchr::memmem;

const STARTS: [&[u8]; 3] = [b"TABLESPACE", b"DATA DIRECTORY", b"INDEX DIRECTORY"];

/// A line of `CREATE TABLE` behind its columns, without its tablespace and its folders.
pub(super) fn without_place(line: &[u8]) -> Cow<'_, [u8]> {
    if !STARTS.iter().any(|start| memmem::find(line, start).is_some()) {
        return Cow::Borrowed(line);
    }
    let (mut kept, mut rest) = (Vec::with_capacity(line.len()), line);
    while let Some(&byte) = rest.first() {
        let length = match byte {
            b'\'' | b'`' | b'"' => quoted_length(rest),
            b' ' => match place_length(rest) {
                Some(length) => {
                    rest = rest.get(length..).unwrap_or_default();
                    continue;
                }
                None => 1,
            },
            _ => 1,
        };
        let (part, after) = rest.split_at(length.min(rest.len()));
        kept.extend_from_slice(part);
        rest = after;
    }
    // MySQL has the tablespace in a comment for versions.
    let empty: &[u8] = b" /*!50100 */";
    if let Some(at) = memmem::find(&kept, empty) {
        kept.drain(at..at + empty.len());
    }
    Cow::Owned(kept)
}

/// ` DATA DIRECTORY='/ts/'`, also with spaces around the sign.
fn place_length(rest: &[u8]) -> Option<usize> {
    let start = STARTS.iter().find(|start| rest.get(1..).is_some_and(|rest| rest.starts_with(start)))?;
    let from = 1 + start.len();
    let between = rest.get(from..)?.iter().take_while(|byte| matches!(byte, b' ' | b'=')).count();
    let value = rest.get(from + between..)?;
    let is_value = between > 0 && matches!(value.first(), Some(b'\'' | b'`' | b'"'));
    is_value.then(|| from + between + quoted_length(value))
}

/// Of what is in quotes, which are in it twice or behind a backslash.
fn quoted_length(rest: &[u8]) -> usize {
    let quote = rest.first().copied().unwrap_or_default();
    let mut at = 1;
    while let Some(&byte) = rest.get(at) {
        let is_doubled = byte == quote && rest.get(at + 1) == Some(&quote);
        if is_doubled || byte == b'\\' && quote == b'\'' {
            at += 2;
        } else if byte == quote {
            return at + 1;
        } else {
            at += 1;
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_left_out_and_nothing_that_looks_like_one() {
        for (line, without) in [
            (") /*!50100 TABLESPACE `ts1` */ ENGINE=InnoDB", ") ENGINE=InnoDB"),
            (") ENGINE=InnoDB DATA DIRECTORY='/t''s/' COMMENT='x'", ") ENGINE=InnoDB COMMENT='x'"),
            (
                " PARTITION p0 VALUES LESS THAN (1) DATA DIRECTORY = '/ts' ENGINE = InnoDB,",
                " PARTITION p0 VALUES LESS THAN (1) ENGINE = InnoDB,",
            ),
            (") ENGINE=MyISAM INDEX DIRECTORY='/i/' DATA DIRECTORY='/d/'", ") ENGINE=MyISAM"),
            (") COMMENT='on DATA DIRECTORY=''/x'''", ") COMMENT='on DATA DIRECTORY=''/x'''"),
            (") COMMENT='TABLESPACE `x`'", ") COMMENT='TABLESPACE `x`'"),
            (") DATA DIRECTORY", ") DATA DIRECTORY"),
        ] {
            assert_eq!(String::from_utf8_lossy(&without_place(line.as_bytes())), without);
        }
    }
}
