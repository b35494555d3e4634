//! What the log says of backups, those of the schedule and those by hand.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing::{error, info, warn};

use crate::outcome::{Outcome, Verdict, accept_it};
use crate::told::{Event, Job, Word};

/// A time as the log has it.
pub(super) fn shown(time: Timestamp, time_zone: &TimeZone) -> String {
    time.to_zoned(time_zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// One line for the end of a run.
pub fn outcome(outcome: &Outcome) {
    let target = &outcome.target;
    match &outcome.verdict {
        Verdict::Done(summary) => {
            info!(
                %target, backup = %summary.stamp, objects = summary.objects, plain_bytes = summary.plain_bytes,
                bytes = summary.stored_bytes, pruned = summary.pruned,
                elapsed_ms = u64::try_from(summary.elapsed.as_millis()).unwrap_or(u64::MAX), "backup committed"
            );
            if let Some(missing) = &summary.incomplete {
                error!(%target, backup = %summary.stamp, reason = missing, "the backup is incomplete");
            }
            if let Some(reason) = &summary.suspicious {
                error!(%target, backup = %summary.stamp, %reason, "the backup is suspicious; {}", accept_it(target));
            }
            if let Some(replaced) = summary.accepted_smaller_than {
                info!(%target, backup = %summary.stamp, %replaced, "the smaller backup is accepted; the one before it stays for a week");
            }
            for problem in &summary.problems {
                error!(%target, %problem, "the backup is good, but something else went wrong");
            }
        }
        Verdict::Skipped { reason } => error!(%target, %reason, "not backed up"),
        Verdict::Failed { reason } => error!(%target, %reason, "backup failed"),
        Verdict::Stopped => warn!(%target, "backup stopped before it was done"),
    }
}

/// What somebody did by hand in this container.
pub(super) fn word(word: &Word) {
    let (target, name) = (&word.target, word.job.name());
    let backup = word.backup.map(|stamp| stamp.to_string());
    let said = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    match &word.event {
        Event::Started(detail) => info!(%target, backup, detail = said(detail), "{name} by hand started"),
        Event::Good(detail) => info!(%target, backup, detail = said(detail), "{name} by hand done"),
        // There is one, and something about it is to be known: it is suspicious, or somebody else writes there, too.
        Event::Bad(problem) if word.job == Job::Backup && backup.is_some() => {
            error!(%target, backup, problem, "{name} by hand done, with a problem");
        }
        Event::Bad(problem) => error!(%target, backup, problem, "{name} by hand failed"),
        Event::Ended(detail) => info!(%target, backup, detail = said(detail), "{name} by hand ended"),
    }
}
