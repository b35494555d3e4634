//! How the tools get to the server: each command of these engines begins so.

use super::address::address;
use super::flavour::Flavour;
use super::login::login;
use crate::engine::shared::OWN_SERVER;
use crate::engine::shared::address::Address;
use crate::engine::shared::facts::Facts;
use crate::model::command::Command;

#[derive(Clone, Copy)]
pub(in crate::engine::mariadb_mysql) enum Tool {
    Client,
    Dump,
}

/// Behind `find_tool`: what every script needs to call `$tool`.
const TOOLS: &str = include_str!("tools.sh");

const OWN_SCRIPT: &str = r#"
own_server "$DUMPCAR_HOST" "${MYSQL_TCP_PORT:-3306}"
"#;

pub(super) const SURVEY_SCRIPT: &str = r#"
run=exec
client --raw --execute="$1"
"#;

/// Rows only, columns divided by tabs.
pub(super) fn query(flavour: Flavour, facts: &Facts<'_>, database: &str, query: &str) -> Command {
    ask(flavour, facts, format!("USE `{}`; {query}", database.replace('`', "``")))
}

/// Statements that need no database.
pub(super) fn ask(flavour: Flavour, facts: &Facts<'_>, statements: String) -> Command {
    command(flavour, facts, Tool::Client, SURVEY_SCRIPT, vec![statements])
}

/// The tools of MariaDB have names of their own since 10.5, and only those in its images since 11.
pub(in crate::engine::mariadb_mysql) fn tools(flavour: Flavour, tool: Tool) -> &'static str {
    match (flavour, tool) {
        (Flavour::Mariadb, Tool::Client) => "mariadb mysql",
        (Flavour::Mariadb, Tool::Dump) => "mariadb-dump mysqldump",
        (Flavour::Mysql, Tool::Client) => "mysql",
        (Flavour::Mysql, Tool::Dump) => "mysqldump",
    }
}

/// Runs `script` behind the choice of the tool.
pub(in crate::engine::mariadb_mysql) fn command(
    flavour: Flavour,
    facts: &Facts<'_>,
    tool: Tool,
    script: &str,
    args: Vec<String>,
) -> Command {
    let tools = tools(flavour, tool);
    let Address { host, port, socket } = address(flavour, facts);
    let own = if host.is_some() { format!("{OWN_SERVER}{OWN_SCRIPT}") } else { String::new() };
    let script = format!("{own}find_tool {tools}\n{TOOLS}{script}");
    let mut command = login(flavour, facts).command(facts, "DUMPCAR_USER", "MYSQL_PWD", &script, args);
    // Even if there is none: the container may have a variable of that name.
    command.env.push(("DUMPCAR_HOST".to_owned(), host.unwrap_or_else(|| "localhost".to_owned())));
    command.env.push(("DUMPCAR_SOCKET".to_owned(), socket.unwrap_or_default()));
    command.env.extend(port.map(|port| ("MYSQL_TCP_PORT".to_owned(), port.to_string())));
    command.env.extend(facts.shares_network.then(|| ("DUMPCAR_NETWORK".to_owned(), "shared".to_owned())));
    command
}
