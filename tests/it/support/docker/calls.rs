//! The calls that the engine knows, and what may be done with one.

use std::time::Duration;

/// An exec as the client asked for it.
#[derive(Debug, Clone)]
pub(crate) struct ExecRequest {
    pub(crate) argv: Vec<String>,
    pub(crate) env: Vec<String>,
    pub(crate) user: Option<String>,
}

impl ExecRequest {
    /// The snippet the wrapper runs.
    pub(crate) fn snippet(&self) -> &str {
        self.argv.get(5).map_or("", String::as_str)
    }

    /// The level at which zstd is to compress the tool's output.
    pub(crate) fn level(&self) -> Option<&str> {
        let wrapper = self.argv.get(2).map_or("", String::as_str);
        let level = wrapper.lines().nth(1).and_then(|line| line.strip_prefix("l="));
        level.filter(|level| !level.is_empty())
    }

    /// It ends what dead runs have left.
    pub(crate) fn looks_for_leftovers(&self) -> bool {
        self.snippet().contains("dead runs left in a target")
    }

    /// It asks a PostgreSQL what there is to dump.
    pub(crate) fn asks_for_databases(&self) -> bool {
        self.argv.iter().any(|argument| argument.contains("SELECT 'version ' || "))
    }

    pub(super) fn marker(&self) -> &str {
        self.argv.get(4).map_or("", String::as_str)
    }

    pub(super) fn marked(marker: &str) -> Self {
        let argv = ["sh", "-c", "", "dumpcar", marker].map(str::to_owned).to_vec();
        Self { argv, env: Vec::new(), user: None }
    }
}

/// What is done with a call instead of answering it at once.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// This status and this message.
    Refuse(u16, &'static str),
    /// This status and a body as it is: a proxy's, not Docker's.
    Page(u16, &'static str),
    /// The connection closes without an answer.
    Cut,
    /// The answer comes late.
    Slow(Duration),
    /// The containers are in this state from now on.
    State(&'static str),
    /// It is done, and there is never an answer.
    DoneInSilence,
    /// It is done twice, as by a proxy that repeats a request; the second answer is given.
    Twice,
    /// Exec start: what dockerd answers when a proxy took the `Upgrade` away. Nothing is played.
    NoUpgrade,
}

/// One of the calls Dumpcar makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    Version,
    List,
    Inspect,
    CreateExec,
    StartExec,
    InspectExec,
    Events,
    Info,
    Image,
    Create,
    Start,
    Logs,
    Remove,
    Services,
    Other,
}

impl Call {
    pub(super) fn of(method: &str, parts: &[&str]) -> Self {
        match (method, parts) {
            ("GET", ["version"]) => Self::Version,
            ("GET", ["containers", "json"]) => Self::List,
            ("GET", ["containers", _, "json"]) => Self::Inspect,
            ("POST", ["containers", _, "exec"]) => Self::CreateExec,
            ("POST", ["exec", _, "start"]) => Self::StartExec,
            ("GET", ["exec", _, "json"]) => Self::InspectExec,
            ("GET", ["events"]) => Self::Events,
            ("GET", ["info"]) => Self::Info,
            ("GET", ["images", _, "json"]) => Self::Image,
            ("POST", ["containers", "create"]) => Self::Create,
            ("POST", ["containers", _, "start"]) => Self::Start,
            ("GET", ["containers", _, "logs"]) => Self::Logs,
            ("DELETE", ["containers", _]) => Self::Remove,
            ("GET", ["services"]) => Self::Services,
            _ => Self::Other,
        }
    }
}
