//! The new backup beside the last good one.

use tokio_util::sync::CancellationToken;

use super::Run;
use crate::app::App;
use crate::discovery::Target;
use crate::engine::Engine;
use crate::jobs::error::{JobError, stoppable};
use crate::jobs::good;
use crate::model::manifest::{Manifest, ManifestObject, ObjectKind};
use crate::model::missing::Missing;
use crate::model::suspicion::{Shrunk, What, compare};
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
    match stoppable(stop, good::last_good(&app.store, &app.last_good, catalog, &target.names())).await? {
        Ok(good) => Ok(good),
        // Keys that may list and write, but not read.
        Err(error) if !app.config.prune && error.is_denied() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Run<'_> {
    /// Why the new backup is suspicious, in one line; `None` when it is not.
    pub(super) fn suspicion(
        &self,
        good: &Manifest,
        objects: &[ManifestObject],
        missing: &[Missing],
    ) -> Option<String> {
        let target = self.target;
        let is_custom = target.engine == Engine::Custom;
        let shrunk =
            compare(target.shrink_alert, &good.objects, objects, |kind, database| match (kind, database) {
                // What is missing for a reason that is known has not shrunk.
                (ObjectKind::Database, Some(name)) => {
                    !is_custom && target.wants(name) && !missing.iter().any(|one| one.is_all_of(name))
                }
                (ObjectKind::Dump, None) => is_custom,
                (ObjectKind::Database | ObjectKind::Dump | ObjectKind::Globals, _) => false,
            });
        (!shrunk.is_empty()).then(|| reason(good, &shrunk))
    }
}

fn reason(good: &Manifest, shrunk: &[Shrunk]) -> String {
    let named: Vec<String> = shrunk.iter().take(NAMED).map(say).collect();
    let others = match shrunk.len().saturating_sub(NAMED) {
        0 => String::new(),
        count => format!(", {count} more"),
    };
    format!("{}{others} (compared with {})", named.join(", "), good.stamp)
}

fn say(shrunk: &Shrunk) -> String {
    let what = match &shrunk.what {
        What::Database(name) => format!("database {name:?}"),
        What::Dump => "the dump".to_owned(),
        What::Total => "all together".to_owned(),
    };
    match shrunk.now {
        Some(now) => format!("{what}: {} instead of {}", bytes(now), bytes(shrunk.was)),
        None => format!("{what}: gone, was {}", bytes(shrunk.was)),
    }
}
