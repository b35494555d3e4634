//! Changes to a statement that leave it as long as it was.

use crate::engine::mariadb_mysql::restore::tokens::{Part, Token};

/// The name that stands here, without its database, and where what follows begins. A trigger and its table, a routine or an
/// event can have no other database than the dump's own.
pub(super) fn unqualified(text: &mut [u8], parts: &[Token], mut at: usize) -> (String, usize) {
    let is = |at: usize, word: &str| parts.get(at).is_some_and(|token| token.is(text, word));
    if is(at, "IF") {
        at += if is(at + 1, "NOT") { 3 } else { 2 };
    }
    let name = |at: usize, text: &[u8]| parts.get(at).and_then(|token| token.name(text)).unwrap_or_default();
    match (parts.get(at), parts.get(at + 1)) {
        (Some(database), Some(dot)) if dot.is_sign(b'.') => {
            blank(text, database.from, dot.to);
            (name(at + 2, text), at + 3)
        }
        _ => (name(at, text), at + 1),
    }
}

/// One letter more has to go somewhere: for a blank before it that means nothing.
pub(super) fn disable(text: &mut Vec<u8>, enable: Token) -> bool {
    let before = text.get(..enable.from).unwrap_or_default();
    let between = memchr::memmem::find(before, b"*/ /*").map(|at| at + 2);
    // Right behind the statement before it, so not the end of a comment.
    let Some(spare) = between.or((before.first() == Some(&b'\n')).then_some(0)) else { return false };
    text.splice(enable.from..enable.to, b"DISABLE".iter().copied());
    text.remove(spare);
    true
}

/// Of a statement only its delimiter stays; but an empty one is an error.
pub(in crate::engine::mariadb_mysql::restore) fn blank_statement(
    text: &mut [u8],
    from: usize,
    parts: &[Token],
) {
    const NOTHING: &[u8] = b"DO 0";
    let delimiter = parts.iter().rev().take_while(|token| token.is_sign(b';')).last();
    let end = delimiter.map_or(text.len(), |token| token.from);
    blank(text, from, end);
    if let Some(start) = text.get_mut(from..end.min(from + NOTHING.len())) {
        start.copy_from_slice(NOTHING.get(..start.len()).unwrap_or_default());
    }
}

/// Takes out the tablespace and the folders of a table and of its partitions.
pub(super) fn without_place(text: &mut [u8], parts: &[Token]) {
    for (index, token) in parts.iter().enumerate() {
        let next = |at: usize| parts.get(index + at);
        let length = if token.is(text, "TABLESPACE") {
            1
        } else if ["DATA", "INDEX"].iter().any(|word| token.is(text, word))
            && next(1).is_some_and(|next| next.is(text, "DIRECTORY"))
        {
            2
        } else {
            continue;
        };
        let length = length + usize::from(next(length).is_some_and(|next| next.is_sign(b'=')));
        if let Some(value) =
            next(length).filter(|value| matches!(value.part, Part::String | Part::Quoted | Part::Word))
        {
            blank(text, token.from, value.to);
        }
    }
}

pub(super) fn blank(text: &mut [u8], from: usize, to: usize) {
    if let Some(text) = text.get_mut(from..to) {
        text.iter_mut().filter(|b| **b != b'\n').for_each(|b| *b = b' ');
    }
}

/// A statement with its delimiter, on lines of its own.
pub(super) fn kept(text: &[u8], from: usize) -> Vec<u8> {
    let mut statement = text.get(from..).unwrap_or_default().to_vec();
    if !statement.ends_with(b"\n") {
        statement.push(b'\n');
    }
    statement
}

/// A server may or may not tell upper from lower case in these names: what looks like the database's may be it.
pub(super) fn same(name: &str, other: &str) -> bool {
    name.to_lowercase() == other.to_lowercase()
}

pub(in crate::engine::mariadb_mysql::restore) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
