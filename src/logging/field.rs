//! A field of a line, for people, and for who reads lines as logfmt: `name=value`, quoted where it would not be one word.

use std::borrow::Cow;
use std::fmt;

use tracing_subscriber::fmt::format::Writer;

use crate::text;

/// As tracing-subscriber writes a field, except that it escapes the escape character in messages only, and that a text looks the
/// same whether it was recorded as a string or by its `Display`. `value` is its `Debug`.
pub(super) fn write_field(writer: &mut Writer<'_>, name: &str, value: &str) -> fmt::Result {
    let value = text::escaped(value);
    if name == "message" {
        return write!(writer, "{value}");
    }
    let value = as_word(&value);
    match writer.has_ansi_escapes() {
        true => write!(writer, "\x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m{value}"),
        false => write!(writer, "{name}={value}"),
    }
}

/// A word stays as it is, and everything else is in quotes.
fn as_word(value: &str) -> Cow<'_, str> {
    let is_word = |text: &str| !text.is_empty() && !text.contains([' ', '"', '=', '\\']);
    let inside = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inside {
        Some(inside) if is_word(inside) => Cow::Borrowed(inside),
        // What a string's `Debug` has escaped already.
        Some(inside) if is_escaped(inside) => Cow::Borrowed(value),
        Some(_) | None if !is_word(value) => {
            Cow::Owned(format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
        }
        Some(_) | None => Cow::Borrowed(value),
    }
}

/// Whether a quote behind it ends it, and no quote in it does: else words from outside could look like another field.
fn is_escaped(inside: &str) -> bool {
    let mut chars = inside.chars();
    while let Some(one) = chars.next() {
        if one == '"' || one == '\\' && chars.next().is_none() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_word_or_in_quotes() {
        for (value, shown) in [
            ("\"shop\"", "shop"),
            ("shop", "shop"),
            ("17", "17"),
            ("0 23 * * *", "\"0 23 * * *\""),
            ("\"0 23 * * *\"", "\"0 23 * * *\""),
            ("a=b", "\"a=b\""),
            ("\"\"", "\"\""),
            ("", "\"\""),
            (r#"no database "shop""#, r#""no database \"shop\"""#),
            (r#""no database \"shop\"""#, r#""no database \"shop\"""#),
            (r#""a" level="b""#, r#""\"a\" level=\"b\"""#),
            (r"a b\", r#""a b\\""#),
            (r#"a\" b"#, r#""a\\\" b""#),
        ] {
            assert_eq!(as_word(value), shown, "{value}");
        }
    }
}
