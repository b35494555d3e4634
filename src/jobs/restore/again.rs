//! A second load, for a dump that does not find a name in the path that `pg_dump` empties.

use tracing::{info, warn};

use super::context::{Restore, what};
use super::planned::Wanted;
use crate::engine::{Edit, Loading, Staged, ToolFailure};
use crate::jobs::error::{JobError, JobErrorKind};
use crate::model::database::DatabaseOptions;
use crate::model::drill;

impl Restore<'_> {
    /// Fills a new database, and, where a name was not found, another new one with the path that the old one had. Nothing else
    /// has changed by then.
    pub(super) async fn fill_staged(
        &self,
        wanted: &Wanted,
        options: Option<&DatabaseOptions>,
        index: usize,
    ) -> Result<Staged, JobError> {
        let loading = Loading {
            own_path: false,
            default_tablespace: self.plan.placement.default_tablespace,
            is_on_trial: self.loaded.is_some(),
        };
        let engine = self.plan.target.engine;
        let staged = wanted.staged(&self.run, index);
        let mut edit = engine.edit(loading, &self.plan.surroundings, &staged.staged);
        let first = match self.fill(wanted, &staged.staged, options, &mut edit).await {
            Ok(()) => {
                self.tell(&edit);
                return Ok(staged);
            }
            Err(first) if first.kind == JobErrorKind::Tool(ToolFailure::NameHidden) => first,
            Err(error) => return Err(error),
        };
        let target = &self.plan.target;
        info!(
            reason = %first,
            "loading {} again, with the search_path it had", what(&wanted.name)
        );
        if let Some(command) = target.engine.drop_staged(&target.facts(), &staged.staged) {
            let problem = drill::Problem::SwapFailed {};
            let dropped = self.ask("make room for a second load", None, &command, problem).await;
            if let Err(left) = dropped {
                warn!(%left, "the first load takes room until the restore is over");
            }
        }
        let other = wanted.staged(&self.run, self.plan.databases.len() + index);
        let loading = Loading { own_path: true, ..loading };
        let mut edit = engine.edit(loading, &self.plan.surroundings, &other.staged);
        self.fill(wanted, &other.staged, options, &mut edit).await.map_err(|second| {
            second.in_words(|words| format!("{words} (tried with its own search_path as well)"))
        })?;
        self.tell(&edit);
        warn!(
            "{} was loaded with its own search_path, because something in it finds names only by that: {first}",
            what(&wanted.name)
        );
        Ok(other)
    }

    fn tell(&self, edit: &Edit) {
        for note in edit.notes() {
            info!("{note}");
        }
    }
}
