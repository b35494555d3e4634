//! What a failed command's stderr means, in one line that names the thing and what to do.

mod signs;

use super::postgresql::lacks;
use super::{Engine, Facts, login::Password};
use signs::{SIGNS, SYSTEM, without_names};

/// What went wrong, as far as whoever runs the command has to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Problem {
    /// The server knows no such user, or not with this password.
    AuthRefused,
    /// The tool is not in the container.
    ToolMissing,
    /// Nothing answers, or it starts, stops, recovers, or has no connection free.
    NotAccepting,
    /// Another container's server answers, or may, because they share a network.
    OtherServer,
    /// The database was dropped or renamed after it was listed.
    DatabaseGone,
    /// The login may not read all of it, or not write it.
    PermissionDenied,
    /// What is restored belongs to a role the server does not have.
    RoleMissing,
    /// Somebody held a lock, or changed a table, in the meantime.
    Busy,
    /// A password file cannot be read.
    PasswordFile,
    /// What is restored asks for something by its name alone, and that is not in the path.
    NameHidden,
    /// The server cannot take what is restored, for want of an extension, a library, a locale, a tablespace, or for its age.
    Lacking,
    /// A dump tells the client to do something, and not the server.
    ClientCommand,
    /// There is no room for what has to be written.
    DiskFull,
    /// Nothing may be written there.
    ReadOnly,
    /// The server, or its container, has too little memory for it.
    NoMemory,
    /// The tool died of a signal.
    Killed,
    Other,
}

impl Problem {
    /// Whether the same command may well succeed a minute later.
    pub fn is_transient(self) -> bool {
        match self {
            // The next attempt lists the databases anew.
            Self::DatabaseGone | Self::NotAccepting | Self::Busy | Self::NoMemory | Self::Killed => true,
            Self::AuthRefused
            | Self::ToolMissing
            | Self::OtherServer
            | Self::PermissionDenied
            | Self::RoleMissing
            | Self::NameHidden
            | Self::Lacking
            | Self::PasswordFile
            | Self::ClientCommand
            | Self::DiskFull
            | Self::ReadOnly
            | Self::Other => false,
        }
    }

    /// Whether the same would happen to every command for this server.
    pub fn is_of_the_server(self) -> bool {
        match self {
            Self::ToolMissing | Self::NotAccepting | Self::OtherServer | Self::PasswordFile => true,
            // A server may refuse a login for one of its databases only.
            Self::AuthRefused
            | Self::DatabaseGone
            | Self::PermissionDenied
            | Self::RoleMissing
            | Self::Busy
            | Self::ClientCommand
            | Self::DiskFull
            | Self::ReadOnly
            | Self::NoMemory
            | Self::NameHidden
            | Self::Lacking
            | Self::Killed
            | Self::Other => false,
        }
    }

    /// Whether the server has refused something of what it was told, and not for want of what it needs for that.
    pub fn is_refusal(self) -> bool {
        match self {
            Self::PermissionDenied
            | Self::RoleMissing
            | Self::NameHidden
            | Self::ClientCommand
            | Self::Other => true,
            Self::AuthRefused
            | Self::ToolMissing
            | Self::NotAccepting
            | Self::OtherServer
            | Self::DatabaseGone
            | Self::Busy
            | Self::Lacking
            | Self::PasswordFile
            | Self::DiskFull
            | Self::ReadOnly
            | Self::NoMemory
            | Self::Killed => false,
        }
    }
}

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    pub problem: Problem,
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
    let problem = problem(engine, exit_status, stderr_tail);
    Diagnosis { problem, text: text(problem, engine, exit_status, stderr_tail, hide, facts, database) }
}

fn problem(engine: Engine, exit_status: i32, stderr: &str) -> Problem {
    // What a tool repeats of its own query has names that mean nothing.
    let lines = stderr.lines().filter(|line| !line.contains(" was: "));
    let lower = lines.clone().map(str::to_ascii_lowercase).collect::<Vec<_>>().join("\n");
    let plain = lines.map(|line| without_names(line).to_ascii_lowercase()).collect::<Vec<_>>().join("\n");
    if let Some((_, problem)) = SYSTEM.iter().find(|(sign, _)| plain.contains(sign)) {
        return *problem;
    }
    // Of a program nobody knows only the status means something else.
    match engine {
        Engine::Custom if matches!(exit_status, 126 | 127) => return Problem::ToolMissing,
        Engine::Custom if exit_status > 128 => return Problem::Killed,
        Engine::Custom => return Problem::Other,
        Engine::Postgresql | Engine::Mariadb | Engine::Mysql => {}
    }
    // A statement of a dump may speak of a database that is not there; the one it is loaded into is.
    let is_of_statement = |line: &str| line.contains("error:  ") || line.contains(" at line ");
    if lower.lines().any(|line| {
        is_of_statement(line)
            && (line.contains("unknown database")
                || line.contains("database \"") && line.contains("does not exist"))
    }) {
        return Problem::Other;
    }
    if engine == Engine::Postgresql && lacks::find(&lower).is_some() {
        return Problem::Lacking;
    }
    if let Some((_, problem)) = SIGNS.iter().find(|(sign, _)| plain.contains(sign)) {
        return *problem;
    }
    // These two have a name in the middle.
    let has = |start: &str, end: &str| lower.lines().any(|line| line.contains(start) && line.contains(end));
    if has("database \"", "does not exist") {
        Problem::DatabaseGone
    } else if has("fatal:  role \"", "does not exist") {
        Problem::AuthRefused
    } else if has("role \"", "does not exist") {
        Problem::RoleMissing
    } else if engine == Engine::Postgresql && lacks::is_hidden(&lower) {
        Problem::NameHidden
    } else if exit_status > 128 {
        Problem::Killed
    } else {
        Problem::Other
    }
}

fn text(
    problem: Problem,
    engine: Engine,
    exit_status: i32,
    stderr: &str,
    hide: &dyn Fn(&str) -> String,
    facts: &Facts<'_>,
    database: Option<&str>,
) -> String {
    let line = told(stderr);
    let said = shown(stderr, line, hide);
    match problem {
        Problem::AuthRefused => auth_refused(engine, stderr, line, &said, facts),
        Problem::ToolMissing => match engine {
            Engine::Custom => format!(
                "the container cannot run the command of its label (exit status {exit_status}): {said}"
            ),
            Engine::Postgresql | Engine::Mariadb | Engine::Mysql => {
                let tools =
                    marked(stderr, "dumpcar: cannot find ", " in the container").unwrap_or("its tools");
                format!(
                    "the container has no {}: is it {engine}? Say what it is by the label dumpcar.engine, \
                     or what dumps it by dumpcar.command",
                    tools.replace(' ', " and no ")
                )
            }
        },
        // It has taken statements before.
        Problem::NotAccepting if line.starts_with("ERROR ") && line.contains(" at line ") => format!(
            "the server ended the session: {said}; its log says why: it was restarted, somebody has killed the session, or a row is \
             larger than its max_allowed_packet"
        ),
        Problem::NotAccepting if is_nobody(line) => format!(
            "nothing listens where the server was looked for, {}: {said}; if it runs and listens elsewhere, say where by the labels \
             {WHERE}",
            engine.address(facts).described(engine, facts)
        ),
        Problem::NotAccepting => format!("the server takes no connection now: {said}"),
        Problem::OtherServer => {
            format!("{said}; say where this container's own server listens by the labels {WHERE}")
        }
        Problem::DatabaseGone => match database {
            Some(name) => format!("database {name:?} is gone since it was listed: {said}"),
            None => format!("the database is gone: {said}"),
        },
        Problem::PermissionDenied => format!(
            "{} may not do all of it: {said}; name a login that may by the labels dumpcar.user and \
             dumpcar.password-file",
            who(engine, facts)
        ),
        Problem::RoleMissing => format!(
            "the server lacks a role that something belongs to: {said}; add --globals, which restores the roles, or make it first"
        ),
        Problem::NameHidden => format!(
            "{said}; a function that finds it in every restore has a path of its own (ALTER FUNCTION … SET search_path)"
        ),
        Problem::Lacking => {
            let lacks_place =
                ["ERROR 156 ", "ERROR 3510 ", "ERROR 3121 "].iter().any(|sign| line.contains(sign));
            let cure = match lacks_place {
                true => "make that place first, or pass --no-tablespaces",
                false => "take a server like that of the backup",
            };
            let (line, cure) = lacks::find(stderr).unwrap_or((line, cure));
            format!("the server lacks what the backup needs: {}; {cure}", shown(stderr, line.trim(), hide))
        }
        Problem::Busy => format!("what others did to the same tables was in the way: {said}"),
        Problem::PasswordFile => {
            let path = marked(stderr, " file ", "\n").unwrap_or("the password file");
            format!(
                "cannot read {path} in the container: it is missing, or {} may not read it (labels \
                 dumpcar.password-file and dumpcar.exec-user)",
                facts.exec_user.unwrap_or("the container's user")
            )
        }
        Problem::ClientCommand => {
            let client = match engine {
                Engine::Postgresql => "psql",
                Engine::Mariadb | Engine::Mysql | Engine::Custom => "the client",
            };
            format!(
                "the dump contains a command for {client} itself; Dumpcar refuses it, because no dump tool writes one: {said}"
            )
        }
        Problem::DiskFull => format!("no room is left on the disk: {said}"),
        Problem::ReadOnly => format!("nothing may be written there: {said}"),
        Problem::NoMemory => format!("the server, or its container, has too little memory: {said}"),
        Problem::Killed if exit_status == 137 => {
            "the tool was killed (signal 9): the container's memory is too small, or somebody stopped it"
                .to_owned()
        }
        Problem::Killed => {
            format!("the tool was stopped by signal {}: {said}", exit_status.saturating_sub(128))
        }
        Problem::Other => format!("exit status {exit_status}: {said}"),
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

fn auth_refused(engine: Engine, stderr: &str, line: &str, said: &str, facts: &Facts<'_>) -> String {
    let lower = line.to_ascii_lowercase();
    let who = who(engine, facts);
    if lower.contains("peer authentication") {
        return format!(
            "the server lets {who} in only as the system user of that name: set the label dumpcar.exec-user ({said})"
        );
    }
    if lower.contains("does not exist") {
        return format!(
            "{who} does not exist on the server: name a login by the label dumpcar.user ({said})"
        );
    }
    let password = engine.login(facts).map_or(Password::Absent, |login| login.password);
    if let Some(file) = marked(stderr, "the password file ", " ends in a carriage return") {
        return format!(
            "the server refused {who} with the password in {file}, which ends in a carriage return: the file was written on Windows; \
             write it anew without one (`tr -d '\\r'`) ({said})"
        );
    }
    let random = ["MARIADB_RANDOM_ROOT_PASSWORD", "MYSQL_RANDOM_ROOT_PASSWORD"];
    if let Some(random) = random.into_iter().find(|name| facts.variable(name).is_some())
        && engine.login(facts).is_some_and(|login| login.user_name() == Some("root"))
    {
        let password = password.origin();
        return format!(
            "the server refused {who} with {password}: {random} is set, so each time its volume is made anew, root gets another \
             password; the log of that first start has it (GENERATED ROOT PASSWORD): put it into the file that the label \
             dumpcar.password-file names, or make a login of your own (dumpcar.user) ({said})"
        );
    }
    let password = password.origin();
    format!(
        "the server refused {who} with {password}: variables only say what the password was at the first start; \
         name today's login by the labels dumpcar.user and dumpcar.password-file ({said})"
    )
}

fn who(engine: Engine, facts: &Facts<'_>) -> String {
    match engine.login(facts).as_ref().and_then(|login| login.user_name()) {
        Some(name) => format!("user {name:?}"),
        None => "the user".to_owned(),
    }
}

/// What stands between `start` and the next `end`.
fn marked<'t>(stderr: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let rest = stderr
        .lines()
        .find_map(|line| line.starts_with("dumpcar: ").then(|| line.split_once(start)).flatten())?
        .1;
    Some(rest.split_once(end).map_or(rest, |(found, _)| found))
}

/// The last line that is no mere warning: what a reader of the log needs of stderr.
fn told(stderr: &str) -> &str {
    let is_telling = |line: &&str| {
        let lower = line.to_ascii_lowercase();
        !lower.is_empty() && !lower.contains("warning:") && !lower.contains("deprecated program name")
    };
    // PostgreSQL explains an error in lines after it.
    let is_error =
        |line: &&str| ["error:", "FATAL:", "ERROR", "dumpcar:"].iter().any(|sign| line.contains(sign));
    let lines = || stderr.lines().map(str::trim).filter(is_telling);
    lines().rfind(is_error).or_else(|| lines().next_back()).unwrap_or("nothing on stderr")
}

/// A line of stderr as it is shown: without secrets, at most 300 characters.
///
/// They are looked for in all of it: of a secret with several lines, one alone is not recognized.
fn shown(stderr: &str, line: &str, hide: &dyn Fn(&str) -> String) -> String {
    let hidden = hide(stderr);
    let at = stderr.lines().position(|other| other.trim() == line);
    let is_aligned = hidden.lines().count() == stderr.lines().count();
    let shown = match at {
        Some(at) if is_aligned => hidden.lines().nth(at).unwrap_or_default().trim(),
        Some(_) => told(&hidden),
        // Words of our own.
        None => line,
    };
    shown.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests;
