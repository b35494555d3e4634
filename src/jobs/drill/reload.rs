//! The second reload: objects whose words came back, and whose text is another one, are loaded once more from what the server
//! prints of them now. If it goes on printing them so, they mean what they meant.

use bytes::Bytes;

use super::context::Drill;
use super::difference::came_back_otherwise;
use super::server::{ANSWER_BYTES, Scratch};
use crate::engine::{self, Facts, Loading, Surroundings};
use crate::jobs::diagnosis::diagnose;
use crate::jobs::error::{JobError, JobErrorKind};
use crate::jobs::restore;
use crate::jobs::survey::survey;
use crate::model::command::Command;
use crate::model::content::{Content, Dialect, Difference, Object, Reloaded};
use crate::model::drill::{DrillResult, Remark};
use crate::model::line::Name;
use crate::random;

/// All definitions of a database.
const MOST_BYTES: usize = 32 * 1024 * 1024;
const MOST_NAMES: usize = 5;

/// A restored database of which some objects only may be what they were.
pub(super) struct Doubtful<'a> {
    pub(super) backed_up: &'a Content,
    pub(super) database: &'a str,
    pub(super) dialect: Dialect,
    pub(super) restored: Content,
    pub(super) doubts: Vec<Object>,
}

impl Drill<'_> {
    /// Decides the doubts. Of what is not there afterwards nothing is known: that says nothing about the backup.
    pub(super) async fn settle(
        &self,
        scratch: &Scratch,
        doubtful: Vec<Doubtful<'_>>,
        result: &mut DrillResult,
    ) -> Result<(), JobError> {
        if doubtful.is_empty() {
            return Ok(());
        }
        let survey = survey(&self.docker, &scratch.target, restore::ANSWER_LIMIT).await?;
        let mut unsettled = None;
        for (index, one) in doubtful.into_iter().enumerate() {
            let (again, refused) = Box::pin(self.reload(scratch, &survey, &one, index)).await?;
            let (mut differences, mut unknown) = (Vec::new(), Vec::new());
            for object in one.doubts {
                match one.restored.reloaded(&again, &object) {
                    Reloaded::Same => {
                        let database = Name::clean(one.database);
                        result.remark(Remark::PrintedDifferently { database, object });
                    }
                    // Where the load broke off, what is there may only stand in for what was to come.
                    Reloaded::Different if refused.is_none() => {
                        differences.push(Difference::ObjectDiffers { object });
                    }
                    Reloaded::Different | Reloaded::Missing => unknown.push(object.to_string()),
                }
            }
            if !differences.is_empty() {
                return Err(came_back_otherwise(one.database, Difference::first(differences)));
            }
            if !unknown.is_empty() {
                unsettled.get_or_insert_with(|| undecided(one.database, &unknown, refused));
            }
        }
        unsettled.map_or(Ok(()), Err)
    }

    /// What the definitions of a restored database are in its place, and why not all of them are there.
    async fn reload(
        &self,
        scratch: &Scratch,
        survey: &engine::Survey,
        one: &Doubtful<'_>,
        index: usize,
    ) -> Result<(Content, Option<JobError>), JobError> {
        let target = &scratch.target;
        let database = one.database;
        self.progress.set_stage(format!("loading the definitions of database {database:?} once more"));
        let more = target.engine.definitions().iter().map(|arg| (*arg).to_owned());
        let args: Vec<String> = target.labels.args.iter().cloned().chain(more).collect();
        let facts = Facts { args: &args, ..target.facts() };
        let print = target.engine.dump(&facts, survey, database);
        let definitions = Bytes::from(self.told(scratch, database, &print, MOST_BYTES).await?);
        if let Some(aside) = target.engine.set_aside(&facts, database, index) {
            self.told(scratch, database, &aside, ANSWER_BYTES).await?;
        }
        let mut loading = Loading { default_tablespace: true, is_on_trial: true, ..Loading::default() };
        let mut refused = self.load_again(scratch, survey, one, definitions.clone(), loading).await?;
        let is_hidden = |error: &JobError| error.kind == JobErrorKind::Tool(engine::ToolFailure::NameHidden);
        if refused.as_ref().is_some_and(is_hidden)
            && let Some(command) = target.engine.drop_staged(&facts, database)
        {
            self.told(scratch, database, &command, ANSWER_BYTES).await?;
            loading.own_path = true;
            refused = self.load_again(scratch, survey, one, definitions, loading).await?;
        }
        let again =
            self.inspect(scratch, database, &print, one.dialect).await.map_err(JobError::without_blame)?;
        Ok((again.named_like(one.backed_up), refused))
    }

    /// Loads definitions into a new database of their name, as a restore does; says what the server refuses.
    async fn load_again(
        &self,
        scratch: &Scratch,
        survey: &engine::Survey,
        one: &Doubtful<'_>,
        definitions: Bytes,
        loading: Loading,
    ) -> Result<Option<JobError>, JobError> {
        let target = &scratch.target;
        let (facts, database) = (target.facts(), one.database);
        let known = survey.databases.iter().find(|known| known.name == database);
        let options = known.and_then(|known| known.options.as_ref());
        if let Some(create) = target.engine.create(&facts, database, options) {
            self.told(scratch, database, &create, ANSWER_BYTES).await?;
        }
        let mut edit = target.engine.edit(loading, &Surroundings::default(), database);
        let mut text = Vec::from(edit.take(Some(definitions)));
        text.extend_from_slice(&edit.take(None));
        let Some(load) = target.engine.load(&facts, Some(database), &random::hex(16)) else {
            return Ok(None);
        };
        let limit = self.app.config.drill_timeout;
        match self.docker.tell(target.tools(), &load, text.into(), limit).await {
            Ok(()) => Ok(None),
            Err(error) => {
                let what = format!("load the definitions of database {database:?} once more");
                let error = diagnose(&self.docker, target, &what, Some(database), error).await;
                if error.kind.is_refusal() { Ok(Some(error)) } else { Err(error) }
            }
        }
    }

    /// What a command prints that is needed for the second load. Its failure says nothing about the backup.
    async fn told(
        &self,
        scratch: &Scratch,
        database: &str,
        command: &Command,
        most: usize,
    ) -> Result<Vec<u8>, JobError> {
        let target = &scratch.target;
        let limit = self.app.config.drill_timeout;
        match self.docker.capture(target.tools(), command, most, limit).await {
            Ok(answer) => Ok(answer.stdout),
            Err(error) => {
                let what = format!("load the definitions of database {database:?} once more");
                Err(diagnose(&self.docker, target, &what, Some(database), error).await)
            }
        }
    }
}

fn undecided(database: &str, unknown: &[String], refused: Option<JobError>) -> JobError {
    let mut names = unknown.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
    if unknown.len() > MOST_NAMES {
        names.push_str(&format!(" and {} more", unknown.len() - MOST_NAMES));
    }
    let why = refused.map_or_else(|| "it was not there afterwards".to_owned(), |error| error.to_string());
    JobError::new(
        JobErrorKind::Wrong,
        format!(
            "database {database:?} came back, but its server prints {names} differently than before, and whether that still \
             means the same is unknown, because it did not load a second time ({why}); make it anew in the source database, \
             with the text that a dump of a restored copy (restore --as) has: later backups have the same text"
        ),
    )
}
