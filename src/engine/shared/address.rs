//! Where a container's server listens: by its labels, else by its own command line, else by its environment.

use super::facts::Facts;
use crate::model::line::is_unsafe;
use crate::model::words;

/// Longer than any path of a socket that the kernel takes.
const LONGEST: usize = 255;

/// What is known of it; nothing means that the tools' own defaults are right, as far as anybody can tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// Not together with a socket.
    pub host: Option<String>,
    pub port: Option<u16>,
    /// PostgreSQL: the folder, or a name in the abstract namespace (`@name`). MariaDB and MySQL: the file.
    pub socket: Option<String>,
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

/// The words of a command line behind the server's own name, if that is there: an entry point may stand before it. A script for a
/// shell is looked into.
pub(in crate::engine) fn of_server(arguments: &[String], servers: &[&str]) -> Vec<String> {
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
pub(in crate::engine) fn is_path(text: &str) -> bool {
    is_socket(text) && !text.contains(['$', '`'])
}

pub(in crate::engine) fn to_port(text: &str) -> Option<u16> {
    text.trim().parse().ok().filter(|port| *port != 0)
}

pub(in crate::engine) fn port_of(facts: &Facts<'_>, names: &[&str]) -> Option<u16> {
    names.iter().find_map(|name| to_port(facts.variable(name)?))
}
