//! A load that nothing comes of.
//!
//! A tool that reads a dump may take nothing for an hour and be right: its server builds an index. So it is the server that is asked.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::discovery::Target;
use crate::docker::{Appetite, Docker};
use crate::engine::Activity;

/// What the server says of one session fits.
const ANSWER_BYTES: usize = 64 * 1024;
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// Ends when the load into `database` has taken nothing, and its server has not worked on it, for `limit`: says why, in one line.
pub(super) async fn stalled(
    docker: &Docker,
    target: &Target,
    database: Option<&str>,
    appetite: &Appetite,
    limit: Duration,
) -> String {
    let Some(command) = target.engine.activity(&target.facts(), database) else {
        return std::future::pending().await;
    };
    let step = (limit / 10).clamp(Duration::from_secs(1), Duration::from_secs(60));
    let mut worked = None;
    loop {
        sleep(step).await;
        let Some(since) = appetite.none_since().filter(|since| since.elapsed() >= step) else {
            continue;
        };
        let answer = docker.capture(target.tools(), &command, ANSWER_BYTES, ANSWER_LIMIT).await;
        let hide = |said: &str| target.container.redact(said);
        let why = match answer.map(|answer| Activity::parse(&answer.stdout)) {
            Ok(Activity::Working) => {
                worked = Some(Instant::now());
                continue;
            }
            Ok(Activity::Waiting(for_what)) => {
                format!("it waits {}: end the session that is in the way", hide(&for_what))
            }
            Ok(Activity::Idle) => "its session does nothing".to_owned(),
            Err(error) => format!("and it cannot be asked why: {}", hide(&error.to_string())),
        };
        if worked.unwrap_or(since).max(since).elapsed() >= limit {
            let limit = humantime::format_duration(limit);
            return format!("the server has taken nothing for {limit} (DUMPCAR_STALL_TIMEOUT): {why}");
        }
    }
}
