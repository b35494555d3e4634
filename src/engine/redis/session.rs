//! How `redis-cli` or `valkey-cli` gets to the server: each command of these engines begins so.

use super::address::{address, port};
use super::login::{argument, login};
use super::said::Said;
use crate::engine::shared::OWN_SERVER;
use crate::engine::shared::facts::Facts;
use crate::model::command::Command;

const SCRIPT: &str = include_str!("session.sh");

const OWN_SCRIPT: &str = r#"
own_server "$DUMPCAR_HOST" "$DUMPCAR_PORT"
"#;

/// `script` calls the client by `client ARGUMENT...`.
pub(super) fn command(facts: &Facts<'_>, script: &str, args: Vec<String>) -> Command {
    let address = address(facts);
    let own = if address.host.is_some() { format!("{OWN_SERVER}{OWN_SCRIPT}") } else { String::new() };
    let script = format!("{own}{SCRIPT}{script}");
    let mut command = login(facts).command(facts, "DUMPCAR_USER", "DUMPCAR_PASSWORD", &script, args);
    let port = port(&address).to_string();
    let mut set = |name: &str, value: String| command.env.push((name.to_owned(), value));
    set("DUMPCAR_HOST", address.host.unwrap_or_default());
    set("DUMPCAR_PORT", port);
    set("DUMPCAR_SOCKET", address.socket.unwrap_or_default());
    set("DUMPCAR_CONFIGURATION", Said::by(facts.arguments).file.unwrap_or_default());
    if facts.user.is_none_or(|user| user == "default") && facts.password_file.is_none() {
        // It is nowhere in the container: the server hides its command line.
        set("DUMPCAR_ARGUMENT", argument(facts).unwrap_or_default());
    }
    if facts.shares_network {
        set("DUMPCAR_NETWORK", "shared".to_owned());
    }
    command
}
