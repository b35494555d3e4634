//! Takes secrets out of the words of a server, which may repeat what it was sent.

use percent_encoding::percent_decode_str;

use super::request::Request;
use crate::text::escaped;

/// What is shorter is no token, and would be found by chance.
const SHORTEST: usize = 5;

/// So much of what a server says is shown, in characters.
const SHOWN: usize = 200;

/// `text` in one short line, without anything that the request could have been let in by.
pub(in crate::report) fn answered(text: &str, request: &Request) -> String {
    let url = request.url.expose();
    let headers = request.headers.iter().filter(|(name, _)| *name != "content-type");
    let values = headers.flat_map(|(_, value)| [value.expose()].into_iter().chain(value.expose().split(' ')));
    let secrets: Vec<String> = pieces(url).into_iter().chain(values.map(str::to_owned)).collect();
    redacted(text, &secrets)
}

/// `text` in one short line without these secrets.
pub(in crate::report) fn redacted(text: &str, secrets: &[String]) -> String {
    let mut secrets: Vec<&String> = secrets.iter().filter(|secret| secret.len() >= SHORTEST).collect();
    // A piece of a secret must not keep the whole from being found.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let cleaned =
        secrets.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "…"));
    let line: String = cleaned.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = escaped(&line).into_owned();
    match line.char_indices().nth(SHOWN) {
        None => line,
        Some((at, _)) => format!("{}…", line.split_at(at).0),
    }
}

/// The parts of a URL that may be secret, as they are written and decoded: all but its host.
fn pieces(url: &str) -> Vec<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let login = authority.rsplit_once('@').map_or("", |(login, _)| login);
    let whole = [path.to_owned(), path.split('?').next().unwrap_or_default().to_owned()];
    let parts = path.split(['/', '?', '&', '=']).chain(login.split(':'));
    let decoded = parts.clone().map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned());
    whole.into_iter().chain(parts.map(str::to_owned)).chain(decoded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_repeats_what_it_was_sent_shows_no_token() {
        let request =
            Request::get("https://me:hunter22@example.com/services/T0123/B0123/s3cr%2Ft?sig=abcdef")
                .with("authorization", "Bearer tk_0123456789");
        let said = answered(
            "no /services/T0123/B0123/s3cr%2Ft?sig=abcdef, T0123, s3cr/t, hunter22\n\u{1b} tk_0123456789 abcdef",
            &request,
        );
        for secret in ["T0123", "B0123", "s3cr", "hunter22", "tk_01", "abcdef"] {
            assert!(!said.contains(secret), "{said}");
        }
        assert!(said.contains("\\u{1b}") && !said.contains('\n'), "{said}");
    }

    #[test]
    fn a_long_answer_is_cut_where_a_character_ends() {
        let said = redacted(&"ä".repeat(1_000), &[]);
        assert_eq!(said.chars().count(), SHOWN + 1);
    }
}
