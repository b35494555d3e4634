//! Why a restore on trial did not go well: the backup, or what the drill has for it.

use super::context::Drill;
use super::server::{ANSWER_BYTES, Scratch, last};
use crate::docker::Death;
use crate::engine::{self, Command};
use crate::jobs::error::{JobError, JobErrorKind};
use crate::model::drill::Problem;
use crate::text;
use std::time::Duration;

const SHORT_LIMIT: Duration = Duration::from_secs(20);
/// The most names of settings that one message has.
const MOST_NAMES: usize = 8;

/// How often the kernel has ended a process of this container for want of memory: of cgroups 2 or 1.
const KILLS: &str = "
cat /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control 2>/dev/null | sed -n 's/^oom_kill //p'
";

impl Drill<'_> {
    /// What is really behind an error. A server that ran out of memory, or has ended, may have refused anything; with another
    /// image than the backup's it may be the image. Whatever is no fault of the backup says what to do.
    pub(super) async fn because(&self, scratch: &Scratch, error: JobError) -> JobError {
        let is_of_bucket = matches!(
            error.blame(),
            Some(Problem::Empty {} | Problem::Missing { .. } | Problem::Damaged { .. })
        );
        if error.is_stopped() || is_of_bucket || matches!(error.kind, JobErrorKind::Store(_)) {
            return error;
        }
        let id = scratch.target.tools();
        match self.docker.death(id).await {
            Ok(Some(Death { out_of_memory: true, .. })) => return self.out_of_memory(scratch, &error),
            Ok(Some(Death { exit_code, .. })) if scratch.has_answered() => {
                let words = scratch.target.container.redact(&self.docker.last_words(id).await);
                let words = last(&words);
                let ended =
                    format!("{error}; its server ended in the middle (exit status {exit_code}): {words}");
                return self.cured(scratch, JobError::new(of_server(error.kind), ended));
            }
            Ok(None) if self.kills(scratch).await > 0 => return self.out_of_memory(scratch, &error),
            // It started badly, and the error says how; or Docker is away, and the error is as good as any.
            Ok(_) | Err(_) => {}
        }
        if scratch.image != self.manifest.image_id && error.blame().is_some() {
            let image = &self.manifest.image;
            return error.without_blame().in_words(|reason| {
                format!("{reason}; this is not the image of the backup, which is gone: `docker pull {image}`")
            });
        }
        self.cured(scratch, error)
    }

    fn out_of_memory(&self, scratch: &Scratch, error: &JobError) -> JobError {
        let text = format!(
            "{error}; the drill's server was killed because it needed more than its {} of memory",
            text::bytes(scratch.memory)
        );
        self.cured(scratch, JobError::new(JobErrorKind::Tool(engine::ToolFailure::NoMemory), text))
    }

    /// With what there is to do.
    fn cured(&self, scratch: &Scratch, error: JobError) -> JobError {
        let prefix = &self.app.config.label_prefix;
        let cure = match error.kind {
            JobErrorKind::Tool(engine::ToolFailure::NoMemory) => "raise DUMPCAR_DRILL_MEMORY".to_owned(),
            JobErrorKind::Tool(engine::ToolFailure::DiskFull) if self.app.config.drill_disk == 0 => {
                "three times the size of the dumps is not enough: set DUMPCAR_DRILL_DISK".to_owned()
            }
            JobErrorKind::Tool(engine::ToolFailure::DiskFull) => "raise DUMPCAR_DRILL_DISK, or make room on Docker's disk".to_owned(),
            JobErrorKind::Tool(engine::ToolFailure::ReadOnly) => {
                "a drill's server writes to its image's volumes, in memory, or with DUMPCAR_DRILL_DISK anywhere".to_owned()
            }
            JobErrorKind::Tool(engine::ToolFailure::ToolMissing) => {
                format!("the drill's server has the image {}", self.manifest.image)
            }
            JobErrorKind::Tool(engine::ToolFailure::Lacking) => format!(
                "start the drill's server with what it needs by the label {prefix}.drill.args, or `docker pull {}` if its image is not that one",
                self.manifest.image
            ),
            JobErrorKind::Tool(engine::ToolFailure::AuthRefused | engine::ToolFailure::PasswordFile) => format!(
                "what the image needs of its target's variables to let the drill in goes into the label {prefix}.drill.env"
            ),
            JobErrorKind::Tool(
                engine::ToolFailure::NotAccepting | engine::ToolFailure::Killed | engine::ToolFailure::Busy,
            ) => "this says nothing about the backup: drill it again".to_owned(),
            JobErrorKind::Tool(_)
            | JobErrorKind::Stopped
            | JobErrorKind::Nothing
            | JobErrorKind::Wrong
            | JobErrorKind::Busy
            | JobErrorKind::TooLong
            | JobErrorKind::Store(_)
            | JobErrorKind::Docker { .. }
            | JobErrorKind::Broken
            | JobErrorKind::IncompleteDump
            | JobErrorKind::Backup
            | JobErrorKind::Internal => String::new(),
        };
        let is_about_settings = matches!(error.blame(), Some(Problem::LoadFailed { .. }))
            || matches!(error.kind, JobErrorKind::Tool(engine::ToolFailure::Lacking));
        let names: Vec<&str> = scratch.left_out.iter().take(MOST_NAMES).map(String::as_str).collect();
        let left_out = if is_about_settings && !names.is_empty() {
            format!(
                "its server was started without the target's {}: what a dump needs of them goes into the label {prefix}.drill.args",
                names.join(", ")
            )
        } else {
            String::new()
        };
        let more: String =
            [cure, left_out].iter().filter(|text| !text.is_empty()).map(|text| format!("; {text}")).collect();
        if more.is_empty() { error } else { error.in_words(|reason| format!("{reason}{more}")) }
    }

    async fn kills(&self, scratch: &Scratch) -> u64 {
        let command = Command { script: KILLS.to_owned(), ..Command::default() };
        let asked = self.docker.capture(scratch.target.tools(), &command, ANSWER_BYTES, SHORT_LIMIT).await;
        let Ok(answer) = asked else { return 0 };
        String::from_utf8_lossy(&answer.stdout)
            .lines()
            .filter_map(|line| line.trim().parse::<u64>().ok())
            .sum()
    }
}

/// A refusal of a server that has ended is none.
fn of_server(kind: JobErrorKind) -> JobErrorKind {
    if kind.is_refusal() || kind == JobErrorKind::Backup { JobErrorKind::Broken } else { kind }
}
