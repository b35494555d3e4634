//! `CREATE TABLE`, taken apart: what a server may print otherwise is told from what it may not.

use super::super::rows::mix;
use super::super::tally::Tally;

/// Defines a table, and as objects of their own its constraints and the defaults of its columns.
///
/// The order of its columns counts, unless it inherits some: those come first after a reload.
pub(super) fn define(
    kind: &str,
    name: &str,
    owner: &[u8],
    text: &[u8],
    access_method: u64,
    tally: &mut Tally,
) {
    let Some(Parts { head, items, tail }) = split(text) else {
        return tally.define(kind, name, owner, text);
    };
    let inherits = tail.starts_with(b")\nINHERITS (");
    let mut parts = Vec::new();
    for item in items {
        let item = item.trim_ascii();
        if let Some(constraint) = item.strip_prefix(b"CONSTRAINT ") {
            let end = end_of_name(constraint);
            let (constraint, text) = constraint.split_at(end);
            let kind = if text.starts_with(b" CHECK ") { "check constraint" } else { "constraint" };
            tally.define(kind, &on(constraint, name), b"", text);
            continue;
        }
        let (column, default) = column(item);
        if let Some(default) = default {
            let end = end_of_name(item);
            tally.define("default of", &on(item.get(..end).unwrap_or_default(), name), b"", default);
        }
        parts.push(tally.text(&column));
    }
    let lines = tally.lines(tail);
    let (head, head_skeleton) = tally.text(head);
    let join = |start: u64, parts: &mut dyn Iterator<Item = u64>, end: u64| {
        let ordered = |sum: u64, part: u64| mix(sum.wrapping_add(part));
        let any = |sum: u64, part: u64| sum.wrapping_add(mix(part));
        let columns = if inherits { parts.fold(start, any) } else { parts.fold(start, ordered) };
        mix(columns).wrapping_add(end)
    };
    let exact = join(head, &mut parts.iter().map(|part| part.0), lines.0.wrapping_add(access_method));
    let skeleton = join(head_skeleton, &mut parts.iter().map(|part| part.1), lines.1);
    tally.mark(kind, name, owner, (exact, skeleton));
}

/// `orders_status_check on public.orders`.
fn on(name: &[u8], table: &str) -> String {
    let name = String::from_utf8_lossy(name);
    let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(&name);
    format!("{} on {table}", name.replace("\"\"", "\""))
}

/// Where a name at the start of a text ends.
fn end_of_name(text: &[u8]) -> usize {
    let mut is_quoted = false;
    let end = text.iter().position(|byte| {
        is_quoted ^= *byte == b'"';
        *byte == b' ' && !is_quoted
    });
    end.unwrap_or(text.len())
}

/// Walks through SQL: the depth of brackets and the place of each byte that is in no string or quoted name.
fn outside(text: &[u8]) -> impl Iterator<Item = (usize, u8, u32)> + '_ {
    let (mut quote, mut depth, mut has_escapes, mut is_escaped) = (None, 0_u32, false, false);
    let mut before = b' ';
    text.iter().enumerate().filter_map(move |(at, &byte)| {
        let last = std::mem::replace(&mut before, byte);
        if let Some(open) = quote {
            if is_escaped {
                is_escaped = false;
            } else if has_escapes && byte == b'\\' {
                is_escaped = true;
            } else if byte == open {
                quote = None;
            }
            return None;
        }
        match byte {
            b'\'' | b'"' => {
                quote = Some(byte);
                has_escapes = byte == b'\'' && last == b'E';
                return None;
            }
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        Some((at, byte, depth))
    })
}

/// What is before the columns, the columns and constraints, and what is behind them.
struct Parts<'a> {
    head: &'a [u8],
    items: Vec<&'a [u8]>,
    tail: &'a [u8],
}

fn split(text: &[u8]) -> Option<Parts<'_>> {
    if !text.starts_with(b"CREATE ") {
        return None;
    }
    let (mut open, mut from, mut items) = (None, 0, Vec::new());
    for (at, byte, depth) in outside(text) {
        match (byte, depth, open) {
            (b'(', 1, None) => (open, from) = (Some(at), at + 1),
            (b',', 1, Some(_)) => {
                items.push(text.get(from..at)?);
                from = at + 1;
            }
            (b')', 0, Some(open)) => {
                let last = text.get(from..at)?;
                if !last.trim_ascii().is_empty() {
                    items.push(last);
                }
                return Some(Parts { head: text.get(..open)?, items, tail: text.get(at..)? });
            }
            (b';', ..) => return None,
            _ => {}
        }
    }
    None
}

/// A column's definition without its default, and the default or what it is generated from.
fn column(item: &[u8]) -> (Vec<u8>, Option<&[u8]>) {
    const NOT_NULL: &[u8] = b" NOT NULL";
    let starts = |at: usize, word: &[u8]| item.get(at..).is_some_and(|rest| rest.starts_with(word));
    let default = outside(item)
        .find(|(at, byte, depth)| {
            *byte == b' '
                && *depth == 0
                && (starts(*at, b" DEFAULT ") || starts(*at, b" GENERATED ALWAYS AS ("))
        })
        .map(|(at, ..)| at);
    let Some(at) = default else { return (item.to_vec(), None) };
    let (column, default) = item.split_at(at);
    match default.strip_suffix(NOT_NULL) {
        Some(default) => ([column, NOT_NULL].concat(), Some(default.trim_ascii())),
        None => (column.to_vec(), Some(default.trim_ascii())),
    }
}
