//! The parts of a URL of any scheme. No problem repeats a part of it: each may be a secret.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What stays as it is in a path's segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A URL, taken apart.
pub(super) struct Parts<'a> {
    /// In lower case.
    pub(super) scheme: String,
    /// What is before the `@`, not decoded.
    login: Option<&'a str>,
    /// Host and port, not checked: some schemes have other things there.
    pub(super) place: &'a str,
    /// The path's segments, decoded; empty ones are left out.
    pub(super) path: Vec<String>,
    /// The query's pairs, decoded.
    pub(super) query: Vec<(String, String)>,
}

impl<'a> Parts<'a> {
    /// `None` if it is no URL at all.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, authority),
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = path.split('/').filter(|segment| !segment.is_empty()).map(decoded).collect();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let query = pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decoded(name).to_ascii_lowercase(), decoded(value)))
            .collect();
        Some(Self { scheme: scheme.to_ascii_lowercase(), login, place, path, query })
    }

    /// User and password, decoded; each is empty where it is absent.
    pub(super) fn login(&self) -> Option<(String, String)> {
        let login = self.login?;
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        Some((decoded(user), decoded(password)))
    }

    /// All that is before the `@`, decoded.
    pub(super) fn whole_login(&self) -> Option<String> {
        self.login.map(decoded)
    }

    /// Host and port, if both may be such.
    pub(super) fn host(&self) -> Option<(&'a str, Option<u16>)> {
        let (host, port) = match self.place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                (host, Some(port.parse().ok().filter(|port| *port > 0)?))
            }
            _ => (self.place, None),
        };
        let is_name = |host: &str| {
            host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
                && host.starts_with(|c: char| c.is_ascii_alphanumeric())
        };
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_host = match address {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => is_name(host),
        };
        is_host.then_some((host, port))
    }

    /// The URL of the server, by `http` or `https`, with the first `folders` segments of the path.
    pub(super) fn server(&self, is_tls: bool, folders: usize) -> Option<String> {
        self.host()?;
        let scheme = if is_tls { "https" } else { "http" };
        let folders = self.path.iter().take(folders).map(|folder| format!("/{}", encoded(folder)));
        Some(format!("{scheme}://{}{}", self.place, folders.collect::<String>()))
    }

    /// Takes a pair out of the query.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.query.iter().position(|(other, _)| other == name)?;
        Some(self.query.remove(at).1)
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Text as a segment of a path.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}
