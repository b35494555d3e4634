//! How an empty database is made: what a dump of its content does not say.

use serde::{Deserialize, Serialize};

/// The options of a `CREATE DATABASE`. Each server has its own; an absent one is left to the server.
///
/// They come from a manifest, where anything may be, and go into a statement: an engine renders each one, and nothing here
/// is ever taken as SQL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseOptions {
    /// PostgreSQL: `UTF8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Word>,
    /// PostgreSQL 15 and later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale_provider: Option<LocaleProvider>,
    /// PostgreSQL: `LC_COLLATE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collate: Option<Text>,
    /// PostgreSQL: `LC_CTYPE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ctype: Option<Text>,
    /// PostgreSQL: the locale of a provider that is not libc.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Text>,
    /// PostgreSQL 16 and later: what the locale of ICU is refined by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icu_rules: Option<Text>,
    /// PostgreSQL: where it is, if not in the default tablespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tablespace: Option<Text>,
    /// PostgreSQL: further tablespaces that some of its tables and indexes are in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tablespaces: Vec<Text>,
    /// MariaDB and MySQL: `utf8mb4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub character_set: Option<Word>,
    /// MariaDB and MySQL: `utf8mb4_general_ci`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<Word>,
}

impl DatabaseOptions {
    /// What a server has to have a locale for.
    #[must_use]
    pub fn locale_only(&self) -> Self {
        let Self { locale_provider, collate, ctype, locale, .. } = self.clone();
        Self { locale_provider, collate, ctype, locale, ..Self::default() }
    }
}

/// Whose locales a PostgreSQL database sorts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LocaleProvider {
    Libc,
    Icu,
    Builtin,
}

impl LocaleProvider {
    pub fn name(self) -> &'static str {
        match self {
            Self::Libc => "libc",
            Self::Icu => "icu",
            Self::Builtin => "builtin",
        }
    }
}

/// The name of an encoding, a character set or a collation: 1 to 64 ASCII letters, digits and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Word(String);

/// The name or the rules of a locale: up to 1,024 bytes, and no control characters but line breaks and tabs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Text(String);

impl Word {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Word {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if (1..=64).contains(&text.len()) && text.bytes().all(is_part) {
            Ok(Self(text))
        } else {
            Err("must be 1 to 64 letters, digits and _")
        }
    }
}

impl TryFrom<String> for Text {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.len() <= 1024 && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            Ok(Self(text))
        } else {
            Err("must be up to 1,024 bytes without control characters")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(json: &str) -> Result<DatabaseOptions, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn options_are_read_back_as_they_were_written() {
        let json = r#"{"encoding":"UTF8","locale_provider":"icu","collate":"en_US.utf8","ctype":"C","locale":"de-u-co-phonebk","icu_rules":"&a < 'b'\n","tablespace":"fast","tablespaces":["a b","slow"]}"#;
        assert_eq!(serde_json::to_string(&options(json).unwrap()).unwrap(), json);
        let json = r#"{"character_set":"utf8mb4","collation":"utf8mb4_uca1400_ai_ci"}"#;
        assert_eq!(serde_json::to_string(&options(json).unwrap()).unwrap(), json);
        assert_eq!(options("{}").unwrap(), DatabaseOptions::default());
    }

    #[test]
    fn what_is_no_option_is_refused() {
        let long = "x".repeat(65);
        for word in ["", "; CREATE DATABASE injected; -- ", "a b", "utf8'", "ü", "a\n", &long] {
            for name in ["encoding", "character_set", "collation"] {
                let json = serde_json::json!({ name: word }).to_string();
                assert!(options(&json).is_err(), "{json}");
            }
        }
        let long = "x".repeat(1025);
        for text in ["C\0", "\u{1b}[31m", "\r", "\u{85}", &long] {
            for name in ["collate", "ctype", "locale", "icu_rules", "tablespace"] {
                let json = serde_json::json!({ name: text }).to_string();
                assert!(options(&json).is_err(), "{json}");
            }
        }
        for json in [r#"{"locale_provider":"x"}"#, r#"{"encoding":7}"#, r#""ENCODING 'UTF8'""#, "7"] {
            assert!(options(json).is_err(), "{json}");
        }
    }
}
