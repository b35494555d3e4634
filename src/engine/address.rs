//! Where a container's server listens: by its labels, else by its own command line, else by its environment.

use super::{Engine, Facts};
use crate::model::line::is_unsafe;
use crate::model::words;

/// Longer than any path of a socket that the kernel takes.
const LONGEST: usize = 255;
/// What MariaDB and MySQL do not take for a wish to use the socket.
const LOOPBACK: &str = "127.0.0.1";

/// What is known of it; nothing means that the tools' own defaults are right, as far as anybody can tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// Not together with a socket.
    pub host: Option<String>,
    pub port: Option<u16>,
    /// PostgreSQL: the folder, or a name in the abstract namespace (`@name`). MariaDB and MySQL: the file.
    pub socket: Option<String>,
}

impl Address {
    pub(super) fn of(engine: Engine, facts: &Facts<'_>) -> Self {
        match engine {
            Engine::Postgresql => Self::of_postgresql(facts),
            Engine::Mariadb => {
                Self::of_mysql(facts, &["MARIADB_PORT_NUMBER", "MYSQL_PORT_NUMBER", "MYSQL_TCP_PORT"])
            }
            Engine::Mysql => Self::of_mysql(facts, &["MYSQL_PORT_NUMBER", "MYSQL_TCP_PORT"]),
            Engine::Custom => Self::default(),
        }
    }

    fn of_postgresql(facts: &Facts<'_>) -> Self {
        let said = Said::by_postgresql(facts.arguments);
        let port = said.port.or_else(|| port_of(facts, &["POSTGRESQL_PORT_NUMBER", "PGPORT"]));
        let port = facts.port.or(port);
        if let Some(host) = facts.host {
            return Self { host: Some(host.to_owned()), port, socket: None };
        }
        if let Some(path) = facts.socket {
            // Of a socket's file, the name says the port.
            let file =
                path.rsplit_once("/.s.PGSQL.").and_then(|(folder, port)| Some((folder, to_port(port)?)));
            return match file {
                Some((folder, of_file)) => {
                    let folder = if folder.is_empty() { "/" } else { folder };
                    Self { host: None, port: facts.port.or(Some(of_file)), socket: Some(folder.to_owned()) }
                }
                None => Self { host: None, port, socket: Some(path.to_owned()) },
            };
        }
        match said.sockets {
            // It has no socket at all.
            Some(none) if none.trim().is_empty() => {
                Self { host: Some(said.host.unwrap_or_else(|| "localhost".to_owned())), port, socket: None }
            }
            Some(list) => Self { host: None, port, socket: first_folder(&list) },
            None => Self { host: None, port, socket: None },
        }
    }

    fn of_mysql(facts: &Facts<'_>, ports: &[&str]) -> Self {
        let said = Said::by_mysql(facts.arguments);
        let port = facts.port.or(said.port).or_else(|| port_of(facts, ports));
        let host = match facts.host {
            Some(host) if host.eq_ignore_ascii_case("localhost") => Some(LOOPBACK),
            // A client of theirs passes over the port of a server that it reaches by a socket.
            None if facts.port.is_some() && facts.socket.is_none() => Some(LOOPBACK),
            other => other,
        };
        let socket = facts.socket.map(str::to_owned).or(said.sockets).filter(|_| host.is_none());
        Self { host: host.map(str::to_owned), port, socket }
    }

    /// For a message: where the tools look for it.
    pub(super) fn described(&self, engine: Engine, facts: &Facts<'_>) -> String {
        let (usual, by_socket) = match engine {
            Engine::Postgresql => (5432, "socket folder"),
            Engine::Mariadb | Engine::Mysql | Engine::Custom => (3306, "socket"),
        };
        let port = self.port.unwrap_or(usual);
        // The tools of PostgreSQL heed the container's own variable.
        let own = facts.variable("PGHOST").filter(|_| engine == Engine::Postgresql);
        match (&self.host, &self.socket, own) {
            (Some(host), _, _) => format!("{host}, port {port}"),
            (None, Some(path), _) if engine == Engine::Postgresql => {
                format!("the {by_socket} {path}, port {port}")
            }
            (None, Some(path), _) => format!("the {by_socket} {path}"),
            (None, None, Some(host)) => format!("{host} (PGHOST of the container), port {port}"),
            (None, None, None) if engine == Engine::Postgresql => {
                format!("the usual {by_socket}, port {port}")
            }
            (None, None, None) => format!("the usual {by_socket}"),
        }
    }
}

/// Whether it can be the host's name or address: it becomes a part of what a client library reads.
pub fn is_host(text: &str) -> bool {
    let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    !text.is_empty() && text.len() <= LONGEST && !text.starts_with('-') && text.chars().all(is_known)
}

/// Whether it can be where a socket is.
pub fn is_socket(text: &str) -> bool {
    text.starts_with('/') && text.len() <= LONGEST && !text.chars().any(is_unsafe)
}

/// What a server's command line says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    port: Option<u16>,
    /// As they stand there; of PostgreSQL a list.
    sockets: Option<String>,
    host: Option<String>,
}

impl Said {
    fn by_postgresql(arguments: &[String]) -> Self {
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
                Some((name, value)) => said.setting_of_postgresql(name, value),
                None if setting.is_some() => {}
                None => match letters() {
                    Some((name, Some(value))) => said.setting_of_postgresql(name, value),
                    Some((name, None)) => {
                        if let Some(value) = rest.next() {
                            said.setting_of_postgresql(name, value);
                        }
                    }
                    None => {}
                },
            }
        }
        said
    }

    /// The last one counts.
    fn setting_of_postgresql(&mut self, name: &str, value: &str) {
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

    fn by_mysql(arguments: &[String]) -> Self {
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
                _ => said.sockets = Some(value.to_owned()).filter(|path| is_path(path)),
            }
        }
        said
    }
}

/// The words of a command line behind the server's own name, if that is there: an entry point may stand before it. A script for a
/// shell is looked into.
fn of_server(arguments: &[String], servers: &[&str]) -> Vec<String> {
    let is_server = |word: &String| servers.contains(&word.rsplit('/').next().unwrap_or(word));
    let split = |word: &String| match words::split(word) {
        Ok(words) if words.len() > 1 && words.iter().any(is_server) => words,
        Ok(_) | Err(_) => vec![word.clone()],
    };
    let words: Vec<String> = arguments.iter().flat_map(split).collect();
    let from = words.iter().position(is_server).map_or(0, |at| at + 1);
    words.into_iter().skip(from).collect()
}

/// What a shell would put something else in the place of is no path.
fn is_path(text: &str) -> bool {
    is_socket(text) && !text.contains(['$', '`'])
}

/// Of a list of PostgreSQL's.
fn first_folder(list: &str) -> Option<String> {
    let mut folders = list.split(',').map(|folder| folder.trim().trim_matches('"'));
    let is_abstract = |name: &str| name.strip_prefix('@').is_some_and(is_host);
    folders.find(|folder| is_path(folder) || is_abstract(folder)).map(str::to_owned)
}

fn to_port(text: &str) -> Option<u16> {
    text.trim().parse().ok().filter(|port| *port != 0)
}

fn port_of(facts: &Facts<'_>, names: &[&str]) -> Option<u16> {
    names.iter().find_map(|name| to_port(facts.variable(name)?))
}

#[cfg(test)]
mod tests;
