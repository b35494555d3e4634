//! Where a server of MariaDB or MySQL listens.

use super::flavour::Flavour;
use crate::engine::shared::address::{Address, is_path, of_server, port_of, to_port};
use crate::engine::shared::facts::Facts;

/// What the clients do not take for a wish to use the socket.
const LOOPBACK: &str = "127.0.0.1";

pub(super) fn address(flavour: Flavour, facts: &Facts<'_>) -> Address {
    let ports: &[&str] = match flavour {
        Flavour::Mariadb => &["MARIADB_PORT_NUMBER", "MYSQL_PORT_NUMBER", "MYSQL_TCP_PORT"],
        Flavour::Mysql => &["MYSQL_PORT_NUMBER", "MYSQL_TCP_PORT"],
    };
    let said = Said::by(facts.arguments);
    let port = facts.port.or(said.port).or_else(|| port_of(facts, ports));
    let host = match facts.host {
        Some(host) if host.eq_ignore_ascii_case("localhost") => Some(LOOPBACK),
        // A client of theirs passes over the port of a server that it reaches by a socket.
        None if facts.port.is_some() && facts.socket.is_none() => Some(LOOPBACK),
        other => other,
    };
    let socket = facts.socket.map(str::to_owned).or(said.socket).filter(|_| host.is_none());
    Address { host: host.map(str::to_owned), port, socket }
}

/// For a message: where the tools look for it.
pub(super) fn looked_for(flavour: Flavour, facts: &Facts<'_>) -> String {
    let Address { host, port, socket } = address(flavour, facts);
    match (host, socket) {
        (Some(host), _) => format!("{host}, port {}", port.unwrap_or(3306)),
        (None, Some(path)) => format!("the socket {path}"),
        (None, None) => "the usual socket".to_owned(),
    }
}

/// What a server's command line says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    port: Option<u16>,
    socket: Option<String>,
}

impl Said {
    fn by(arguments: &[String]) -> Self {
        let mut said = Self::default();
        let words = of_server(arguments, &["mariadbd", "mysqld", "mysqld_safe", "mariadbd-safe"]);
        let mut rest = words.iter().map(String::as_str).peekable();
        while let Some(word) = rest.next() {
            let (name, value) = if let Some(option) = word.strip_prefix("--") {
                let (name, value) = option.split_once('=').map_or((option, None), |(n, v)| (n, Some(v)));
                (name.trim_start_matches("loose-").trim_start_matches("loose_"), value)
            } else if let Some(value) = word.strip_prefix("-P") {
                ("port", Some(value).filter(|value| !value.is_empty()))
            } else if let Some(value) = word.strip_prefix("-S") {
                ("socket", Some(value).filter(|value| !value.is_empty()))
            } else {
                continue;
            };
            if !matches!(name, "port" | "socket") {
                continue;
            }
            let Some(value) = value.or_else(|| rest.next()) else { break };
            match name {
                "port" => said.port = to_port(value).or(said.port),
                // One that is not absolute is in the server's data, wherever that is.
                _ => said.socket = Some(value.to_owned()).filter(|path| is_path(path)),
            }
        }
        said
    }
}
