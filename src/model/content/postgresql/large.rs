//! Large objects. `pg_dump` 17 puts those of one owner and with the same privileges under one header, and tells privileges by
//! the order in which they were given: after a reload it may group them otherwise. So each is an object of its own.

use std::collections::BTreeMap;

use memchr::memmem;

use super::super::rows::{Row, mix};
use super::super::tally::Tally;
use super::super::{Fingerprint, Rows};
use super::privileges;
use crate::model::line::Name;

/// What they are called among the tables.
pub(super) const TABLE: &str = "large objects";

/// Whether these are privileges on some.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with("large object ") || name.starts_with("large objects ")
}

/// Defines each one that is made or given to an owner.
pub(super) fn define(text: &[u8], tally: &mut Tally) {
    let mut all: BTreeMap<String, (Vec<u8>, Vec<u8>)> = BTreeMap::new();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let (text, owner) = all.entry(number(line)).or_default();
        if let Some(at) = memmem::find(line, b" OWNER TO ") {
            owner.extend_from_slice(line.get(at..).unwrap_or_default());
        } else {
            text.extend_from_slice(line);
        }
    }
    for (number, (text, owner)) in all {
        tally.define("large object", &number, &owner, &text);
    }
}

/// Who may do what with each.
pub(super) fn define_privileges(text: &[u8], tally: &mut Tally) {
    let mut all: BTreeMap<String, u64> = BTreeMap::new();
    for (line, hash) in privileges::statements(text) {
        let sum = all.entry(number(line)).or_default();
        *sum = sum.wrapping_add(mix(hash));
    }
    for (number, sum) in all {
        tally.mark("privileges on", &format!("large object {number}"), b"", (sum, sum));
    }
}

/// Of `SELECT pg_catalog.lo_create('500');` and `GRANT SELECT ON LARGE OBJECT 500 TO looker;`.
fn number(line: &[u8]) -> String {
    let from = [&b"lo_create('"[..], b" LARGE OBJECT "].iter().find_map(|word| {
        let at = memmem::find(line, word)?;
        line.get(at + word.len()..)
    });
    let digits = from.unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit());
    digits.map(|digit| char::from(*digit)).collect()
}

/// Each is opened, written and closed; a line is a part of its content.
pub(super) fn row(row: &mut Option<Row>, line: &[u8], tally: &mut Tally) {
    if !line.starts_with(b"SELECT pg_catalog.lo") {
        return;
    }
    let open = row.get_or_insert_with(|| Row::new(Vec::new()));
    open.field(line);
    if line.starts_with(b"SELECT pg_catalog.lo_close(") {
        let sum = Fingerprint(open.end());
        *row = None;
        tally.rows(&Name::clean(TABLE), Rows { rows: 1, sum });
    }
}
