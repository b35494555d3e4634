//! Names in quotes.

/// A name in quotes, in which one is written as two, and what is behind it.
pub(super) fn quoted(text: &[u8]) -> (String, &[u8]) {
    let Some((&quote, mut rest)) = text.split_first() else { return (String::new(), text) };
    let mut name = Vec::new();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte == quote {
            match behind.split_first() {
                Some((next, behind)) if *next == quote => rest = behind,
                _ => break,
            }
        }
        name.push(byte);
    }
    (String::from_utf8_lossy(&name).into_owned(), rest)
}
