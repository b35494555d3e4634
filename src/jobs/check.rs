//! The check before the first night: Docker, the clock, the bucket, and every target, by trying what a night does.
//!
//! Nothing is changed: what is written to the bucket, or made in Docker, is taken back, however the check ends.

mod around;
mod clock;
mod docker;
mod growth;
mod item;
mod rights;
mod store;
mod table;
mod targets;

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio_util::sync::CancellationToken;

pub use item::{Area, CheckItem, Mark};
pub use table::table;

use super::error::{JobError, stoppable};
use crate::app::App;
use crate::discovery;
use crate::docker::Looked;
use crate::engine::Engine;
use crate::model::target::TargetName;
use around::Around;

/// Targets that are looked at at the same time.
const AT_ONCE: usize = 4;

/// What was found.
#[derive(Debug)]
pub struct Checked {
    pub items: Vec<CheckItem>,
    /// How many targets were looked at; `None` when Docker does not tell which there are.
    pub targets: Option<usize>,
}

/// Checks everything, and of the targets those that are named, or all.
///
/// # Errors
/// It was stopped.
pub async fn check(app: &App, names: &[TargetName], stop: &CancellationToken) -> Result<Checked, JobError> {
    let docker = Box::pin(docker::check(app, stop)).await?;
    let store = Box::pin(store::check(app, stop)).await?;
    let mut items = docker.items;
    items.extend(store.items);
    let Some(looked) = docker.looked else { return Ok(Checked { items, targets: None }) };
    let mut found = discovery::discover(looked.clone(), &app.config);
    if names.is_empty() {
        items.extend(unlabelled(app, &looked));
    } else {
        items.extend(names.iter().filter(|name| found.iter().all(|one| one.name != **name)).map(unknown));
        found.retain(|one| names.contains(&one.name));
    }
    let catalog = if store.may_list { stoppable(stop, app.store.catalog(None)).await?.ok() } else { None };
    let now = crate::clock::now();
    let around =
        Around { app, catalog: catalog.as_ref(), may_exec: docker.may_exec, locked: store.locked, now, stop };
    let count = found.len();
    if count == 0 && names.is_empty() {
        items.push(CheckItem::new(Area::Targets, "targets", Mark::Warning, app.nothing_labelled()));
    }
    let each = stream::iter(&found).map(|one| Box::pin(targets::check(&around, one)));
    let each: Vec<Vec<CheckItem>> = each.buffered(AT_ONCE).try_collect().await?;
    items.extend(each.into_iter().flatten());
    Ok(Checked { items, targets: Some(count) })
}

fn unknown(name: &TargetName) -> CheckItem {
    let text =
        format!("no container is the target {name}: `dumpcar check` without a name looks at all there are");
    CheckItem::new(Area::Targets, "targets", Mark::Warning, text)
}

/// Databases that nobody backs up, and labels without the one that counts.
fn unlabelled(app: &App, looked: &Looked) -> Vec<CheckItem> {
    let prefix = &app.config.label_prefix;
    let labelled = looked.containers.iter().map(|container| &container.name);
    let labelled: BTreeSet<&String> = labelled.chain(looked.unreadable.iter().map(|one| &one.name)).collect();
    let no_env = std::collections::BTreeMap::new();
    let is_database = |image: &str| Engine::detect(image, &no_env).is_some_and(|engine| !engine.is_file());
    let others = looked.all.iter().filter(|one| !labelled.contains(&one.name) && is_database(&one.image));
    let hints = others.map(|one| {
        let text = format!(
            "{} (image {}) looks like a database and has no label: it is not backed up",
            one.name, one.image
        );
        let cure =
            format!("give it the label {prefix}.enable=true, or {prefix}.enable=false if that is meant");
        CheckItem::new(Area::Targets, "unlabelled", Mark::Warning, text).with_cure(cure)
    });
    let overlooked = discovery::overlooked(looked, &app.config).into_iter();
    let overlooked = overlooked.map(|text| CheckItem::new(Area::Targets, "labels", Mark::Warning, text));
    hints.chain(overlooked).collect()
}
