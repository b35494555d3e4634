//! A command to run inside a target.

use std::fmt;

/// A POSIX `sh` snippet, run as `sh -c script sh args…` inside a target's container.
///
/// The snippet ends in `exec TOOL …`, so that the process Dumpcar watches and ends *is* the tool; the few that cannot
/// outlive their children instead, so that none is left to end under process 1. It names no secret: passwords are taken
/// inside the container, from the variables and files the container already has (promise P6).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Command {
    pub script: String,
    /// Whether it is for Dumpcar's own program, in a helper container: then `script` is its request.
    pub is_request: bool,
    /// Become `$1`, `$2`, …; shown by `docker events` and exec inspect.
    pub args: Vec<String>,
    /// Added to the container's own environment; not shown by Docker.
    pub env: Vec<(String, String)>,
    /// The user to run as (`uid`, `name` or `uid:gid`); the container's own when absent.
    pub exec_user: Option<String>,
}

impl Command {
    /// One for Dumpcar's own program in a helper container.
    pub fn request(request: &super::helper::Request) -> Self {
        Self { script: request.to_json(), is_request: true, ..Self::default() }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.env.iter().map(|(name, _)| name).collect();
        f.debug_struct("Command")
            .field("script", &self.script)
            .field("args", &self.args.len())
            .field("env", &names)
            .field("exec_user", &self.exec_user)
            .finish()
    }
}
