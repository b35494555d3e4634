//! The name of an old database that a restore keeps beside the new one.

use jiff::Timestamp;
use jiff::civil::DateTime;

/// Between a database's name and when it was replaced.
const BEFORE: &str = "_before_";
const BEFORE_TIME: &str = "%Y%m%d_%H%M%S";
/// PostgreSQL cuts a name at so many bytes (`NAMEDATALEN`); those of MariaDB and MySQL have up to 64 characters.
const LONGEST_NAME: usize = 63;

/// The name under which an old database stays beside the restored one: `shop_before_20261127_021500`, in UTC.
pub(in crate::engine) fn old_name(name: &str, at: Timestamp) -> String {
    let end = end(at);
    let mut start = name.to_owned();
    while start.len() + end.len() > LONGEST_NAME && start.pop().is_some() {}
    start + &end
}

/// The same for a name that may have any length.
pub(in crate::engine) fn old_name_of_any_length(name: &str, at: Timestamp) -> String {
    name.to_owned() + &end(at)
}

fn end(at: Timestamp) -> String {
    format!("{BEFORE}{}", at.strftime(BEFORE_TIME))
}

/// Whether a restore has left the database of this name beside another one: it may go at any time.
pub fn is_old_name(name: &str) -> bool {
    let Some((_, time)) = name.rsplit_once(BEFORE) else { return false };
    DateTime::strptime(BEFORE_TIME, time).is_ok()
}

/// As a shell takes it for one word.
pub(in crate::engine) fn shell_quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_database_has_a_name_that_says_since_when() {
        let at: Timestamp = "2026-11-27T02:15:09Z".parse().unwrap();
        assert_eq!(old_name("shop", at), "shop_before_20261127_021509");
        let long = old_name(&"ä".repeat(31), at);
        assert_eq!(long, format!("{}_before_20261127_021509", "ä".repeat(20)));
        assert!(long.len() <= 63 && is_old_name(&long) && is_old_name(&old_name("shop", at)));
        assert!(is_old_name(&old_name(&old_name("shop", at), at)));
        for name in [
            "shop",
            "shop_before",
            "shop_before_the_move",
            "shop_before_20261127",
            "shop_before_20269927_021500",
        ] {
            assert!(!is_old_name(name), "{name}");
        }
        assert!(!super::super::replacement::is_leftover(&old_name("shop", at)));
    }
}
