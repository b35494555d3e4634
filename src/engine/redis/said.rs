//! What the command line of a server says of where it listens and what its password is.
//!
//! The server writes something else into its process's own command line, so only Docker tells this one.

use crate::engine::shared::address::{is_path, of_server, to_port};

/// The names of the servers. Sentinels are known by what they say of themselves.
pub(super) const SERVERS: [&str; 4] = ["redis-server", "valkey-server", "redict-server", "keydb-server"];

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// 0: it does not listen in plain text.
    pub(super) port: Option<u16>,
    pub(super) tls_port: Option<u16>,
    pub(super) socket: Option<String>,
    /// The path of its configuration, which may say all of this as well.
    pub(super) file: Option<String>,
    pub(super) password: Option<String>,
}

impl Said {
    pub(super) fn by(arguments: &[String]) -> Self {
        let mut said = Self::default();
        let words = of_server(arguments, &SERVERS);
        if let Some(first) = words.first().filter(|word| is_path(word)) {
            said.file = Some(first.clone());
        }
        let mut rest = words.iter().map(String::as_str).peekable();
        while let Some(word) = rest.next() {
            let Some(name) = word.strip_prefix("--") else { continue };
            // `--port 1`, `--port=1` and `--"port 1"` are the same.
            let (name, value) = match name.split_once(['=', ' ']) {
                Some((name, value)) => (name, Some(value.trim())),
                None => (name, rest.next_if(|next| !next.starts_with("--"))),
            };
            let Some(value) = value.map(|value| value.trim_matches('"')) else { continue };
            match name.to_ascii_lowercase().as_str() {
                // A port of 0 is meant.
                "port" if value == "0" => said.port = Some(0),
                "port" => said.port = to_port(value).or(said.port),
                "tls-port" => said.tls_port = to_port(value).or(said.tls_port),
                "unixsocket" => said.socket = Some(value.to_owned()).filter(|path| is_path(path)),
                "requirepass" => said.password = Some(value.to_owned()),
                _ => {}
            }
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::words;

    #[test]
    fn a_command_line_is_understood() {
        let by = |line: &str| {
            let Said { port, tls_port, socket, file, password } = Said::by(&words::split(line).unwrap());
            let or = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            let ports = [port, tls_port].map(|port| or(port.map(|port| port.to_string())));
            format!("{} {} {} {}", ports.join(" "), or(socket), or(file), or(password))
        };
        for (line, is) in [
            ("", "- - - - -"),
            ("redis-server", "- - - - -"),
            ("docker-entrypoint.sh redis-server --port 7000", "7000 - - - -"),
            ("valkey-server --port=7000 --requirepass=a=b", "7000 - - - a=b"),
            ("redis-server --port 0 --unixsocket /run/redis.sock", "0 - /run/redis.sock - -"),
            ("redis-server /etc/redis.conf --requirepass 'p w'", "- - - /etc/redis.conf p w"),
            ("redis-server --requirepass \"\" --appendonly yes", "- - - - "),
            ("sh -c 'exec redis-server --requirepass x --save 60 1'", "- - - - x"),
            ("--requirepass x", "- - - - x"),
            ("redis-server --tls-port 6379 --port 0", "0 6379 - - -"),
            ("redis-server --port x --port 99999 --unixsocket rel", "- - - - -"),
            ("redis-server --requirepass --port 1", "1 - - - -"),
        ] {
            assert_eq!(by(line), is, "{line}");
        }
    }
}
