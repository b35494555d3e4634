//! What is left of a definition when it is printed in another way: its words and what belongs together, without brackets that
//! change nothing, white space, and the places of casts.
//!
//! `((a >= 1) AND (a <= 5)) AND (b = 3)` and `(a >= 1) AND (a <= 5) AND (b = 3)` have one skeleton, and so have
//! `(ARRAY['a'::varchar])::text[]` and `ARRAY[('a'::varchar)::text]`. `a AND (b OR c)` and `(a AND b) OR c` have two. Strings,
//! quoted names and bodies count to the byte.

use std::collections::BTreeSet;

use memchr::{memchr, memchr2, memmem};
use xxhash_rust::xxh3::xxh3_64;

use super::Dialect;
use super::rows::mix;

/// The hash of the skeleton of a definition, which may be any bytes.
pub(super) fn skeleton(dialect: Dialect, text: &[u8]) -> u64 {
    let (mut rest, mut casts) = (text, BTreeSet::new());
    let (mut groups, mut group) = (Vec::new(), Group::default());
    while let Some((token, behind)) = next(dialect, rest) {
        rest = behind;
        match token {
            b"(" => {
                let inner = Group { is_list: group.is_after_name, ..Group::default() };
                groups.push(std::mem::replace(&mut group, inner));
            }
            b")" => {
                let outer = groups.pop().unwrap_or_default();
                let inner = std::mem::replace(&mut group, outer);
                group.take(inner);
            }
            b"::" => {
                rest = behind_type(dialect, rest);
                let of = behind.get(..behind.len() - rest.len()).unwrap_or_default();
                casts.insert(base_type(dialect, of));
            }
            token => group.word(token),
        }
    }
    while let Some(outer) = groups.pop() {
        let inner = std::mem::replace(&mut group, outer);
        group.take(inner);
    }
    let sum = casts.into_iter().fold(1, ordered);
    group.end().hashes().into_iter().fold(sum, ordered)
}

fn ordered(sum: u64, next: u64) -> u64 {
    mix(sum.wrapping_add(mix(next)))
}

/// What is between two brackets: conditions, divided by `OR`, each of which is some divided by `AND`.
#[derive(Default)]
struct Group {
    /// Arguments and the like: its brackets always count.
    is_list: bool,
    or: Vec<u64>,
    and: Vec<u64>,
    item: Item,
    /// Whether the last word is a name, so that a bracket begins a list.
    is_after_name: bool,
    is_between: bool,
}

/// What is between two of these words.
#[derive(Default)]
struct Item {
    words: Vec<u64>,
    /// Whether the words depend on each other, so that brackets around them count.
    is_compound: bool,
    /// All of it is a bracket.
    whole: Option<Whole>,
}

/// A bracket that was read.
enum Whole {
    Or(Vec<u64>),
    And(Vec<u64>),
    Words { words: Vec<u64>, is_compound: bool },
}

impl Whole {
    /// As one among others.
    fn hashes(self) -> Vec<u64> {
        let bracket = |start: u64, all: Vec<u64>| vec![all.into_iter().fold(start, ordered)];
        match self {
            Self::Or(all) => bracket(2, all),
            Self::And(all) => bracket(3, all),
            Self::Words { words, is_compound: true } => bracket(4, words),
            Self::Words { words, is_compound: false } => words,
        }
    }
}

impl Item {
    /// A bracket was followed by something.
    fn open(&mut self) {
        if let Some(whole) = self.whole.take() {
            self.words = whole.hashes();
        }
    }

    fn end(self) -> Whole {
        self.whole.unwrap_or(Whole::Words { words: self.words, is_compound: self.is_compound })
    }
}

impl Group {
    fn word(&mut self, token: &[u8]) {
        let is = |word: &str| token.eq_ignore_ascii_case(word.as_bytes());
        if is("OR") {
            self.end_and();
            self.is_between = false;
        } else if is("AND") && !std::mem::take(&mut self.is_between) {
            self.end_item();
        } else {
            self.is_between |= is("BETWEEN");
            self.item.open();
            self.item.words.push(xxh3_64(token));
            let is_name = token.first().is_some_and(|byte| is_word(*byte) || matches!(byte, b'"' | b'`'));
            let is_known = EXPECT.iter().any(|word| is(word));
            let is_single = token == b"." || token == b"[" || token == b"]";
            self.item.is_compound |= (!is_name && !is_single && token.first() != Some(&b'\'')) || is_known;
            self.is_after_name = is_name && !is_known;
            return;
        }
        self.is_after_name = false;
    }

    /// A bracket has ended in it.
    fn take(&mut self, inner: Self) {
        let is_list = inner.is_list;
        let whole = inner.end();
        self.is_after_name = false;
        if is_list {
            self.item.open();
            self.item.words.push(whole.hashes().into_iter().fold(5, ordered));
        } else if self.item.words.is_empty() && self.item.whole.is_none() {
            self.item.whole = Some(whole);
        } else {
            self.item.open();
            self.item.words.extend(whole.hashes());
        }
    }

    fn end_item(&mut self) {
        match std::mem::take(&mut self.item).end() {
            Whole::And(all) => self.and.extend(all),
            whole @ (Whole::Or(_) | Whole::Words { .. }) => {
                self.and.push(whole.hashes().into_iter().fold(6, ordered));
            }
        }
    }

    fn end_and(&mut self) {
        match self.conjunction() {
            Whole::Or(all) => self.or.extend(all),
            whole @ (Whole::And(_) | Whole::Words { .. }) => {
                self.or.push(whole.hashes().into_iter().fold(6, ordered));
            }
        }
    }

    fn conjunction(&mut self) -> Whole {
        if self.and.is_empty() {
            return std::mem::take(&mut self.item).end();
        }
        self.end_item();
        Whole::And(std::mem::take(&mut self.and))
    }

    fn end(mut self) -> Whole {
        if self.or.is_empty() {
            return self.conjunction();
        }
        self.end_and();
        Whole::Or(self.or)
    }
}

/// Words behind which a bracket is no list of arguments, and which make what is around them depend on each other.
const EXPECT: [&str; 30] = [
    "AS",
    "BETWEEN",
    "BY",
    "CASE",
    "CHECK",
    "DEFAULT",
    "DISTINCT",
    "DIV",
    "ELSE",
    "EXCEPT",
    "FROM",
    "HAVING",
    "INTERSECT",
    "IS",
    "JOIN",
    "LIKE",
    "MOD",
    "NOT",
    "ON",
    "REGEXP",
    "RETURN",
    "SELECT",
    "SET",
    "THEN",
    "UNION",
    "WHEN",
    "WHERE",
    "WITH",
    "XOR",
    "ALL",
];

/// The name of a type, without what says how long it is and that it is an array.
fn base_type(dialect: Dialect, text: &[u8]) -> u64 {
    let (mut rest, mut name) = (text, 0);
    while let Some((token, behind)) = next(dialect, rest) {
        rest = behind;
        match token {
            b"(" => rest = memchr(b')', rest).and_then(|end| rest.get(end + 1..)).unwrap_or_default(),
            b"[" | b"]" => {}
            token => name = ordered(name, xxh3_64(token)),
        }
    }
    name
}

/// The next token and what comes behind it; `None` at the end.
fn next(dialect: Dialect, text: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = text.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let text = text.get(start..)?;
    let length = match text {
        [b'\'', ..] => quoted(text, dialect == Dialect::Mysql),
        [b'"' | b'`', ..] => quoted(text, false),
        [b'E' | b'e', b'\'', ..] => 1 + quoted(text.get(1..)?, true),
        [b'$', ..] => dollar_quoted(text).unwrap_or(1),
        [b':', b':', ..] => 2,
        [byte, ..] if is_word(*byte) => text.iter().position(|byte| !is_word(*byte)).unwrap_or(text.len()),
        _ => 1,
    };
    Some(text.split_at(length.min(text.len())))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The length of a string or a quoted name. A quote in it is written twice, so that it is two strings: that is no matter.
fn quoted(text: &[u8], has_escapes: bool) -> usize {
    let Some(&quote) = text.first() else { return 0 };
    let mut at = 1;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let found = if has_escapes { memchr2(quote, b'\\', rest) } else { memchr(quote, rest) };
        let Some(end) = found else { return text.len() };
        at += end + 1;
        if rest.get(end) == Some(&quote) {
            return at;
        }
        at += 1;
    }
}

/// The length of `$tag$ … $tag$`.
fn dollar_quoted(text: &[u8]) -> Option<usize> {
    let tag = text.get(..memchr(b'$', text.get(1..)?)? + 2)?;
    let inner = tag.get(1..tag.len() - 1)?;
    if !inner.iter().all(|byte| is_word(*byte)) {
        return None;
    }
    let end = memmem::find(text.get(tag.len()..)?, tag)?;
    Some(2 * tag.len() + end)
}

/// Words by which the name of a type goes on behind its first one.
const GOES_ON: [&[u8]; 4] = [b"varying", b"precision", b"with", b"without"];

/// What comes behind the type of a cast: `character varying(20)[]`, `timestamp(3) with time zone`, `app."mood"`.
fn behind_type(dialect: Dialect, text: &[u8]) -> &[u8] {
    let Some((_, mut rest)) = next(dialect, text) else { return text };
    loop {
        let Some((token, behind)) = next(dialect, rest) else { return rest };
        rest = match token {
            b"." => next(dialect, behind).map_or(behind, |(_, behind)| behind),
            b"(" => {
                let end = memchr(b')', behind).map_or(behind.len(), |end| end + 1);
                let inner = behind.get(..end.saturating_sub(1)).unwrap_or_default();
                if !inner.iter().all(|byte| byte.is_ascii_digit() || b", -".contains(byte)) {
                    return rest;
                }
                behind.get(end..).unwrap_or_default()
            }
            b"[" => match next(dialect, behind) {
                Some((b"]", behind)) => behind,
                Some(_) | None => return rest,
            },
            b"with" | b"without" => {
                let zone = behind.strip_prefix(b" time zone");
                let Some(zone) = zone else { return rest };
                zone
            }
            word if GOES_ON.contains(&word) => behind,
            _ => return rest,
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn same(a: &str, b: &str) -> bool {
        let skeleton = |text: &str| skeleton(Dialect::Postgresql, text.as_bytes());
        skeleton(a) == skeleton(b)
    }

    /// As PostgreSQL 15 and 17 print them before and after a reload.
    #[test]
    fn what_a_reload_prints_otherwise_has_one_skeleton() {
        for (made, reloaded) in [
            (
                "CHECK (((status)::text = ANY ((ARRAY['new'::character varying, 'paid'::character varying])::text[])))",
                "CHECK (((status)::text = ANY (ARRAY[('new'::character varying)::text, ('paid'::character varying)::text])))",
            ),
            (
                "WHERE (((id >= 1) AND (id <= 5)) AND (sm = 3))",
                "WHERE ((id >= 1) AND (id <= 5) AND (sm = 3))",
            ),
            (
                "CASE WHEN a::text = ANY (ARRAY['x'::character varying, 'y'::character varying]::text[]) THEN 1",
                "CASE WHEN a::text = ANY (ARRAY['x'::character varying::text, 'y'::character varying::text]) THEN 1",
            ),
            (
                "a = (x)::timestamp(3) without time zone",
                "a = ((x)::timestamp without time zone)::timestamp(3) without time zone",
            ),
            ("(x)::app.\"my type\"[] && y", "x && ((y))::app.\"my type\""),
            ("(a OR (b OR (c AND d)))", "a OR b OR (c AND d)"),
            ("NOT ((a AND b))", "NOT (a AND b)"),
        ] {
            assert!(same(made, reloaded), "{made}");
        }
    }

    #[test]
    fn what_means_something_else_has_another_one() {
        for (one, other) in [
            ("CHECK (a > 1)", "CHECK (a >= 1)"),
            ("CHECK (a IN ('x'))", "CHECK (a IN ('x '))"),
            ("CHECK (a = '(x)')", "CHECK (a = 'x')"),
            ("DEFAULT 'a'::text", "DEFAULT 'b'::text"),
            ("DEFAULT 1 NOT NULL", "DEFAULT 1"),
            ("a AND b OR c", "a OR b AND c"),
            ("(a AND (b OR c))", "((a AND b) OR c)"),
            ("a AND (b OR c)", "a AND b OR c"),
            ("NOT (a AND b)", "NOT a AND b"),
            ("a - (b - c)", "(a - b) - c"),
            ("f(a + b) * c", "f(a + b * c)"),
            ("(a = b) = c", "a = (b = c)"),
            ("a BETWEEN 1 AND (2 AND 3)", "(a BETWEEN 1 AND 2) AND 3"),
            ("(a)::date > b", "(a)::timestamp > b"),
            ("x IN (a, (b))", "x IN (a), b"),
            ("AS $$ BEGIN (1) END $$", "AS $$ BEGIN 1 END $$"),
            ("AS $f$ a\n$f$", "AS $f$ a\r\n$f$"),
            ("\"a b\"", "\"a  b\""),
            ("E'a\\'b (c)'", "E'a\\'b c'"),
            ("x::text COLLATE \"C\"", "x::text COLLATE \"POSIX\""),
            ("x::text[1]", "x::text[2]"),
        ] {
            assert!(!same(one, other), "{one}");
        }
    }

    #[test]
    fn a_bracket_in_a_string_is_no_bracket() {
        let of = |text: &str| skeleton(Dialect::Mysql, text.as_bytes());
        assert_ne!(of(r"select 'a\'(b' AS x"), of(r"select 'a\'b' AS x"));
        assert_eq!(of("select (1) AS x"), of("select 1 AS x"));
    }

    proptest! {
        #[test]
        fn any_bytes_have_one(text in prop::collection::vec(prop_oneof![Just(b'\''), Just(b'$'), Just(b':'), Just(b'('), any::<u8>()], 0..200)) {
            let _postgresql = skeleton(Dialect::Postgresql, &text);
            let _mysql = skeleton(Dialect::Mysql, &text);
        }
    }
}
