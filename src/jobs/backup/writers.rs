//! Whether somebody else makes backups of the same target: two containers of one name on two hosts, in one bucket.

use tracing::warn;

use crate::app::App;
use crate::clock;
use crate::model::key::Stamp;
use crate::model::manifest::Manifest;
use crate::model::retention::Candidate;
use crate::model::writers::{Clash, Writer, clash};

/// Looks among the backups that are known, which costs no request. Another one that has just begun, or ended, is told at once; it may
/// have moved here.
pub(super) fn look(
    app: &App,
    backups: &[Candidate],
    last_good: Option<&Manifest>,
    new: (Stamp, Option<Writer>),
) -> Option<Clash> {
    let (stamp, writer) = new;
    let known = backups.iter().map(|backup| (backup.stamp, backup.writer.clone()));
    // Where nothing is ever deleted, the others are not read.
    let last_good = last_good.filter(|good| backups.iter().all(|backup| backup.stamp != good.stamp));
    let last_good = last_good.map(|good| (good.stamp, good.writer()));
    let all: Vec<_> = known.chain(last_good).chain([(stamp, writer)]).collect();
    let clash = clash(all.iter().map(|(stamp, writer)| (*stamp, writer.as_ref())), clock::now())?;
    if clash.is_first {
        let (newest, other) = clash.names();
        warn!(
            instance = newest, other, newest = %clash.last,
            "another instance made the backups before this one, so nothing is pruned this time; if both go on, {}",
            Clash::cure(&app.config.label_prefix)
        );
    }
    Some(clash)
}

/// What is wrong, if both go on.
pub(super) fn problem(app: &App, clash: &Clash) -> Option<String> {
    let (newest, other) = clash.names();
    let cure = Clash::cure(&app.config.label_prefix);
    (!clash.is_first).then(|| {
        format!(
            "two writers: {newest} and {other} both make backups of this target (the newest of {other} is {}), so nothing is pruned: {cure}",
            clash.last
        )
    })
}
