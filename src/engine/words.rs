//! Splitting `dumpcar.args` as a shell would.

/// The text is not a list of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    #[error("has a quote that is not closed")]
    Quote,
    #[error("ends in a backslash")]
    Backslash,
}

/// Splits at blanks. `'…'` and `"…"` hold a word together, a backslash takes the next character as it is (not inside
/// `'…'`). Nothing is expanded: no variable, no pattern, no command.
///
/// # Errors
/// A quote without its end, or a backslash at the end.
pub fn words(text: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => {
                word.get_or_insert_default().push(characters.next().ok_or(WordsError::Backslash)?);
            }
            (None, _) if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(WordsError::Quote);
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_splits_them() {
        for (text, expected) in [
            ("", &[][..]),
            ("  --a   -b=1 ", &["--a", "-b=1"]),
            (r#"--where='a b' "c \" d" e\ f '' x'y'z"#, &["--where=a b", "c \" d", "e f", "", "xyz"]),
            (r"'a\b' $HOME *", &[r"a\b", "$HOME", "*"]),
        ] {
            assert_eq!(words(text).unwrap(), expected, "{text}");
        }
        assert_eq!(words("a 'b"), Err(WordsError::Quote));
        assert_eq!(words("a\\"), Err(WordsError::Backslash));
    }
}
