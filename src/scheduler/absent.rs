//! Targets that the bucket has and no container serves: told once a day, until somebody forgets them on purpose.
//!
//! What is told depends on the bucket and the clock alone, so that a restart neither clears an alarm nor makes one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use tracing::{info, warn};

use super::shown;
use crate::app::App;
use crate::health::Health;
use crate::jobs::good;
use crate::model::forgotten::Forgotten;
use crate::model::key::Stamp;
use crate::model::manifest::Manifest;
use crate::model::schedule::Schedule;
use crate::model::target::TargetName;
use crate::store::{Catalog, StoreError};

/// How often the whole bucket is listed for them, and each of them told.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What to do about a target that disappeared.
pub(super) fn cure(name: &TargetName, prefix: &str) -> String {
    format!(
        "if that is meant, run `dumpcar forget {name}`; if only its name changed, set the label {prefix}.was: {name} (and {prefix}.name, which keeps names)"
    )
}

/// What is known of them.
#[derive(Debug, Default)]
pub(super) struct Absent {
    /// When the whole bucket was listed.
    listed: Option<Timestamp>,
    /// The targets that nobody served then, and their newest backups.
    names: BTreeMap<TargetName, Option<Stamp>>,
    /// When each was told.
    told: BTreeMap<TargetName, Timestamp>,
    /// Those that are served again since the last look.
    returned: BTreeSet<TargetName>,
}

impl Absent {
    /// Takes back what was told of targets that are served again.
    pub(super) fn welcome(&mut self, served: &BTreeSet<TargetName>, health: &Health) {
        for name in served {
            let is_told = self.told.remove(name).is_some();
            if is_told {
                health.set_target(name, None);
            }
            if self.names.remove(name).is_some() || is_told {
                self.returned.insert(name.clone());
            }
        }
    }

    /// Looks for them, in `catalog` if the bucket was listed just now, and tells what is due. `gone` are those that this process
    /// has seen, and when they were reported. Returns those of all that are forgotten.
    pub(super) async fn look(
        &mut self,
        app: &App,
        health: &Health,
        catalog: Option<&Catalog>,
        served: &BTreeSet<TargetName>,
        gone: &BTreeMap<TargetName, Option<Timestamp>>,
        now: Timestamp,
    ) -> Result<BTreeSet<TargetName>, StoreError> {
        let is_old = self.listed.is_none_or(|listed| now > listed + DAY || now < listed);
        match catalog {
            Some(catalog) => self.take(catalog, served, now),
            None if is_old => match app.store.catalog(None).await {
                Ok(catalog) => self.take(&catalog, served, now),
                // Keys that may only write.
                Err(error) if !app.config.prune && error.is_denied() => self.listed = Some(now),
                Err(error) => return Err(error),
            },
            None => {}
        }
        for (name, reported) in gone {
            if let Some(reported) = reported {
                self.told.entry(name.clone()).or_insert(*reported);
            }
        }
        let names: BTreeSet<TargetName> = self.names.keys().chain(gone.keys()).cloned().collect();
        if names.is_empty() && self.returned.is_empty() {
            return Ok(BTreeSet::new());
        }
        let mut forgotten = app.store.forgotten().await?;
        // Whoever is served again can disappear again.
        for name in served.iter().filter(|name| app.config.prune && forgotten.contains_key(*name)) {
            app.store.delete(&Forgotten::key(name)).await?;
        }
        self.returned.clear();
        forgotten.retain(|name, said| said.holds(self.names.get(name).copied().flatten()));
        for name in &names {
            if let Some(said) = forgotten.get(name) {
                if self.told.remove(name).is_some() {
                    health.set_target(name, None);
                    info!(target = %name, by = %said.instance, "target is forgotten: its alarms end");
                }
                continue;
            }
            let is_told = self.told.get(name).is_some_and(|told| now < *told + DAY && now >= *told);
            // Those that were seen have a time of their own.
            let waits = matches!(gone.get(name), Some(None));
            if !is_told && !waits {
                self.tell(app, health, name, now).await?;
            }
        }
        Ok(forgotten.into_keys().filter(|name| names.contains(name)).collect())
    }

    fn take(&mut self, catalog: &Catalog, served: &BTreeSet<TargetName>, now: Timestamp) {
        self.listed = Some(now);
        let targets = catalog.targets().filter(|name| !served.contains(*name));
        let newest = |name: &TargetName| catalog.backups(name).first().map(|backup| backup.key.stamp);
        self.names = targets.map(|name| (name.clone(), newest(name))).collect();
    }

    /// Tells of one whose backup is overdue. It is looked for again first: another host may have made one since.
    async fn tell(
        &mut self,
        app: &App,
        health: &Health,
        name: &TargetName,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let catalog = app.store.catalog(Some(name)).await?;
        let mut backups = catalog.backups(name);
        backups.retain(|backup| backup.key.stamp.timestamp() <= now);
        let Some(newest) = good::newest_signed(&app.store, &backups).await? else { return Ok(()) };
        let stamp = newest.stamp;
        self.names.insert(name.clone(), Some(stamp));
        if !is_overdue(&app.config.schedule, stamp, now, app) {
            return Ok(());
        }
        match app.store.manifest(&newest).await {
            Ok(manifest) if !is_ours(app, &manifest).await => return Ok(()),
            Err(error) if !good::says_something(&error) => return Err(error),
            Ok(_) | Err(_) => {}
        }
        let cure = cure(name, &app.config.label_prefix);
        let last = shown(stamp.timestamp(), app);
        warn!(target = %name, backups = backups.len(), newest = %stamp, "no container serves this target any more; {cure}");
        health.set_target(
            name,
            Some(format!("no container serves it any more, its newest backup is of {last}; {cure}")),
        );
        self.told.insert(name.clone(), now);
        Ok(())
    }
}

/// Whether a scheduled backup would have been made since. Where nothing is scheduled for all, a day is enough.
fn is_overdue(schedule: &Schedule, newest: Stamp, now: Timestamp, app: &App) -> bool {
    match schedule {
        Schedule::Off => newest.timestamp() + DAY <= now,
        Schedule::Cron(_) | Schedule::Every(_) => {
            schedule.is_missed(newest.timestamp(), now, &app.config.time_zone)
        }
    }
}

/// Whether the backup was made here: what another host has made, that one tells of.
async fn is_ours(app: &App, manifest: &Manifest) -> bool {
    let own = app.identity.holder(&app.docker).await;
    manifest.docker_engine == own.engine || manifest.instance == own.instance
}
