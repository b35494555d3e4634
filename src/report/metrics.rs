//! Metrics in both text formats of Prometheus.
//!
//! Gauges are made from the board's state at each scrape, so a restart resets none of them: the board is filled from the bucket.
//! Counters count the events of this process.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64};

use jiff::Timestamp;
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::board::{Condition, Status, Target};
use super::event::{Change, End, Event};
use super::sink::Sink;
use crate::model::job::Job;
use crate::model::target::TargetName;
use crate::outcome::Verdict;

/// A job's name is in the label `action`: Prometheus gives each series a label `job` of its own.
type Labels = Vec<(&'static str, String)>;
type Counters = Family<Labels, Counter>;
type Whole = Family<Labels, Gauge<i64, AtomicI64>>;
type Real = Family<Labels, Gauge<f64, AtomicU64>>;

/// The outcomes of a backup, each of which has a counter from the first scrape on: an increase from nothing is none to Prometheus.
const OUTCOMES: [&str; 7] = ["success", "incomplete", "suspicious", "skipped", "failed", "busy", "stopped"];

/// The format that a scraper asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus 0.0.4.
    Text,
}

impl Format {
    /// By the request's `Accept`. Prometheus names OpenMetrics first; whoever names neither gets the older format, which
    /// everything reads.
    pub fn accepted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") { Self::OpenMetrics } else { Self::Text }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => prometheus_text::CONTENT_TYPE,
        }
    }
}

/// The sink. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    runs: Counters,
    plain_bytes: Counters,
    stored_bytes: Counters,
    pruned: Counters,
    retries: Counters,
}

impl Metrics {
    /// All metrics, with the board as it is.
    ///
    /// # Errors
    /// Writing to a string fails: never.
    pub fn encode(&self, status: &Status, format: Format) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("dumpcar");
        let counters = [
            ("runs", "Runs that ended, by action and outcome, since this process started", &self.runs),
            (
                "backup_plain_bytes",
                "Bytes of the dumps in new backups, before compression",
                &self.plain_bytes,
            ),
            ("backup_stored_bytes", "Bytes of new backups in the store", &self.stored_bytes),
            ("backups_pruned", "Old backups that were deleted after a new one", &self.pruned),
            ("retries", "Attempts to back up that failed and were made again", &self.retries),
        ];
        for (name, help, family) in counters {
            registry.register(name, help, family.clone());
        }
        of_process(&mut registry, status);
        Gauges::of(status).register(&mut registry);
        let mut text = String::new();
        match format {
            Format::OpenMetrics => text::encode(&mut text, &registry)?,
            Format::Text => prometheus_text::encode(&mut text, &registry)?,
        }
        Ok(text)
    }

    fn ended(&self, job: Job, target: Option<&TargetName>, end: &End) {
        let labels = |more: &[(&'static str, &str)]| {
            let target = target.map(|target| ("target", target.to_string()));
            let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
            target.into_iter().chain(more).collect::<Labels>()
        };
        self.runs.get_or_create(&labels(&[("action", job.name()), ("outcome", outcome(job, end))])).inc();
        if let End::Backup(Verdict::Done(summary)) = end {
            self.plain_bytes.get_or_create(&labels(&[])).inc_by(summary.plain_bytes);
            self.stored_bytes.get_or_create(&labels(&[])).inc_by(summary.stored_bytes);
            self.pruned.get_or_create(&labels(&[])).inc_by(summary.pruned as u64);
        }
    }

    fn tried_again(&self, target: &TargetName, times: u64) {
        self.retries.get_or_create(&vec![("target", target.to_string())]).inc_by(times);
    }
}

impl Sink for Metrics {
    fn take(&self, event: &Event, _: Timestamp) {
        match event {
            Event::Target { target, change: Change::Found { .. } } => {
                for outcome in OUTCOMES {
                    let labels =
                        [("target", target.as_str()), ("action", Job::Backup.name()), ("outcome", outcome)];
                    let labels: Labels =
                        labels.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
                    drop(self.runs.get_or_create(&labels));
                }
                self.tried_again(target, 0);
            }
            Event::Ended { run, end } => {
                self.ended(run.job, run.target.as_ref(), end);
                if let (Job::Backup, Some(target)) = (run.job, &run.target) {
                    self.tried_again(target, run.retries);
                }
            }
            Event::Skipped { job, target, end } => self.ended(*job, Some(target), end),
            Event::Alive
            | Event::Target { .. }
            | Event::Planned { .. }
            | Event::Next { .. }
            | Event::Started(_)
            | Event::ByHand(_)
            | Event::AllEnded(_)
            | Event::Problem { .. }
            | Event::Daemon(_) => {}
        }
    }
}

fn outcome(job: Job, end: &End) -> &'static str {
    let of = |is_good| if is_good { "success" } else { "failed" };
    match end {
        End::Backup(Verdict::Done(summary)) => match (&summary.incomplete, &summary.suspicious) {
            (Some(_), _) => "incomplete",
            (None, Some(_)) => "suspicious",
            (None, None) => "success",
        },
        End::Backup(Verdict::Skipped { .. }) => "skipped",
        End::Backup(Verdict::Busy { .. }) => "busy",
        End::Backup(Verdict::Stopped) | End::Stopped { .. } => "stopped",
        End::Failed { .. } if job == Job::Drill => "inconclusive",
        End::Backup(Verdict::Failed { .. }) | End::Failed { .. } => "failed",
        End::Drill { detail: problem, .. } | End::Verify { problem, .. } | End::Delete { problem, .. } => {
            of(problem.is_none())
        }
        End::Restore { left_out } if !left_out.is_empty() => "incomplete",
        End::Restore { .. } | End::Prune { .. } => "success",
    }
}

/// What concerns no single target.
fn of_process(registry: &mut Registry, status: &Status) {
    let whole = |value: i64, labels: &[(&'static str, &str)]| {
        let family = Whole::default();
        let labels: Labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        family.get_or_create(&labels).set(value);
        family
    };
    let mut add = |name: &str, help: &str, family: Whole| registry.register(name, help, family);
    add("build_info", "The version that runs", whole(1, &[("version", env!("CARGO_PKG_VERSION"))]));
    let problems = i64::try_from(status.problems.len()).unwrap_or(i64::MAX);
    add(
        "problems",
        "What is wrong now, as `dumpcar healthcheck` says it: 0 is healthy",
        whole(problems, &[]),
    );
    if let Some(alive) = status.alive {
        let help = "When the daemon last looked at its clock: it hangs if that is minutes ago";
        add("alive_timestamp_seconds", help, whole(alive.as_second(), &[]));
    }
    if let Some(verified) = &status.verified {
        let good = i64::from(verified.problem.is_none());
        add(
            "last_verify_timestamp_seconds",
            "When the last verification ended",
            whole(verified.at.as_second(), &[]),
        );
        add("last_verify_success", "Whether it found nothing wrong: 1 or 0", whole(good, &[]));
    }
}

/// What is known of each target.
#[derive(Default)]
struct Gauges {
    info: Whole,
    healthy: Whole,
    ready: Whole,
    backups: Whole,
    last_backup: Whole,
    last_success: Whole,
    duration: Real,
    plain_bytes: Whole,
    stored_bytes: Whole,
    drilled: Whole,
    drill_success: Whole,
    next: Whole,
    running: Whole,
    stage: Whole,
    running_plain: Whole,
    running_stored: Whole,
}

impl Gauges {
    fn of(status: &Status) -> Self {
        let gauges = Self::default();
        for (name, target) in &status.targets {
            gauges.add(name, target, status.problems.contains_key(name.as_str()));
        }
        if let Some(next) = status.verified_next {
            let labels = vec![("action", Job::Verify.name().to_owned())];
            gauges.next.get_or_create(&labels).set(next.as_second());
        }
        for work in &status.running {
            let target = work.run.target.as_ref().map(|target| ("target", target.to_string()));
            let labels: Labels =
                target.into_iter().chain([("action", work.run.job.name().to_owned())]).collect();
            gauges.running.get_or_create(&labels).set(work.run.started.as_second());
            set_size(&gauges.running_plain, &labels, work.progress.plain_bytes());
            set_size(&gauges.running_stored, &labels, work.progress.stored_bytes());
            let labels = labels.into_iter().chain([("stage", work.progress.stage())]).collect();
            gauges.stage.get_or_create(&labels).set(1);
        }
        gauges
    }

    fn add(&self, name: &TargetName, target: &Target, has_problem: bool) {
        let labels = vec![("target", name.to_string())];
        let with = |key: &'static str, value: &str| {
            labels.iter().cloned().chain([(key, value.to_owned())]).collect::<Labels>()
        };
        self.info.get_or_create(&with("engine", target.engine.unwrap_or_default())).set(1);
        self.healthy.get_or_create(&labels).set(i64::from(!has_problem));
        self.ready.get_or_create(&labels).set(i64::from(target.condition == Condition::Ready));
        if let Some(backups) = target.backups {
            self.backups.get_or_create(&labels).set(i64::try_from(backups).unwrap_or(i64::MAX));
        }
        let times = [(&self.last_backup, target.newest), (&self.last_success, target.newest_good)];
        for (family, stamp) in times {
            if let Some(stamp) = stamp {
                family.get_or_create(&labels).set(stamp.timestamp().as_second());
            }
        }
        if let Some(backup) = target.recent.last() {
            self.duration.get_or_create(&labels).set(backup.elapsed.as_secs_f64());
            set_size(&self.plain_bytes, &labels, backup.plain_bytes);
            set_size(&self.stored_bytes, &labels, backup.stored_bytes);
        }
        if let Some(drilled) = &target.drilled {
            self.drilled.get_or_create(&labels).set(drilled.at.as_second());
            self.drill_success.get_or_create(&labels).set(i64::from(drilled.problem.is_none()));
        }
        for (job, next) in [(Job::Backup, target.next), (Job::Drill, target.drill_next)] {
            if let Some(next) = next {
                self.next.get_or_create(&with("action", job.name())).set(next.as_second());
            }
        }
    }

    fn register(self, registry: &mut Registry) {
        let mut add = |name: &str, help: &str, family: Whole| registry.register(name, help, family);
        add("target_info", "The targets, and the engine of each", self.info);
        add("target_healthy", "Whether nothing is wrong with the target: 1 or 0", self.healthy);
        add("target_ready", "Whether its container can be backed up now: 1 or 0", self.ready);
        add("backups", "Backups in the bucket", self.backups);
        add("last_backup_timestamp_seconds", "When the newest backup was started", self.last_backup);
        add("last_success_timestamp_seconds", "When the newest good backup was started", self.last_success);
        add("last_backup_plain_bytes", "Size of its dumps, before compression", self.plain_bytes);
        add("last_backup_stored_bytes", "Its size in the store", self.stored_bytes);
        add("last_drill_timestamp_seconds", "When a backup was last drilled", self.drilled);
        add(
            "last_drill_success",
            "Whether the drill found nothing wrong and came to an end: 1 or 0",
            self.drill_success,
        );
        add("next_run_timestamp_seconds", "When a job is due next", self.next);
        add("running_since_timestamp_seconds", "When the run that is at work now was started", self.running);
        add("running_stage", "What the run does now", self.stage);
        add("running_plain_bytes", "Bytes of dumps that the run has read so far", self.running_plain);
        add("running_stored_bytes", "Bytes that the run has handed to the store so far", self.running_stored);
        registry.register("last_backup_duration_seconds", "How long the newest backup took", self.duration);
    }
}

fn set_size(family: &Whole, labels: &Labels, bytes: u64) {
    family.get_or_create(labels).set(i64::try_from(bytes).unwrap_or(i64::MAX));
}

#[cfg(test)]
mod tests;
