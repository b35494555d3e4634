//! The new backup beside the last good one.

use tokio_util::sync::CancellationToken;

use super::context::AttemptContext;
use crate::app::App;
use crate::discovery::Target;
use crate::engine::{Units, is_old_name};
use crate::jobs::error::{JobError, stoppable};
use crate::jobs::newest;
use crate::model::manifest::{Manifest, ManifestObject, ObjectKind};
use crate::model::missing::Missing;
use crate::model::suspicion::{Measure, Origin, Shrunk, What, compare};
use crate::store::Catalog;
use crate::text::bytes;

/// How many of the databases that shrank are named.
const NAMED: usize = 3;

/// What the new backup is to be compared with; `None` when there is nothing, or nothing is to be compared.
///
/// It is read before the database has any work: a store that does not answer costs nothing then.
pub(super) async fn last_good(
    app: &App,
    target: &Target,
    catalog: Option<&Catalog>,
    stop: &CancellationToken,
) -> Result<Option<Manifest>, JobError> {
    let Some(catalog) = catalog.filter(|_| !target.shrink_alert.is_off()) else { return Ok(None) };
    match stoppable(stop, newest::last_good(&app.store, &app.backup_cache, catalog, &target.names())).await? {
        Ok(good) => Ok(good),
        // Keys that may list and write, but not read.
        Err(error) if !app.config.prune && error.is_denied() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl AttemptContext<'_> {
    /// Why the new backup is suspicious, in one line; `None` when it is not.
    pub(super) fn suspicion(
        &self,
        good: &Manifest,
        objects: &[ManifestObject],
        missing: &[Missing],
    ) -> Option<String> {
        let target = self.target;
        let is_whole = target.engine.units() == Units::Whole;
        let is_wanted = |kind, database: Option<&str>| match (kind, database) {
            // What is missing for a reason that is known has not shrunk.
            (ObjectKind::Database, Some(name)) => {
                // So has one that a restore has left for somebody to drop.
                let may_go = is_old_name(name) || missing.iter().any(|one| one.is_all_of(name));
                !is_whole && target.wants(name) && !may_go
            }
            (ObjectKind::Dump, None) => is_whole,
            (ObjectKind::Database | ObjectKind::Dump | ObjectKind::Globals, _) => false,
        };
        let origin = match (&good.docker_engine, &self.origin.docker_engine) {
            (Some(then), Some(now)) if then != now => Origin::Elsewhere,
            (Some(_) | None, Some(_) | None) => Origin::Here,
        };
        let shrunk = compare(target.shrink_alert, origin, &good.objects, objects, is_wanted);
        (!shrunk.is_empty()).then(|| reason(good, origin, &shrunk))
    }
}

fn reason(good: &Manifest, origin: Origin, shrunk: &[Shrunk]) -> String {
    let named: Vec<String> = shrunk.iter().take(NAMED).map(say).collect();
    let others = match shrunk.len().saturating_sub(NAMED) {
        0 => String::new(),
        count => format!(", {count} more"),
    };
    let from = match origin {
        Origin::Here => "",
        Origin::Elsewhere => " of another Docker engine: has it still to be restored?",
    };
    format!("{}{others} (compared with {}{from})", named.join(", "), good.stamp)
}

fn say(shrunk: &Shrunk) -> String {
    let what = match &shrunk.what {
        What::Database(name) => format!("database {name:?}"),
        What::Dump => "the dump".to_owned(),
        What::Total => "all together".to_owned(),
    };
    let Shrunk { measure, was, now, .. } = shrunk;
    match (measure, now) {
        (Measure::Bytes, Some(now)) => format!("{what}: {} instead of {}", bytes(*now), bytes(*was)),
        (Measure::Rows, Some(now)) => format!("{what}: {now} rows instead of {was}"),
        (Measure::Tables, Some(now)) => format!("{what}: {now} tables instead of {was}"),
        (Measure::Bytes | Measure::Rows | Measure::Tables, None) => {
            format!("{what}: gone, was {}", bytes(*was))
        }
    }
}
