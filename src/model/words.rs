//! Splits a line into words, for additional arguments of a dump tool.

/// A quote without its end, or a backslash with nothing after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("has an unclosed quote or ends in a backslash")]
pub struct WordsError;

/// Splits like a shell, but only that: white space separates; `'…'` is taken as it is; in `"…"` and outside of
/// quotes a backslash takes the next character as it is. No variables, no globs, no comments: the words go to the
/// tool without a shell, and what would need one belongs into `dumpcar.command`.
///
/// # Errors
/// An unclosed quote or a trailing backslash.
pub fn split(line: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    // None between words; an empty word is there as soon as a quote has begun.
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => {
                let literal = chars.next().ok_or(WordsError)?;
                word.get_or_insert_default().push(literal);
            }
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (_, Some(open)) if c == open => quote = None,
            (_, None) if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if quote.is_some() { Err(WordsError) } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotes_and_backslashes() {
        for (line, words) in [
            ("", &[][..]),
            ("  a  b\tc\n", &["a", "b", "c"]),
            ("--exclude-table='order items'", &["--exclude-table=order items"]),
            (r#"-x "a \"b\" \\ 'c'" d"#, &["-x", r#"a "b" \ 'c'"#, "d"]),
            (r"a\ b 'c\d'", &["a b", r"c\d"]),
            ("'' \"\"", &["", ""]),
            ("$HOME *.sql #x", &["$HOME", "*.sql", "#x"]),
        ] {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
        for line in ["'a", "\"a", "a\\", "\"a\\\""] {
            assert_eq!(split(line), Err(WordsError), "{line}");
        }
    }

    proptest! {
        #[test]
        fn quoted_words_come_back(words in prop::collection::vec(any::<String>(), 0..6)) {
            let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
            prop_assert_eq!(split(&quoted.join(" ")).unwrap(), words);
        }
    }
}
