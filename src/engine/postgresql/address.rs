//! Where a server of PostgreSQL listens.

use crate::engine::shared::address::{Address, is_host, is_path, of_server, port_of, to_port};
use crate::engine::shared::facts::Facts;

pub(super) fn address(facts: &Facts<'_>) -> Address {
    let said = Said::by(facts.arguments);
    let port = said.port.or_else(|| port_of(facts, &["POSTGRESQL_PORT_NUMBER", "PGPORT"]));
    let port = facts.port.or(port);
    if let Some(host) = facts.host {
        return Address { host: Some(host.to_owned()), port, socket: None };
    }
    if let Some(path) = facts.socket {
        // Of a socket's file, the name says the port.
        let file = path.rsplit_once("/.s.PGSQL.").and_then(|(folder, port)| Some((folder, to_port(port)?)));
        return match file {
            Some((folder, of_file)) => {
                let folder = if folder.is_empty() { "/" } else { folder };
                Address { host: None, port: facts.port.or(Some(of_file)), socket: Some(folder.to_owned()) }
            }
            None => Address { host: None, port, socket: Some(path.to_owned()) },
        };
    }
    match said.sockets {
        // It has no socket at all.
        Some(none) if none.trim().is_empty() => {
            Address { host: Some(said.host.unwrap_or_else(|| "localhost".to_owned())), port, socket: None }
        }
        Some(list) => Address { host: None, port, socket: first_folder(&list) },
        None => Address { host: None, port, socket: None },
    }
}

/// For a message: where the tools look for it.
pub(super) fn looked_for(facts: &Facts<'_>) -> String {
    let Address { host, port, socket } = address(facts);
    let port = port.unwrap_or(5432);
    // The tools heed the container's own variable.
    match (host, socket, facts.variable("PGHOST")) {
        (Some(host), _, _) => format!("{host}, port {port}"),
        (None, Some(path), _) => format!("the socket folder {path}, port {port}"),
        (None, None, Some(host)) => format!("{host} (PGHOST of the container), port {port}"),
        (None, None, None) => format!("the usual socket folder, port {port}"),
    }
}

/// What a server's command line says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    port: Option<u16>,
    /// A list, as it stands there.
    sockets: Option<String>,
    host: Option<String>,
}

impl Said {
    fn by(arguments: &[String]) -> Self {
        let mut said = Self::default();
        let words = of_server(arguments, &["postgres", "postmaster"]);
        let mut rest = words.iter().map(String::as_str);
        while let Some(word) = rest.next() {
            let setting = if word == "-c" {
                rest.next()
            } else {
                word.strip_prefix("--").or_else(|| word.strip_prefix("-c"))
            };
            let pair = setting.and_then(|setting| setting.split_once('='));
            // Its letters, each with a value, right behind it or as the next word.
            let letters = || {
                let names = [("-p", "port"), ("-k", "unix_socket_directories"), ("-h", "listen_addresses")];
                let (letter, name) = names.into_iter().find(|(letter, _)| word.starts_with(letter))?;
                let value = word.strip_prefix(letter).filter(|value| !value.is_empty());
                Some((name, value))
            };
            match pair {
                Some((name, value)) => said.set(name, value),
                None if setting.is_some() => {}
                None => match letters() {
                    Some((name, Some(value))) => said.set(name, value),
                    Some((name, None)) => {
                        if let Some(value) = rest.next() {
                            said.set(name, value);
                        }
                    }
                    None => {}
                },
            }
        }
        said
    }

    /// The last one counts.
    fn set(&mut self, name: &str, value: &str) {
        let value = value.trim();
        let value =
            value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')).unwrap_or(value).trim();
        match name.trim().to_ascii_lowercase().replace('-', "_").as_str() {
            "port" => self.port = to_port(value).or(self.port),
            "unix_socket_directories" | "unix_socket_directory"
                if value.is_empty() || first_folder(value).is_some() =>
            {
                self.sockets = Some(value.to_owned());
            }
            "listen_addresses" => {
                let first = value.split(',').map(str::trim).next().unwrap_or_default();
                self.host = (is_host(first) && first != "0.0.0.0" && first != "::").then(|| first.to_owned());
            }
            _ => {}
        }
    }
}

/// Of a list.
fn first_folder(list: &str) -> Option<String> {
    let mut folders = list.split(',').map(|folder| folder.trim().trim_matches('"'));
    let is_abstract = |name: &str| name.strip_prefix('@').is_some_and(is_host);
    folders.find(|folder| is_path(folder) || is_abstract(folder)).map(str::to_owned)
}
