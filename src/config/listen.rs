//! Where the status page, the metrics and the probes are served.

use std::net::SocketAddr;

use super::parse::{self, Parsed};
use super::reader::{Reader, SECRET};
use crate::secret::Secret;

/// `DUMPCAR_LISTEN`, and who may read there.
#[derive(Debug, Clone)]
pub struct ListenSettings {
    pub address: SocketAddr,
    /// `None`: whoever can connect.
    pub login: Option<BasicLogin>,
}

/// What a browser asks its user for. The user's name ends at the first colon (RFC 7617).
#[derive(Debug, Clone)]
pub struct BasicLogin {
    pub user: String,
    pub password: Secret,
}

pub(super) fn read(
    reader: &mut Reader<'_>,
    listen: Option<String>,
    auth: Option<String>,
) -> Option<ListenSettings> {
    let address = reader.optional("DUMPCAR_LISTEN", listen, address, ToString::to_string);
    let has_auth = auth.is_some();
    let login = reader.optional("DUMPCAR_LISTEN_AUTH", auth, login, |_| SECRET.to_owned());
    reader.require(
        "DUMPCAR_LISTEN_AUTH",
        !has_auth || address.is_some(),
        "is set, and nothing is served: set DUMPCAR_LISTEN, or remove this",
    );
    address.map(|address| ListenSettings { address, login })
}

/// An address with a port; a port alone is on all addresses, which is what a container with published ports needs.
fn address(text: &str) -> Parsed<SocketAddr> {
    let port = text.strip_prefix(':').unwrap_or(text);
    let parsed = match port.parse::<u16>() {
        Ok(port) => Some(SocketAddr::from(([0, 0, 0, 0], port))),
        Err(_) => text.parse().ok(),
    };
    let usable = parsed.filter(|address: &SocketAddr| address.port() != 0);
    usable.ok_or_else(|| {
        "must be a port or an IP address with a port, like 8080, 127.0.0.1:8080 or [::]:8080".to_owned()
    })
}

fn login(text: &str) -> Parsed<BasicLogin> {
    let text = parse::plain(text)?;
    match text.split_once(':') {
        Some((user, password)) if !user.is_empty() && !password.is_empty() => {
            Ok(BasicLogin { user: user.to_owned(), password: Secret::new(password.to_owned()) })
        }
        Some(_) | None => {
            Err("must be a user's name, a colon and a password, like admin:a-long-password".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_port_or_an_ip_address_with_one() {
        for (text, wanted) in [
            ("8080", "0.0.0.0:8080"),
            (":8080", "0.0.0.0:8080"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("[::1]:8080", "[::1]:8080"),
        ] {
            assert_eq!(address(text).unwrap().to_string(), wanted, "{text}");
        }
        for wrong in ["", "0", ":0", "localhost:80", "1.2.3.4", "70000", "http://1.2.3.4:80", "::1:80:"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_login_is_split_at_its_first_colon() {
        let found = login("ops:a:b").unwrap();
        assert_eq!((found.user.as_str(), found.password.expose()), ("ops", "a:b"));
        for wrong in ["ops", "ops:", ":secret"] {
            assert!(login(wrong).is_err(), "{wrong}");
        }
    }
}
