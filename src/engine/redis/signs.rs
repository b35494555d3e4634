//! What the tools and the servers of Redis and Valkey say when they fail.

use crate::engine::shared::problem::Problem;
use crate::engine::shared::signs::Said;

const SIGNS: [(&str, Problem); 27] = [
    ("noauth authentication required", Problem::AuthRefused),
    ("wrongpass", Problem::AuthRefused),
    ("invalid password", Problem::AuthRefused),
    ("invalid username-password pair", Problem::AuthRefused),
    ("client sent auth, but no password is set", Problem::AuthRefused),
    ("without any password configured", Problem::AuthRefused),
    ("noperm", Problem::PermissionDenied),
    ("permission denied", Problem::PermissionDenied),
    ("no permissions", Problem::PermissionDenied),
    ("loading the server is loading", Problem::NotAccepting),
    ("loading redis is loading", Problem::NotAccepting),
    ("loading valkey is loading", Problem::NotAccepting),
    ("is loading the dataset in memory", Problem::NotAccepting),
    ("masterdown", Problem::NotAccepting),
    ("nomasterlink", Problem::NotAccepting),
    ("could not connect to ", Problem::NotAccepting),
    ("connection reset", Problem::NotAccepting),
    ("connection refused", Problem::NotAccepting),
    ("server closed the connection", Problem::NotAccepting),
    ("i/o error reading", Problem::NotAccepting),
    ("error reading bulk length", Problem::NotAccepting),
    ("max number of clients reached", Problem::NotAccepting),
    ("busy redis is busy running a script", Problem::Busy),
    ("busy valkey is busy running a script", Problem::Busy),
    ("oom command not allowed", Problem::NoMemory),
    ("bad data format", Problem::Lacking),
    ("dump payload version or checksum are wrong", Problem::Lacking),
];

pub(super) fn problem(said: &Said<'_>) -> Option<Problem> {
    said.find(&SIGNS)
}

pub(super) fn message(problem: Problem, said: &Said<'_>, who: &str) -> Option<String> {
    let Said { shown, stderr, .. } = said;
    if problem == Problem::PermissionDenied {
        return Some(format!(
            "{who} may not do all of it: {shown}; the user needs +info +sync +psync +replconf +ping for a backup, and all commands \
             and keys for a restore; name one by the labels dumpcar.user and dumpcar.password-file"
        ));
    }
    if problem == Problem::Lacking {
        return Some(format!(
            "the server cannot take a value of the backup: {shown}; it is older than the one that wrote it, or lacks a module"
        ));
    }
    // `valkey-cli` does not tell the server that it knows the newest format: valkey-io/valkey#4103 has the same cause.
    if problem == Problem::NotAccepting && shown.contains("while SYNCing") {
        return Some(format!(
            "the server ended the transfer, and its log says why: {shown}; a Valkey 9 whose hashes have fields that expire cannot be \
             dumped by valkey-cli (\"Can't store key\")"
        ));
    }
    // A replica has no data to give while it waits for its primary.
    (problem == Problem::NotAccepting && stderr.to_ascii_lowercase().contains("nomasterlink")).then(|| {
        format!("the server is a replica without a connection to its primary: {shown}; make the primary the target")
    })
}
