//! `CREATE TABLE` as `SHOW CREATE TABLE` prints it: a line for each column, key and constraint.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use super::super::rows::{mix, seeded};
use super::super::tally::Tally;
use super::place::without_place;
use super::quoted::quoted;
use crate::model::line::Name;

/// Defines a table, and as objects of their own its keys and constraints, in any order, and its next number. Returns what
/// stands for its columns in rows.
pub(super) fn define(name: &str, text: &[u8], tally: &mut Tally) -> Vec<u64> {
    let (mut columns, mut is_in_list, mut all) = (Vec::new(), false, (0_u64, 0_u64));
    let mut add = |(text, skeleton): (u64, u64)| {
        all = (mix(all.0.wrapping_add(text)), mix(all.1.wrapping_add(skeleton)));
    };
    let mut key: Option<(&'static str, String, Vec<u8>)> = None;
    let mut own_name = Cow::Borrowed(name);
    for line in text.split(|byte| *byte == b'\n') {
        let item = line.strip_prefix(b"  ").filter(|_| is_in_list);
        let item = item.map(|item| item.strip_suffix(b",").unwrap_or(item));
        let found = item.and_then(|item| key_of(item).map(|(kind, name)| (kind, name, item.to_vec())));
        if let Some(found) = found {
            define_key(key.replace(found), &own_name, tally);
            continue;
        }
        if let (Some((_, _, text)), true) = (&mut key, is_in_list && !line.starts_with(b")")) {
            // A string in a constraint may have a line end.
            text.push(b'\n');
            text.extend_from_slice(line);
            continue;
        }
        if let Some(rest) = line.strip_prefix(b"CREATE TABLE ") {
            // The comment before it may be cut, or have its own quotes.
            own_name = Cow::Owned(quoted(rest).0);
            is_in_list = true;
        }
        if let Some(item) = item.filter(|item| item.starts_with(b"`")) {
            columns.push(seeded(1, quoted(item).0.as_bytes()));
            add(tally.text(&plain(item)));
            continue;
        }
        is_in_list &= !line.starts_with(b")");
        let (line, number) = without_next_number(line);
        let line = if is_in_list { line } else { Cow::Owned(without_place(&line).into_owned()) };
        if let Some(number) = number {
            tally.define("next number of", &own_name, b"", number);
        }
        add(tally.text(&line));
    }
    define_key(key, &own_name, tally);
    let own_name = own_name.into_owned();
    tally.table(&Name::clean(&own_name));
    tally.mark("table", &own_name, b"", all);
    columns
}

fn define_key(key: Option<(&'static str, String, Vec<u8>)>, table: &str, tally: &mut Tally) {
    if let Some((kind, name, text)) = key {
        tally.define(kind, &format!("{name} on {table}"), b"", &text);
    }
}

/// What a line of the list says besides columns, and its name.
fn key_of(item: &[u8]) -> Option<(&'static str, String)> {
    if item.starts_with(b"PRIMARY KEY ") {
        return Some(("index", "PRIMARY".to_owned()));
    }
    let name = |at: usize| quoted(item.get(at..).unwrap_or_default()).0;
    let first = memchr(b'`', item)?;
    let before = item.get(..first).unwrap_or_default();
    match before {
        b"CONSTRAINT " if memmem::find(item, b"` FOREIGN KEY ").is_some() => {
            Some(("foreign key", name(first)))
        }
        b"CONSTRAINT " => Some(("check constraint", name(first))),
        before if before.ends_with(b"KEY ") || before.ends_with(b"INDEX ") => Some(("index", name(first))),
        _ => None,
    }
}

/// A column's definition without the character set that its collation implies. MySQL shows it for a column that was
/// made with a collation, so for one that was restored, and not for one that got it from its table.
fn plain(column: &[u8]) -> Cow<'_, [u8]> {
    const CHARACTER_SET: &[u8] = b" CHARACTER SET ";
    let found = || {
        let start = memmem::find(column, CHARACTER_SET)?;
        let (before, rest) = column.split_at(start);
        let name = rest.get(CHARACTER_SET.len()..)?;
        let after = name.get(memchr(b' ', name)?..)?;
        after.starts_with(b" COLLATE ").then(|| [before, after].concat())
    };
    found().map_or(Cow::Borrowed(column), Cow::Owned)
}

/// `) ENGINE=InnoDB AUTO_INCREMENT=1000 …` without the number, and that.
fn without_next_number(line: &[u8]) -> (Cow<'_, [u8]>, Option<&[u8]>) {
    const NUMBER: &[u8] = b" AUTO_INCREMENT=";
    let found = || {
        let start = memmem::find(line, NUMBER).filter(|_| line.starts_with(b") "))?;
        let (before, rest) = line.split_at(start);
        let rest = rest.get(NUMBER.len()..)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, after) = rest.split_at(digits);
        Some(([before, after].concat(), number))
    };
    match found() {
        Some((line, number)) => (Cow::Owned(line), Some(number)),
        None => (Cow::Borrowed(line), None),
    }
}
