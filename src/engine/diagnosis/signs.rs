//! What tools and servers say, in lower case.

use super::Problem;

/// The operating system's words, the same in every program. The first that is found decides, here and below.
pub(super) const SYSTEM: [(&str, Problem); 6] = [
    // A segment lies in memory, whatever the message says of a device.
    ("could not resize shared memory segment", Problem::NoMemory),
    ("no space left on device", Problem::DiskFull),
    ("disk quota exceeded", Problem::DiskFull),
    ("read-only file system", Problem::ReadOnly),
    ("cannot allocate memory", Problem::NoMemory),
    ("out of memory", Problem::NoMemory),
];

/// Of two that are in one message the more telling stands first.
pub(super) const SIGNS: [(&str, Problem); 74] = [
    ("dumpcar: cannot read ", Problem::PasswordFile),
    ("dumpcar: cannot find ", Problem::ToolMissing),
    ("dumpcar: the server at ", Problem::OtherServer),
    ("backslash commands are restricted", Problem::ClientCommand),
    ("\\unrestrict: wrong key", Problem::ClientCommand),
    ("\\!: failed", Problem::ClientCommand),
    ("unknown command '\\", Problem::ClientCommand),
    ("not allowed in the sandbox mode", Problem::ClientCommand),
    ("disk full", Problem::DiskFull),
    ("as disk is full", Problem::DiskFull),
    ("the table is full", Problem::DiskFull),
    ("' is full", Problem::DiskFull),
    ("(errno: 28", Problem::DiskFull),
    ("(errcode: 28", Problem::DiskFull),
    ("(os errno 28", Problem::DiskFull),
    ("out of shared memory", Problem::NoMemory),
    ("memory exhausted", Problem::NoMemory),
    ("ran out of memory", Problem::NoMemory),
    ("out of sort memory", Problem::NoMemory),
    ("exceeds the lock table size", Problem::NoMemory),
    ("can't create a new thread", Problem::NoMemory),
    ("could not fork ", Problem::NoMemory),
    ("cannot initialize innodb buffer pool", Problem::NoMemory),
    ("cannot allocate memory for the buffer pool", Problem::NoMemory),
    ("could not access file ", Problem::Lacking),
    ("plugin '' is not loaded", Problem::Lacking),
    ("unknown storage engine", Problem::Lacking),
    ("can't open shared library", Problem::Lacking),
    ("feature is disabled; you need", Problem::Lacking),
    ("feature was disabled; you need", Problem::Lacking),
    ("from keyring", Problem::Lacking),
    // A tablespace, or a folder, of MySQL's.
    ("error 3510 ", Problem::Lacking),
    ("error 3121 ", Problem::Lacking),
    // MyISAM names a file for its table alone, so two databases cannot have the same folder.
    ("error 156 ", Problem::Lacking),
    ("the database system is ", Problem::NotAccepting),
    ("is the server running", Problem::NotAccepting),
    ("can't connect to ", Problem::NotAccepting),
    ("server shutdown in progress", Problem::NotAccepting),
    ("shutdown in progress", Problem::NotAccepting),
    ("terminating connection", Problem::NotAccepting),
    ("server closed the connection", Problem::NotAccepting),
    ("connection to server was lost", Problem::NotAccepting),
    ("server has gone away", Problem::NotAccepting),
    ("lost connection to ", Problem::NotAccepting),
    ("timeout expired", Problem::NotAccepting),
    ("too many clients already", Problem::NotAccepting),
    ("remaining connection slots", Problem::NotAccepting),
    ("too many connections", Problem::NotAccepting),
    ("lock timeout", Problem::Busy),
    // What pg_dump makes of --lock-wait-timeout.
    ("due to statement timeout", Problem::Busy),
    ("lock wait timeout", Problem::Busy),
    ("deadlock", Problem::Busy),
    ("conflict with recovery", Problem::Busy),
    ("table definition has changed", Problem::Busy),
    ("could not open relation with oid", Problem::Busy),
    ("cache lookup failed", Problem::Busy),
    ("password authentication failed", Problem::AuthRefused),
    ("peer authentication failed", Problem::AuthRefused),
    ("ident authentication failed", Problem::AuthRefused),
    ("no password supplied", Problem::AuthRefused),
    ("no pg_hba.conf entry", Problem::AuthRefused),
    ("pg_hba.conf rejects connection", Problem::AuthRefused),
    ("is not permitted to log in", Problem::AuthRefused),
    ("(using password:", Problem::AuthRefused),
    ("error: 1698", Problem::AuthRefused),
    ("error 1698", Problem::AuthRefused),
    ("account is locked", Problem::AuthRefused),
    ("password has expired", Problem::AuthRefused),
    ("unknown database", Problem::DatabaseGone),
    ("permission denied", Problem::PermissionDenied),
    ("access denied", Problem::PermissionDenied),
    ("command denied", Problem::PermissionDenied),
    ("insufficient privileges", Problem::PermissionDenied),
    ("row-level security", Problem::PermissionDenied),
];

/// What is quoted in a server's answer to a statement, taken out: names and values mean nothing, whatever is in them.
pub(super) fn without_names(line: &str) -> String {
    let trimmed = line.trim_start();
    // Of a statement, and no message of its own.
    if ["DETAIL:", "CONTEXT:", "LINE ", "QUERY:", "STATEMENT:"].iter().any(|start| trimmed.starts_with(start))
    {
        return String::new();
    }
    let is_number = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    let quote = if line.contains("ERROR:  ") {
        '"'
    } else if trimmed.strip_prefix("ERROR ").is_some_and(is_number) {
        '\''
    } else {
        return line.to_owned();
    };
    let (mut kept, mut is_in, mut before) = (String::new(), false, ' ');
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let is_letter = |c: char| c.is_ascii_alphanumeric();
        // `can't`
        let is_inside_a_word =
            !is_in && is_letter(before) && chars.peek().is_some_and(|next| is_letter(*next));
        if c == quote && !is_inside_a_word {
            is_in = !is_in;
            kept.push(c);
        } else if !is_in {
            kept.push(c);
        }
        before = c;
    }
    kept
}
