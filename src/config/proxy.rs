//! A proxy on the way to the store, as the usual variables name it.

use super::parse::Parsed;
use super::reader::Reader;
use crate::secret::Secret;

/// In the order in which they count, the store client's own first. Of each pair, the one in capitals counts if both are set.
pub(super) const HTTPS: [&str; 5] = ["AWS_PROXY_URL", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
pub(super) const HTTP: [&str; 5] = ["AWS_PROXY_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
const NONE: [&str; 3] = ["AWS_PROXY_EXCLUDES", "NO_PROXY", "no_proxy"];

/// Services that give out credentials are near, and what they give is for nobody else: least of all for a proxy, which would
/// get an answer of its own.
const NEVER: &str =
    "localhost,127.0.0.0/8,::1,169.254.169.254,169.254.170.2,169.254.170.23,fd00:ec2::254,fd00:ec2::23";

/// One of them.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// The variable that names it.
    pub name: &'static str,
    /// Host and port, without what may be in front of them: a login.
    pub address: String,
    pub url: Secret,
}

/// For each kind of URL.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    https: Option<Proxy>,
    http: Option<Proxy>,
    /// Which hosts are asked for without one, between commas.
    pub except: String,
}

impl Proxies {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let https = reader.proxy(&HTTPS);
        let http = reader.proxy(&HTTP);
        let except = NONE.into_iter().find_map(|name| reader.text(name));
        let except = except.map_or_else(|| NEVER.to_owned(), |except| format!("{except},{NEVER}"));
        Self { https, http, except }
    }

    /// The one for this URL, unless it is an exception.
    pub fn of(&self, url: &str) -> Option<&Proxy> {
        let (scheme, rest) = url.split_once("://")?;
        // A name without a dot is one of the container's own network, which no proxy knows.
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        let is_near = !host.contains('.') && !host.starts_with('[');
        let is_excepted = self.except.split(',').any(|one| one.trim() == "*");
        if is_near || is_excepted {
            return None;
        }
        if scheme == "http" { self.http.as_ref() } else { self.https.as_ref() }
    }
}

impl Reader<'_> {
    /// The first of these that is set.
    fn proxy(&mut self, names: &[&'static str]) -> Option<Proxy> {
        let (name, url) = names.iter().find_map(|name| Some((*name, self.env.text(name)?)))?;
        let is_told = self.errors.iter().any(|error| error.name == name);
        match address(url) {
            Ok(address) => {
                if !self.shown.iter().any(|shown| shown.name == name) {
                    self.show(name, address.clone(), self.env.source(name));
                }
                Some(Proxy { name, address, url: Secret::new(url) })
            }
            Err(_) if is_told => None,
            Err(problem) => {
                self.errors.add(name, problem);
                None
            }
        }
    }
}

/// Where it is: host and port.
pub(super) fn address(text: &str) -> Parsed<String> {
    const WRONG: &str = "must be the URL of an HTTP proxy, like http://proxy.example.com:3128, with user:password@ before the host \
                         if it wants a login (other kinds, such as SOCKS, are not supported)";
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let usual = match scheme.to_ascii_lowercase().as_str() {
        "http" => 80,
        "https" => 443,
        _ => return Err(WRONG.to_owned()),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (login, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    let is_login = login.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '/' | '?' | '#' | '@' | '\\'));
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok().filter(|port| *port > 0_u16)),
        _ => (place, Some(usual)),
    };
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match inner {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        }
    };
    match port {
        Some(port) if is_login && is_host => Ok(format!("{host}:{port}")),
        _ => Err(WRONG.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn proxies(pairs: &[(&str, &str)]) -> Result<Proxies, String> {
        let base =
            [("DUMPCAR_STORE", "s3://backups/a"), ("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")];
        let pairs = base.iter().chain(pairs).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let config = Config::from_pairs(pairs, &|_| Err(std::io::ErrorKind::NotFound.into()));
        config.map(|config| config.proxies).map_err(|errors| errors.to_string())
    }

    fn of(pairs: &[(&str, &str)], url: &str) -> Option<String> {
        let proxies = proxies(pairs).unwrap();
        proxies.of(url).map(|proxy| format!("{} {}", proxy.name, proxy.address))
    }

    #[test]
    fn each_kind_of_url_has_its_variable_and_capitals_count() {
        let both = [("HTTPS_PROXY", "http://a:1"), ("HTTP_PROXY", "http://b:2"), ("https_proxy", "c:3")];
        assert_eq!(of(&both, "https://s3.example.com").as_deref(), Some("HTTPS_PROXY a:1"));
        assert_eq!(of(&both, "http://s3.example.com:9000").as_deref(), Some("HTTP_PROXY b:2"));
        assert_eq!(
            of(&[("https_proxy", "c:3")], "https://s3.example.com").as_deref(),
            Some("https_proxy c:3")
        );
        assert_eq!(of(&[("https_proxy", "c:3")], "http://s3.example.com"), None);
        let all = [("all_proxy", "https://[::1]"), ("HTTP_PROXY", "")];
        assert_eq!(of(&all, "http://s3.example.com").as_deref(), Some("all_proxy [::1]:443"));
        let own = [("AWS_PROXY_URL", "http://d"), ("HTTPS_PROXY", "http://a:1")];
        assert_eq!(of(&own, "https://s3.example.com").as_deref(), Some("AWS_PROXY_URL d:80"));
        for (no, url) in [("a.test,*", "https://10.0.0.1:9000"), ("*", "https://s3.example.com")] {
            assert_eq!(of(&[("HTTPS_PROXY", "http://a:1"), ("NO_PROXY", no)], url), None, "{url}");
        }
        // What the container's own network knows, and nobody else.
        for near in ["http://garage:3900", "http://localhost:3900"] {
            assert_eq!(of(&both, near), None, "{near}");
        }
    }

    #[test]
    fn a_wrong_one_is_an_error_without_its_login() {
        for wrong in [
            "socks5://u:hunter2@p:1",
            "http://u:hunter2@:1",
            "http://u:hunter2@p:x",
            "http://hunter2 p",
            "http://p:0",
            "http://p/hunter2",
            "ftp://hunter2",
            "http://[hunter2]:1",
            "://hunter2",
        ] {
            let problem = proxies(&[("HTTPS_PROXY", wrong)]).unwrap_err();
            assert!(
                problem.starts_with("HTTPS_PROXY: must be the URL of an HTTP proxy"),
                "{wrong}: {problem}"
            );
            assert!(!problem.contains("hunter2"), "{problem}");
        }
        let right = proxies(&[("HTTPS_PROXY", "http://me:hunter2@p:3128/")]).unwrap();
        assert!(!format!("{right:?}").contains("hunter2"), "{right:?}");
    }
}
