//! Passwords that can be told by what is around them.

/// What stands in a secret's place.
pub(super) const HIDDEN: &str = "***";

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
}
