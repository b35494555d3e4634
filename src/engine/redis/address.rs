//! Where a server of Redis or Valkey listens.

use super::said::Said;
use crate::engine::shared::address::{Address, port_of};
use crate::engine::shared::facts::Facts;

/// Where nothing else is known.
const PORT: u16 = 6379;

/// Its own machine, unless a label says another one.
const LOOPBACK: &str = "127.0.0.1";

pub(super) fn address(facts: &Facts<'_>) -> Address {
    let said = Said::by(facts.arguments);
    let named = ["REDIS_PORT_NUMBER", "VALKEY_PORT_NUMBER"];
    let socket = facts.socket.map(str::to_owned);
    // Without a port there is only the socket.
    let socket = socket.or_else(|| said.socket.filter(|_| said.port == Some(0) && facts.port.is_none()));
    let port = facts.port.or(said.port.filter(|port| *port != 0)).or_else(|| port_of(facts, &named));
    match (facts.host, socket) {
        (Some(host), _) => Address { host: Some(host.to_owned()), port, socket: None },
        (None, Some(socket)) => Address { host: None, port: None, socket: Some(socket) },
        (None, None) => Address { host: Some(LOOPBACK.to_owned()), port, socket: None },
    }
}

/// For a message: where the tools look for it.
pub(super) fn looked_for(facts: &Facts<'_>) -> String {
    let Address { host, port, socket } = address(facts);
    match (host, socket) {
        (_, Some(path)) => format!("the socket {path}"),
        (Some(host), None) => format!("{host}, port {}", port.unwrap_or(PORT)),
        (None, None) => "nowhere".to_owned(),
    }
}

/// The port where it listens, as a server without a label or an option does.
pub(super) fn port(address: &Address) -> u16 {
    address.port.unwrap_or(PORT)
}
