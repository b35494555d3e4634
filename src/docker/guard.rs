//! The requests Dumpcar makes to Docker. Whatever leads to another one, it is not sent.

use crate::model::id::{ImageId, is_container_name};

/// A request's form: `docs/security.md` has the same table, for proxies that filter by path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) method: &'static str,
    /// `{id}` stands for a container's or command's id or name, `{image}` for an image's id.
    pub(super) path: &'static str,
    /// The parameters there may be.
    query: &'static [&'static str],
    /// How many bytes an answer may have, its head included; `None` for the stream of a command, which is bounded by whoever
    /// reads it.
    pub(super) limit: Option<u64>,
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

const fn form(
    method: &'static str,
    path: &'static str,
    query: &'static [&'static str],
    limit: Option<u64>,
) -> Form {
    Form { method, path, query, limit }
}

/// The limits are far above what Docker answers: about 1 KiB for each listed container and 5 for an inspected one (a container of the
/// tests, 20.10), and more for one with many labels or mounts.
pub(super) const FORMS: [Form; 14] = [
    form("GET", "/version", &[], Some(MIB)),
    form("GET", "/info", &[], Some(4 * MIB)),
    form("GET", "/containers/json", &["all"], Some(8 * MIB)),
    form("GET", "/containers/{id}/json", &["size"], Some(4 * MIB)),
    // A connection's. It is opened again, so the limit only bounds how long one event may be.
    form("GET", "/events", &["filters"], Some(8 * MIB)),
    form("POST", "/containers/{id}/exec", &[], Some(MIB)),
    form("POST", "/exec/{id}/start", &[], None),
    form("GET", "/exec/{id}/json", &[], Some(MIB)),
    form("GET", "/images/{image}/json", &[], Some(4 * MIB)),
    form("POST", "/containers/create", &["name", "platform"], Some(MIB)),
    form("POST", "/containers/{id}/start", &[], Some(MIB)),
    form(
        "GET",
        "/containers/{id}/logs",
        &["follow", "stdout", "stderr", "since", "until", "timestamps", "tail"],
        Some(MIB),
    ),
    // On a manager of a swarm: all of its services.
    form("GET", "/services", &[], Some(8 * MIB)),
    form("DELETE", "/containers/{id}", &["v", "force", "link"], Some(MIB)),
];

/// The form of a request; `None` when it must not be sent.
pub(super) fn form_of(method: &str, path: &str, query: Option<&str>) -> Option<&'static Form> {
    let form = FORMS.iter().find(|form| form.method == method && matches(form.path, path))?;
    let mut keys = query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').map_or(pair, |(key, _)| key));
    keys.all(|key| form.query.contains(&key)).then_some(form)
}

fn matches(form: &str, path: &str) -> bool {
    let (mut parts, mut segments) = (form.split('/'), path.split('/'));
    loop {
        match (parts.next(), segments.next()) {
            (None, None) => return true,
            (Some("{id}"), Some(segment)) if is_container_name(segment) => {}
            (Some("{image}"), Some(segment)) if segment.parse::<ImageId>().is_ok() => {}
            (Some(word), Some(segment)) if word == segment && !word.starts_with('{') => {}
            (_, _) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn only_the_known_requests_are_sent() {
        let id = "0123456789abcdef".repeat(4);
        for (method, path, query) in [
            ("GET", "/version".to_owned(), None),
            ("GET", "/containers/json".to_owned(), Some("all=true")),
            ("GET", format!("/containers/{id}/json"), Some("")),
            ("GET", "/containers/shop-db-1/json".to_owned(), None),
            ("GET", "/containers/dumpcar-drill-00/json".to_owned(), Some("size=true")),
            ("POST", format!("/containers/{id}/exec"), None),
            ("GET", format!("/images/sha256:{id}/json"), None),
            // The client library always sends both.
            ("POST", "/containers/create".to_owned(), Some("name=dumpcar-drill-00&platform=")),
            ("DELETE", "/containers/dumpcar-drill-00".to_owned(), Some("v=true&force=true&link=false")),
        ] {
            assert!(form_of(method, &path, query).is_some(), "{method} {path} {query:?}");
        }
        for (method, path, query) in [
            ("POST", "/containers/victim/kill".to_owned(), Some("x=/exec")),
            ("POST", "/build".to_owned(), Some("remote=http://127.0.0.1/Dockerfile")),
            ("GET", "/images/get".to_owned(), Some("names=x")),
            ("GET", "/images/postgres:17/json".to_owned(), None),
            ("GET", "/containers/../json".to_owned(), None),
            ("GET", "/containers//json".to_owned(), None),
            ("GET", "/containers/a%2fb/json".to_owned(), None),
            ("GET", "/containers/{id}/json/".to_owned(), None),
            ("GET", format!("/containers/{id}/json"), Some("stream=1")),
            ("PUT", "/version".to_owned(), None),
            ("get", "/version".to_owned(), None),
            ("POST", "/containers/prune".to_owned(), None),
            ("DELETE", "/containers/".to_owned(), None),
            ("DELETE", "/volumes/x".to_owned(), None),
        ] {
            assert_eq!(form_of(method, &path, query), None, "{method} {path} {query:?}");
        }
    }

    /// Proxies that filter requests are set up by the table in `docs/security.md`.
    #[test]
    fn the_table_of_the_documentation_has_them_all_and_no_other() {
        let page = include_str!("../../docs/security.md");
        let named: BTreeSet<String> = page
            .lines()
            .filter(|line| line.trim_start().starts_with("| `"))
            .flat_map(|line| line.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
            .filter(|code| ["GET /", "POST /", "DELETE /"].iter().any(|start| code.starts_with(start)))
            .collect();
        let made: BTreeSet<String> =
            FORMS.iter().map(|form| format!("{} {}", form.method, form.path)).collect();
        assert_eq!(named, made);
    }
}
