//! What a failed command's stderr means, in one line that names the thing and what to do.

use super::registry::Engine;
use super::shared::facts::Facts;
use super::shared::failure::ToolFailure;
use super::shared::signs::Said;

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    pub failure: ToolFailure,
    /// One line without a line end.
    pub text: String,
}

/// Reads the end of a failed command's stderr, `exit_status` as a shell gives it (128 + signal).
///
/// `database` is the one the command was for, if it was for one. `hide` leaves the secrets out of what the tool said; it is asked for
/// what is quoted, after all was understood: a password may be one of the words that tell.
pub fn diagnose(
    engine: Engine,
    exit_status: i32,
    stderr_tail: &str,
    hide: &dyn Fn(&str) -> String,
    facts: &Facts<'_>,
    database: Option<&str>,
) -> Diagnosis {
    let said = Said::new(exit_status, stderr_tail, facts, hide);
    let failure = said.of_the_system().or_else(|| engine.failure(&said)).unwrap_or(match exit_status {
        129.. => ToolFailure::Killed,
        _ => ToolFailure::Other,
    });
    let text = engine.message(failure, &said).unwrap_or_else(|| text(failure, engine, &said, database));
    Diagnosis { failure, text }
}

fn text(failure: ToolFailure, engine: Engine, said: &Said<'_>, database: Option<&str>) -> String {
    let Said { exit_status, line, shown, facts, .. } = said;
    match failure {
        ToolFailure::AuthRefused => auth_refused(engine, said),
        ToolFailure::ToolMissing => {
            let tools = said.marked("dumpcar: cannot find ", " in the container").unwrap_or("its tools");
            format!(
                "the container has no {}: is it {}? Say what it is by the label dumpcar.engine, \
                 or what dumps it by dumpcar.command",
                tools.replace(' ', " and no "),
                engine.name()
            )
        }
        ToolFailure::NotAccepting if is_nobody(line) => format!(
            "nothing listens where the server was looked for, {}: {shown}; if it runs and listens elsewhere, say where by the labels \
             {WHERE}",
            engine.looked_for(facts)
        ),
        ToolFailure::NotAccepting => format!("the server takes no connection now: {shown}"),
        ToolFailure::OtherServer => {
            format!("{shown}; say where this container's own server listens by the labels {WHERE}")
        }
        ToolFailure::DatabaseGone => match database {
            Some(name) => format!("database {name:?} is gone since it was listed: {shown}"),
            None => format!("the database is gone: {shown}"),
        },
        ToolFailure::PermissionDenied => format!(
            "{} may not do all of it: {shown}; name a login that may by the labels dumpcar.user and \
             dumpcar.password-file",
            engine.login(facts).unwrap_or_default().who()
        ),
        ToolFailure::RoleMissing => format!(
            "the server lacks a role that something belongs to: {shown}; add --globals, which restores the roles, or make it first"
        ),
        ToolFailure::NameHidden => format!(
            "{shown}; a function that finds it in every restore has a path of its own (ALTER FUNCTION … SET search_path)"
        ),
        ToolFailure::Lacking => {
            format!("the server lacks what the backup needs: {shown}; take a server like that of the backup")
        }
        ToolFailure::Busy => format!("what others did to the same tables was in the way: {shown}"),
        ToolFailure::PasswordFile => {
            let path = said.marked(" file ", "\n").unwrap_or("the password file");
            format!(
                "cannot read {path} in the container: it is missing, or {} may not read it (labels \
                 dumpcar.password-file and dumpcar.exec-user)",
                facts.exec_user.unwrap_or("the container's user")
            )
        }
        ToolFailure::ClientCommand => format!(
            "the dump contains a command for the client itself; Dumpcar refuses it, because no dump tool writes one: {shown}"
        ),
        ToolFailure::DiskFull => format!("no room is left on the disk: {shown}"),
        ToolFailure::ReadOnly => format!("nothing may be written there: {shown}"),
        ToolFailure::NoMemory => format!("the server, or its container, has too little memory: {shown}"),
        ToolFailure::Killed if *exit_status == 137 => {
            "the tool was killed (signal 9): the container's memory is too small, or somebody stopped it"
                .to_owned()
        }
        ToolFailure::Killed => {
            format!("the tool was stopped by signal {}: {shown}", exit_status.saturating_sub(128))
        }
        ToolFailure::Other => format!("exit status {exit_status}: {shown}"),
    }
}

const WHERE: &str = "dumpcar.socket, or dumpcar.host and dumpcar.port";

/// Whether there is no server, as far as one can tell from outside.
fn is_nobody(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    // (2), (111) and (110): of the system.
    ["no such file or directory", "connection refused", "(2)", "(111)"]
        .iter()
        .any(|sign| lower.contains(sign))
        && ["connection to server", "could not connect", "can't connect to"]
            .iter()
            .any(|sign| lower.contains(sign))
}

fn auth_refused(engine: Engine, said: &Said<'_>) -> String {
    let Said { shown, facts, .. } = said;
    let login = engine.login(facts).unwrap_or_default();
    let who = login.who();
    if let Some(file) = said.file_with_carriage_return() {
        return format!(
            "the server refused {who} with the password in {file}, which ends in a carriage return: the file was written on Windows; \
             write it again without one (`tr -d '\\r'`) ({shown})"
        );
    }
    let password = login.password.origin();
    format!(
        "the server refused {who} with {password}: variables only say what the password was at the first start; \
         name today's login by the labels dumpcar.user and dumpcar.password-file ({shown})"
    )
}
