//! What Docker says of the commands that Dumpcar runs in a target.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::docker::{Container, try_docker, until};
use crate::support::world::{Running, log_lines};

/// Listens to one container. Does not get in between Dumpcar and Docker, as a proxy would.
pub(super) struct Events {
    listener: Running,
}

impl Events {
    pub(super) fn of(container: &Container) -> Self {
        let mut command = Command::new("docker");
        command
            .args(["events", "--format", "{{json .}}", "--filter"])
            .arg(format!("container={}", container.id));
        command.args(["--filter", "event=exec_start", "--filter", "event=exec_die"]).stdin(Stdio::null());
        let events = Self { listener: Running::start(command) };
        until("events are reported", || {
            drop(try_docker(&["exec", &container.id, "true"]));
            !events.all().is_empty()
        });
        events
    }

    fn all(&self) -> Vec<Value> {
        log_lines(&self.listener.printed())
    }

    /// How many commands Dumpcar has started since it was asked last, and how many of those have ended.
    pub(super) fn since(&self, known: &mut usize) -> (usize, usize) {
        let all = self.all();
        let new = &all[*known..];
        *known = all.len();
        let id =
            |event: &Value| event["Actor"]["Attributes"]["execID"].as_str().unwrap_or_default().to_owned();
        // The marker of its wrapper.
        let is_ours =
            |event: &&Value| event["status"].as_str().is_some_and(|status| status.contains(" dumpcar-"));
        let started: BTreeSet<_> = new.iter().filter(is_ours).map(id).collect();
        let ended = new.iter().filter(|event| event["status"] == "exec_die" && started.contains(&id(event)));
        (started.len(), ended.count())
    }
}
