//! What the tools and the servers of MariaDB and MySQL say when they fail.

use crate::engine::shared::failure::ToolFailure;
use crate::engine::shared::login::Login;
use crate::engine::shared::signs::Said;

const SIGNS: [(&str, ToolFailure); 46] = [
    ("unknown command '\\", ToolFailure::ClientCommand),
    ("not allowed in the sandbox mode", ToolFailure::ClientCommand),
    ("disk full", ToolFailure::DiskFull),
    ("as disk is full", ToolFailure::DiskFull),
    ("the table is full", ToolFailure::DiskFull),
    ("' is full", ToolFailure::DiskFull),
    ("(errno: 28", ToolFailure::DiskFull),
    ("(errcode: 28", ToolFailure::DiskFull),
    ("(os errno 28", ToolFailure::DiskFull),
    ("memory exhausted", ToolFailure::NoMemory),
    ("ran out of memory", ToolFailure::NoMemory),
    ("out of sort memory", ToolFailure::NoMemory),
    ("exceeds the lock table size", ToolFailure::NoMemory),
    ("can't create a new thread", ToolFailure::NoMemory),
    ("cannot initialize innodb buffer pool", ToolFailure::NoMemory),
    ("cannot allocate memory for the buffer pool", ToolFailure::NoMemory),
    ("plugin '' is not loaded", ToolFailure::Lacking),
    ("unknown storage engine", ToolFailure::Lacking),
    ("can't open shared library", ToolFailure::Lacking),
    ("feature is disabled; you need", ToolFailure::Lacking),
    ("feature was disabled; you need", ToolFailure::Lacking),
    ("from keyring", ToolFailure::Lacking),
    // A tablespace, or a folder, of MySQL's.
    ("error 3510 ", ToolFailure::Lacking),
    ("error 3121 ", ToolFailure::Lacking),
    // MyISAM names a file for its table alone, so two databases cannot have the same folder.
    ("error 156 ", ToolFailure::Lacking),
    ("can't connect to ", ToolFailure::NotAccepting),
    ("server shutdown in progress", ToolFailure::NotAccepting),
    ("shutdown in progress", ToolFailure::NotAccepting),
    ("server has gone away", ToolFailure::NotAccepting),
    ("lost connection to ", ToolFailure::NotAccepting),
    ("timeout expired", ToolFailure::NotAccepting),
    ("too many connections", ToolFailure::NotAccepting),
    ("lock timeout", ToolFailure::Busy),
    ("lock wait timeout", ToolFailure::Busy),
    ("deadlock", ToolFailure::Busy),
    ("table definition has changed", ToolFailure::Busy),
    ("(using password:", ToolFailure::AuthRefused),
    ("error: 1698", ToolFailure::AuthRefused),
    ("error 1698", ToolFailure::AuthRefused),
    ("account is locked", ToolFailure::AuthRefused),
    ("password has expired", ToolFailure::AuthRefused),
    ("unknown database", ToolFailure::DatabaseGone),
    ("permission denied", ToolFailure::PermissionDenied),
    ("access denied", ToolFailure::PermissionDenied),
    ("command denied", ToolFailure::PermissionDenied),
    ("insufficient privileges", ToolFailure::PermissionDenied),
];

pub(super) fn failure(said: &Said<'_>) -> Option<ToolFailure> {
    // A statement of a dump may speak of a database that is not there; the one it is loaded into is.
    let is_of_statement = |line: &str| line.contains(" at line ") && line.contains("unknown database");
    match said.lower.lines().any(is_of_statement) {
        true => Some(ToolFailure::Other),
        false => said.find(&SIGNS),
    }
}

pub(super) fn message(failure: ToolFailure, said: &Said<'_>, login: &Login) -> Option<String> {
    let Said { line, shown, facts, .. } = said;
    let is_about_place = ["ERROR 156 ", "ERROR 3510 ", "ERROR 3121 "].iter().any(|sign| line.contains(sign));
    if failure == ToolFailure::AuthRefused
        && login.user_name() == Some("root")
        && said.file_with_carriage_return().is_none()
    {
        let names = ["MARIADB_RANDOM_ROOT_PASSWORD", "MYSQL_RANDOM_ROOT_PASSWORD"];
        let random = names.into_iter().find(|name| facts.variable(name).is_some())?;
        Some(format!(
            "the server refused user \"root\" with {}: {random} is set, so each time its volume is created, root gets another \
             password; the log of that first start has it (GENERATED ROOT PASSWORD): put it into the file that the label \
             dumpcar.password-file names, or make a login of your own (dumpcar.user) ({shown})",
            login.password.origin()
        ))
    } else if failure == ToolFailure::NotAccepting && line.starts_with("ERROR ") && line.contains(" at line ")
    {
        // It has taken statements before.
        Some(format!(
            "the server ended the session: {shown}; its log says why: it was restarted, somebody has killed the session, or a row is \
             larger than its max_allowed_packet"
        ))
    } else if failure == ToolFailure::Lacking && is_about_place {
        Some(format!(
            "the server lacks what the backup needs: {shown}; make that place first, or pass --no-tablespaces"
        ))
    } else {
        None
    }
}
