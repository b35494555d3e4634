//! What comes before an attempt's dumps: its place in the bucket, its record, and the leavings of earlier ones.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::app::App;
use crate::clock;
use crate::discovery::Target;
use crate::jobs::error::{JobError, stoppable};
use crate::jobs::record::Entry;
use crate::jobs::{prune, span, sweep};
use crate::model::key::{BackupKey, Stamp};
use crate::model::retention::Candidate;
use crate::model::trigger::Trigger;
use crate::model::writers::Writer;
use crate::random;
use crate::store::Catalog;

/// A run that is on record and has done nothing yet.
pub(super) struct Begun<'a> {
    pub(super) entry: Entry<'a>,
    pub(super) key: BackupKey,
    pub(super) started: Timestamp,
}

/// Finds a folder nobody else writes into, puts the run on record, and cleans up after runs that were killed.
pub(super) async fn begin<'a>(
    app: &'a App,
    target: &Target,
    catalog: Option<&Catalog>,
    backups: &[Candidate],
    writer: Option<Writer>,
    trigger: Trigger,
    stop: &CancellationToken,
) -> Result<Begun<'a>, JobError> {
    let names = target.names();
    // Under its former names as well: rules know backups by their stamps.
    let taken: BTreeSet<Stamp> =
        catalog.into_iter().flat_map(|catalog| names.iter().flat_map(|name| catalog.stamps(name))).collect();
    loop {
        let started = clock::now();
        let stamp = Stamp::new(started);
        if taken.contains(&stamp) {
            // Two runs within a second: the names of their folders would be the same.
            stoppable(stop, tokio::time::sleep(Duration::from_millis(100))).await?;
            continue;
        }
        let mut doomed = prune::doomed(app, target, backups, (stamp, writer.clone()), trigger);
        // What goes under a former name gets a record of its own.
        doomed.retain(|stamp| catalog.is_some_and(|catalog| catalog.has_backup(&target.name, *stamp)));
        let entry = stoppable(stop, Entry::of_backup(app, target, stamp, doomed)).await??;
        span::is_run(entry.run());
        // Behind the own record: of two that begin at once, one at least sees the other.
        let others = match stoppable(stop, sweep::sweep(app, Some(&target.name), Some(entry.run()))).await {
            Ok(Ok(others)) => others,
            // Not a reason to make no backup.
            Ok(Err(error)) => {
                warn!(%error, "cannot look for what killed runs have left");
                Vec::new()
            }
            Err(stopped) => {
                drop(entry.close(true).await);
                return Err(stopped);
            }
        };
        for other in others.iter().filter(|other| other.stamp.is_some()) {
            warn!(
                instance = %other.holder.instance, since = %other.started,
                "another Dumpcar is at work on a target of this name, or was killed: two of them want two names (label dumpcar.name) or two prefixes (DUMPCAR_STORE)"
            );
        }
        let key = BackupKey { target: target.name.clone(), stamp };
        // Others find a run by its record. One that has none takes its folder with a file: two would write over one another's
        // dumps.
        let is_claimed = async || {
            match entry.is_off_record() {
            true => stoppable(stop, app.store.claim(&key, entry.run())).await?.map_err(JobError::from),
            false => Ok(true),
        }
        .inspect(|is_claimed| {
            if !is_claimed {
                warn!(backup = %key, "another run has claimed this second: the backup waits for another one");
            }
        })
        };
        if others.iter().all(|other| other.stamp != Some(stamp)) && is_claimed().await? {
            if let Some(catalog) = catalog {
                for name in &names {
                    sweep::orphans(app, name, catalog, &others).await;
                }
            }
            return Ok(Begun { entry, key, started });
        }
        if let Err(left) = entry.close(true).await {
            warn!(%left, "cannot take back the record of a run");
        }
        // Both may have seen each other: not by the same time again.
        let wait = Duration::from_millis(1000 + u64::from(random::byte()) * 10);
        stoppable(stop, tokio::time::sleep(wait)).await?;
    }
}
