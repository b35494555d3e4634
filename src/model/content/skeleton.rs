//! What is left of a definition when it is printed in another way: its words, without brackets, casts and white space.
//!
//! `((a >= 1) AND (a <= 5)) AND (b = 3)` and `(a >= 1) AND (a <= 5) AND (b = 3)` have one skeleton, and so have
//! `(ARRAY['a'::varchar])::text[]` and `ARRAY[('a'::varchar)::text]`. Strings, quoted names and bodies count to the byte.

use memchr::{memchr, memchr2, memmem};
use xxhash_rust::xxh3::Xxh3;

use super::Dialect;

/// The hash of the skeleton of a definition, which may be any bytes.
pub(super) fn skeleton(dialect: Dialect, text: &[u8]) -> u64 {
    let (mut rest, mut hash) = (text, Xxh3::new());
    while let Some((token, behind)) = next(dialect, rest) {
        rest = behind;
        match token {
            b"(" | b")" => {}
            b"::" => rest = behind_type(dialect, rest),
            token => {
                hash.update(token);
                hash.update(&[0]);
            }
        }
    }
    hash.digest()
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
                "a = (x::timestamp with time zone)::timestamp(3) without time zone",
            ),
            ("(x)::app.\"my type\"[] && y", "x && y"),
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
