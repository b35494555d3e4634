//! What the tools and the servers of Redis and Valkey say when they fail.

use crate::engine::shared::failure::ToolFailure;
use crate::engine::shared::signs::Said;

const SIGNS: [(&str, ToolFailure); 27] = [
    ("noauth authentication required", ToolFailure::AuthRefused),
    ("wrongpass", ToolFailure::AuthRefused),
    ("invalid password", ToolFailure::AuthRefused),
    ("invalid username-password pair", ToolFailure::AuthRefused),
    ("client sent auth, but no password is set", ToolFailure::AuthRefused),
    ("without any password configured", ToolFailure::AuthRefused),
    ("noperm", ToolFailure::PermissionDenied),
    ("permission denied", ToolFailure::PermissionDenied),
    ("no permissions", ToolFailure::PermissionDenied),
    ("loading the server is loading", ToolFailure::NotAccepting),
    ("loading redis is loading", ToolFailure::NotAccepting),
    ("loading valkey is loading", ToolFailure::NotAccepting),
    ("is loading the dataset in memory", ToolFailure::NotAccepting),
    ("masterdown", ToolFailure::NotAccepting),
    ("nomasterlink", ToolFailure::NotAccepting),
    ("could not connect to ", ToolFailure::NotAccepting),
    ("connection reset", ToolFailure::NotAccepting),
    ("connection refused", ToolFailure::NotAccepting),
    ("server closed the connection", ToolFailure::NotAccepting),
    ("i/o error reading", ToolFailure::NotAccepting),
    ("error reading bulk length", ToolFailure::NotAccepting),
    ("max number of clients reached", ToolFailure::NotAccepting),
    ("busy redis is busy running a script", ToolFailure::Busy),
    ("busy valkey is busy running a script", ToolFailure::Busy),
    ("oom command not allowed", ToolFailure::NoMemory),
    ("bad data format", ToolFailure::Lacking),
    ("dump payload version or checksum are wrong", ToolFailure::Lacking),
];

pub(super) fn failure(said: &Said<'_>) -> Option<ToolFailure> {
    said.find(&SIGNS)
}

pub(super) fn message(failure: ToolFailure, said: &Said<'_>, who: &str) -> Option<String> {
    let Said { shown, stderr, .. } = said;
    if failure == ToolFailure::PermissionDenied {
        return Some(format!(
            "{who} may not do all of it: {shown}; the user needs +info +sync +psync +replconf +ping for a backup, and all commands \
             and keys for a restore; name one by the labels dumpcar.user and dumpcar.password-file"
        ));
    }
    if failure == ToolFailure::Lacking {
        return Some(format!(
            "the server cannot take a value of the backup: {shown}; it is older than the one that wrote it, or lacks a module"
        ));
    }
    // `valkey-cli` does not tell the server that it knows the newest format: valkey-io/valkey#4103 has the same cause.
    if failure == ToolFailure::NotAccepting && shown.contains("while SYNCing") {
        return Some(format!(
            "the server ended the transfer, and its log says why: {shown}; a Valkey 9 whose hashes have fields that expire cannot be \
             dumped by valkey-cli (\"Can't store key\")"
        ));
    }
    // A replica has no data to give while it waits for its primary.
    (failure == ToolFailure::NotAccepting && stderr.to_ascii_lowercase().contains("nomasterlink")).then(|| {
        format!("the server is a replica without a connection to its primary: {shown}; make the primary the target")
    })
}
