//! Secrets in what a tool prints: those of its environment, and those that can be told by what is around them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD as STANDARD_NO_PAD;

/// What stands in a secret's place.
pub(super) const HIDDEN: &str = "***";

/// `text` without the values of the variables that are secrets by their names, and without the base64 of these.
///
/// Short values are left: they would be found in ordinary words, and so would the base64 of longer ones.
pub(super) fn variables(text: &str, env: &BTreeMap<String, String>) -> String {
    let secrets = env.iter().filter(|(name, value)| value.len() >= 4 && is_secret(name, value));
    let mut hidden: Vec<String> = Vec::new();
    for (_, secret) in secrets {
        if secret.len() >= 8 {
            // Without padding: what is padded contains it.
            hidden.push(STANDARD_NO_PAD.encode(secret));
        }
        hidden.push(secret.clone());
    }
    // One may be the beginning of another.
    hidden.sort_by_key(|secret| Reverse(secret.len()));
    hidden.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), HIDDEN))
}

/// The values of a command line's options that are secrets by their names: `--requirepass VALUE`, `--password=VALUE`.
pub(super) fn arguments(text: &str, arguments: &[String]) -> String {
    let mut env = BTreeMap::new();
    let mut put = |name: &str, value: &str| {
        // `--masterauth` is one.
        let name = name.trim_start_matches('-').replace('-', "_").replace("auth", "_auth");
        env.insert(name, value.trim_matches(['"', '\'']).to_owned());
    };
    let mut look = |words: &[&str]| {
        for (word, next) in words.iter().zip(words.iter().skip(1).chain([&""])) {
            match word.strip_prefix("--").and_then(|option| option.split_once('=')) {
                Some((name, value)) => put(name, value),
                None if word.starts_with("--") => put(word, next),
                None => {}
            }
        }
    };
    // A script for a shell is looked into.
    look(&arguments.iter().flat_map(|argument| argument.split_whitespace()).collect::<Vec<_>>());
    look(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    variables(text, &env)
}

fn is_secret(name: &str, value: &str) -> bool {
    const ANYWHERE: [&str; 7] = ["PASS", "SECRET", "TOKEN", "KEY", "PWD", "CRED", "DSN"];
    /// In front of another word they often say how, and not with what: `SESSION_DRIVER=database`.
    const WORDS: [&str; 3] = ["AUTH", "SESSION", "PW"];
    const NO_SECRETS: [&str; 3] = ["METHOD", "USER", "USERNAME"];
    let name = name.to_ascii_uppercase();
    if ANYWHERE.iter().any(|sign| name.contains(sign)) {
        return true;
    }
    let is_ordinary =
        value.bytes().all(|b| b.is_ascii_alphabetic()) || value.bytes().all(|b| b.is_ascii_digit());
    let mut words = name.split('_').rev();
    let last = words.next().unwrap_or_default();
    WORDS.contains(&last)
        || !is_ordinary && !NO_SECRETS.contains(&last) && words.any(|word| WORDS.contains(&word))
}

/// `text` without the passwords of `scheme://user:password@host` and of `password=…`, as connection strings have them.
pub(super) fn logins(text: &str) -> String {
    after_password_words(&in_addresses(text))
}

fn in_addresses(text: &str) -> String {
    let mut parts = text.split("://");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        result.push_str("://");
        let end = part.find(|c: char| c.is_whitespace() || "/\"'`<>".contains(c)).unwrap_or(part.len());
        let (authority, rest) = part.split_at(end);
        match authority.rsplit_once('@').and_then(|(login, host)| Some((login.split_once(':')?, host))) {
            Some(((user, _), host)) => result.push_str(&format!("{user}:{HIDDEN}@{host}")),
            None => result.push_str(authority),
        }
        result.push_str(rest);
    }
    result
}

fn after_password_words(text: &str) -> String {
    const WORDS: [&str; 3] = ["password", "passwd", "pwd"];
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(equals) = rest.find('=') {
        let (before, value) = rest.split_at(equals + 1);
        result.push_str(before);
        rest = value;
        let name = before.trim_end_matches('=').trim_end().to_ascii_lowercase();
        if !WORDS.iter().any(|word| name.ends_with(word)) {
            continue;
        }
        // As libpq takes it: in quotes, or up to the next space; in an address, up to the next parameter.
        let quote = value.trim_start().chars().next().filter(|c| matches!(c, '\'' | '"'));
        let end = match quote {
            Some(quote) => value.match_indices(quote).nth(1).map_or(value.len(), |(at, _)| at + 1),
            None => value.find(|c: char| c.is_whitespace() || "&;,'\"".contains(c)).unwrap_or(value.len()),
        };
        if end > 0 {
            result.push_str(HIDDEN);
            rest = value.split_at(end).1;
        }
    }
    result + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_told_by_what_is_around_them() {
        for (text, shown) in [
            ("postgresql://app:hunter2@db:5432/shop is down", "postgresql://app:***@db:5432/shop is down"),
            ("a mysql://a:b@c and amqp://d:e:f@g", "a mysql://a:***@c and amqp://d:***@g"),
            ("mongodb://a:p@ss@h1,h2/x", "mongodb://a:***@h1,h2/x"),
            ("host=db password=hunter2 user=app", "host=db password=*** user=app"),
            ("host=db PASSWORD = 'it is' user=app", "host=db PASSWORD =*** user=app"),
            ("--password=hunter2", "--password=***"),
            ("x?user=a&password=hunter2&ssl=1", "x?user=a&password=***&ssl=1"),
            ("PGPASSWORD=hunter2; MYSQL_PWD=hunter2", "PGPASSWORD=***; MYSQL_PWD=***"),
            ("password='never closed", "password=***"),
        ] {
            assert_eq!(logins(text), shown);
        }
    }

    #[test]
    fn variables_are_told_by_their_names() {
        for (name, value, is_hidden) in [
            ("POSTGRES_PASSWORD", "hunter2", true),
            ("app_pass", "word", true),
            ("API_KEY", "abcd", true),
            ("API_KEY", "abc", false),
            ("DB_CREDENTIALS", "hunter2", true),
            ("SENTRY_DSN", "https://abc@example.com/1", true),
            ("REDISCLI_AUTH", "hunter", true),
            ("AUTH", "1234", true),
            ("DB_PW", "hunter", true),
            ("SESSION", "abcdef", true),
            ("BASIC_AUTH_LINE", "app:hunter2", true),
            ("SESSION_COOKIE", "a1b2c3", true),
            ("SESSION_DRIVER", "database", false),
            ("SESSION_TIMEOUT", "3600", false),
            ("POSTGRES_HOST_AUTH_METHOD", "scram-sha-256", false),
            ("AUTH_USER", "app_1", false),
            ("AUTHOR", "J. Doe 1", false),
            ("PWA_NAME", "shop-1", false),
            ("POSTGRES_USER", "shop-1", false),
            ("POSTGRES_DB", "shop-1", false),
        ] {
            let env = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            let shown = variables(&format!("it says {value}!"), &env);
            assert_eq!(shown == "it says ***!", is_hidden, "{name}: {shown}");
        }
    }

    #[test]
    fn base64_of_a_secret_is_hidden_too() {
        let env = BTreeMap::from([
            ("A_TOKEN".to_owned(), "hunter2!".to_owned()),
            ("B_KEY".to_owned(), "hunter2".to_owned()),
        ]);
        for (text, shown) in [
            ("aHVudGVyMiE=", "***="),
            ("aHVudGVyMiE", "***"),
            ("x aHVudGVyMiE= y hunter2! z hunter2", "x ***= y *** z ***"),
            // Of seven bytes: not hidden.
            ("aHVudGVyMg==", "aHVudGVyMg=="),
        ] {
            assert_eq!(variables(text, &env), shown);
        }
    }

    #[test]
    fn other_text_stays_as_it_is() {
        for text in [
            "",
            "http://example.com/a@b:c",
            "http://user@host/x",
            "//a:b@c",
            "Access denied for user 'root'@'localhost' (using password: YES)",
            "password=",
            "a = b = c",
            "päss=wörd ://",
        ] {
            assert_eq!(logins(text), text);
        }
    }

    #[test]
    fn passwords_of_a_command_line_are_hidden() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (line, said, shown) in [
            ("redis-server --requirepass hunter2", "no hunter2", "no ***"),
            ("x --requirepass=hunter2 --port 6379", "hunter2 at 6379", "*** at 6379"),
            ("x --masterauth hunter2", "hunter2", "***"),
            ("x --port hunter2", "hunter2", "hunter2"),
            ("x --requirepass", "x", "x"),
        ] {
            assert_eq!(arguments(said, &words(line)), shown, "{line}");
        }
        let spaced = ["--requirepass".to_owned(), "two words".to_owned()];
        assert_eq!(arguments("two words", &spaced), "***");
        let script = ["-c".to_owned(), "exec redis-server --requirepass 'hunter2'".to_owned()];
        assert_eq!(arguments("hunter2", &script), "***");
    }
}
