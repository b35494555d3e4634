//! Just enough of HTML to look at our own pages: all attributes are quoted.

/// A start tag, an end tag (its name begins with a slash), or text between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Tag { name: String, attributes: Vec<(String, String)> },
    Text(String),
}

impl Token {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Tag { name, .. } => name,
            Self::Text(_) => "",
        }
    }

    pub(super) fn get(&self, wanted: &str) -> Option<&str> {
        match self {
            Self::Tag { attributes, .. } => {
                attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
            }
            Self::Text(_) => None,
        }
    }

    pub(super) fn attributes(&self) -> &[(String, String)] {
        match self {
            Self::Tag { attributes, .. } => attributes,
            Self::Text(_) => &[],
        }
    }
}

/// The tokens of a page.
pub(super) fn tokens(page: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = page;
    while let Some((text, after)) = rest.split_once('<') {
        tokens.push(Token::Text(text.to_owned()));
        let end = end_of_tag(after);
        tokens.push(tag(after.get(..end).unwrap()));
        rest = after.get(end + 1..).unwrap();
        // What is in a stylesheet is no tag.
        if tokens.last().unwrap().name() == "style" {
            let (style, after) = rest.split_once("</style>").unwrap();
            tokens.push(Token::Text(style.to_owned()));
            rest = after;
        }
    }
    assert!(!rest.contains('>'), "{rest}");
    tokens
}

/// Where a tag ends: a quoted `>` does not end it.
fn end_of_tag(text: &str) -> usize {
    let mut is_quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            '>' if !is_quoted => return at,
            _ => {}
        }
    }
    panic!("a tag without an end: {text}");
}

fn tag(text: &str) -> Token {
    let text = text.strip_suffix('/').unwrap_or(text);
    let (name, mut rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut attributes = Vec::new();
    while let Some((attribute, after)) = rest.split_once("=\"") {
        let (value, after) = after.split_once('"').unwrap();
        attributes.push((attribute.trim().to_owned(), value.to_owned()));
        rest = after;
    }
    assert!(rest.trim().is_empty() || name == "!doctype", "{text}");
    Token::Tag { name: name.to_owned(), attributes }
}

/// The words of a page, without its stylesheet.
pub(super) fn words(page: &str) -> String {
    let mut words = String::new();
    let mut before = String::new();
    for token in tokens(page) {
        match &token {
            Token::Text(text) if before != "style" => {
                words.push_str(&text.split_whitespace().collect::<Vec<_>>().join(" "));
                words.push(' ');
            }
            Token::Text(_) | Token::Tag { .. } => {}
        }
        before = token.name().to_owned();
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}
