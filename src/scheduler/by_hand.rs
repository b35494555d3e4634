//! What somebody did by hand in this container, in the daemon's log and in its health.

use tokio::sync::mpsc;
use tracing::{error, info};

use super::drill::Judge;
use crate::health::Health;
use crate::told::{Event, Job, Listener, Word};

/// Takes in what is told, until it is dropped. What the loop has to know goes to `heard`.
pub async fn run(listener: Listener, health: &Health, judge: &Judge, heard: mpsc::UnboundedSender<Word>) {
    loop {
        let told = listener.next().await;
        take(&told.word, health, judge);
        if heard.send(told.word.clone()).is_err() {
            return;
        }
    }
}

fn take(word: &Word, health: &Health, judge: &Judge) {
    log(word);
    let Word { job, target, backup, event } = word;
    match (job, event) {
        (Job::Backup, Event::Good(_)) => health.set_target(target, None),
        (Job::Backup, Event::Bad(problem)) => health.set_target(target, Some(problem.clone())),
        (Job::Drill, Event::Good(_)) => judge.take(health, target, *backup, None),
        (Job::Drill, Event::Bad(problem)) => judge.take(health, target, *backup, Some(problem.clone())),
        (Job::Forget, Event::Good(_)) => {
            health.set_target(target, None);
            health.set_drill(target, None);
        }
        (Job::Restore | Job::Delete, Event::Good(_) | Event::Bad(_))
        | (Job::Forget, Event::Bad(_))
        | (_, Event::Started(_) | Event::Ended(_)) => {}
    }
}

fn log(word: &Word) {
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
