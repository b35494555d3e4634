//! The restore on trial, and what came of it.

use super::context::Drill;
use super::difference::{came_back_otherwise, differ, named};
use super::reload::Doubtful;
use super::server::{ANSWER_BYTES, Scratch};
use crate::discovery::Target;
use crate::docker::ExecError;
use crate::engine::{self, Placement, Units};
use crate::jobs::cat;
use crate::jobs::diagnosis::diagnose;
use crate::jobs::error::{JobError, JobErrorKind};
use crate::jobs::restore::{self, ANSWER_LIMIT, Selection};
use crate::jobs::survey::survey;
use crate::model::command::Command;
use crate::model::content::{Comparison, Content, Dialect};
use crate::model::drill::{DrillResult, Problem};
use crate::model::line::Name;
use crate::model::manifest::{ManifestObject, ObjectKind};
use crate::pipeline;

impl Drill<'_> {
    pub(super) async fn restore_and_compare(
        &self,
        scratch: &Scratch,
        result: &mut DrillResult,
    ) -> Result<(), JobError> {
        let globals = self.manifest.objects.iter().any(|object| object.kind == ObjectKind::Globals);
        // A drill's server has no folders of the target's.
        let placement = Placement { default_tablespace: true, ..Placement::default() };
        let selection = Selection { globals, placement, ..Selection::default() };
        let target = &scratch.target;
        let plan = restore::plan(self.app, self.key.clone(), self.manifest, target.clone(), &selection).await;
        let plan = plan.map_err(|error| {
            let is_empty = error.kind == JobErrorKind::Nothing;
            if is_empty { JobError::of_backup(Problem::Empty {}, error.to_string()) } else { error }
        })?;
        let mut loaded = restore::into_scratch(self.app, &plan, &self.run, self.stop, self.progress)
            .await
            .map_err(|failure| self.unless_it_lacks_variables(scratch, failure.error))?;
        let survey = survey(&self.docker, target, ANSWER_LIMIT).await?;
        let mut doubtful = Vec::new();
        for object in &self.manifest.objects {
            let loaded = loaded.remove(&object.name);
            if let (Some(backed_up), Some(loaded)) = (&object.content, &loaded) {
                is_described(object, backed_up, loaded)?;
            }
            if object.kind == ObjectKind::Globals {
                continue;
            }
            result.databases += 1;
            doubtful.extend(Box::pin(self.compare(scratch, &survey, object, loaded, result)).await?);
        }
        self.ask(scratch).await?;
        Box::pin(self.settle(scratch, doubtful, result)).await
    }

    /// Holds what is in a restored database against what was in the backup's dump.
    ///
    /// Three texts can differ: the one that the manifest describes, the dump's, and the restored database's. The first two are of the
    /// same bytes, so they are the same to the last letter, or this is another dump. So the third is what the server makes of
    /// the dump itself: rows and objects have to be there, and what a server may print otherwise it has to print so again. Returns
    /// what is like that.
    async fn compare<'a>(
        &self,
        scratch: &Scratch,
        survey: &engine::Survey,
        object: &'a ManifestObject,
        loaded: Option<Content>,
        result: &mut DrillResult,
    ) -> Result<Option<Doubtful<'a>>, JobError> {
        let target = &scratch.target;
        let Some(dialect) = target.engine.dialect(object.kind) else { return Ok(None) };
        let database = object.database.as_deref().unwrap_or_default();
        self.progress.set_stage(format!("comparing {}", named(database)));
        let command = target.engine.dump(&target.facts(), survey, database);
        let restored = self.inspect(scratch, database, &command, dialect.on_trial()).await?;
        result.tables += restored.tables;
        result.rows += restored.rows;
        // Without it the backup is of a Dumpcar that did not look: that it loads is all there is to know.
        let (Some(backed_up), Some(loaded)) = (&object.content, loaded) else { return Ok(None) };
        let loaded = loaded.named_like(backed_up);
        let Comparison { differences, doubts } = loaded.compare(&restored, dialect);
        if !differences.is_empty() {
            return Err(came_back_otherwise(database, differences));
        }
        let is_doubtful = !doubts.is_empty();
        Ok(is_doubtful.then_some(Doubtful { backed_up, database, dialect, restored, doubts }))
    }

    /// What a dump of a restored database has in it.
    pub(super) async fn inspect(
        &self,
        scratch: &Scratch,
        database: &str,
        command: &Command,
        dialect: Dialect,
    ) -> Result<Content, JobError> {
        let target = &scratch.target;
        let what = format!("dump the restored {}", named(database));
        let problem = || Problem::DumpFailed { database: Name::clean(database) };
        let mut exec = match self.docker.exec(target.tools(), command).await {
            Ok(exec) => exec,
            Err(error) => return Err(self.failed(scratch, &what, database, error.into(), problem()).await),
        };
        let stall = self.app.config.stall_timeout;
        match pipeline::inspect(&mut exec, dialect, stall, self.progress).await {
            Ok(content) => Ok(content),
            Err(error) => Err(self.failed(scratch, &what, database, error, problem()).await),
        }
    }

    /// The user's own question.
    async fn ask(&self, scratch: &Scratch) -> Result<(), JobError> {
        let target = &scratch.target;
        let labels = &target.labels.drill;
        let Some(query) = &labels.query else { return Ok(()) };
        let prefix = &self.app.config.label_prefix;
        let database = match &labels.database {
            Some(name) => name.clone(),
            None if target.engine.units() == Units::Whole => String::new(),
            None => {
                let object = cat::choose(self.manifest, &cat::Wanted::Only).map_err(|problem| {
                    let text = format!(
                        "which database is {prefix}.drill.query for? Set {prefix}.drill.database ({problem})"
                    );
                    JobError::new(JobErrorKind::Wrong, text)
                })?;
                object.database.clone().unwrap_or_default()
            }
        };
        self.progress.set_stage("asking the query of the label");
        let limit = self.app.config.stall_timeout;
        let ask = async |target: &Target| {
            let command = target.engine.query(&target.facts(), &database, query);
            self.docker.capture(target.tools(), &command, ANSWER_BYTES, limit).await
        };
        let answer = match ask(&scratch.asked).await {
            // The backup may lock out the login of the image.
            Err(error) if is_login_refused(target, &error) => ask(target).await,
            answer => answer,
        };
        let answer = match answer {
            Ok(answer) => String::from_utf8_lossy(&answer.stdout).trim().to_owned(),
            Err(error) => {
                let what = format!("{prefix}.drill.query");
                let failed = self.failed(scratch, &what, &database, error, Problem::QueryFailed {}).await;
                return Err(self.unless_it_lacks_variables(scratch, failed));
            }
        };
        let detail = match &labels.expect {
            Some(expected) if answer == expected.trim() => return Ok(()),
            None if !answer.is_empty() => return Ok(()),
            Some(expected) => format!(
                "{prefix}.drill.query says {:?} instead of {:?}",
                target.container.redact(&shortened(&answer)),
                shortened(expected.trim())
            ),
            None => format!("{prefix}.drill.query says nothing"),
        };
        Err(JobError::of_backup(Problem::Query {}, detail))
    }

    /// Why a command in the drill's server failed; `problem` if that is a refusal.
    async fn failed(
        &self,
        scratch: &Scratch,
        what: &str,
        database: &str,
        error: ExecError,
        problem: Problem,
    ) -> JobError {
        diagnose(&self.docker, &scratch.target, what, Some(database), error).await.or_blame(|| problem)
    }

    /// A custom command that fails without its target's environment may fail for that: nothing is known of the backup.
    fn unless_it_lacks_variables(&self, scratch: &Scratch, error: JobError) -> JobError {
        let is_its_own = matches!(error.blame(), Some(Problem::LoadFailed { .. } | Problem::QueryFailed {}));
        if scratch.withheld.is_empty() || !is_its_own {
            return error;
        }
        error.without_blame().in_words(|reason| {
            format!(
                "{reason}; the drill's server has no variable of its target but those of the label {}.drill.env, which \
                 lacks {}",
                self.app.config.label_prefix,
                scratch.withheld.join(", ")
            )
        })
    }
}

fn is_login_refused(target: &Target, error: &ExecError) -> bool {
    let ExecError::Failed { status, stderr } = error else { return false };
    let hide = |said: &str| target.container.redact(said);
    let said = engine::diagnose(target.engine, (*status).into(), stderr, &hide, &target.facts(), None);
    said.failure == engine::ToolFailure::AuthRefused
}

/// Whether a dump is the one that the manifest describes: of the same bytes, the same content is counted.
fn is_described(object: &ManifestObject, backed_up: &Content, loaded: &Content) -> Result<(), JobError> {
    let differences = backed_up.differences(&loaded.clone().named_like(backed_up));
    if differences.is_empty() {
        return Ok(());
    }
    let what = format!("{} is not what its manifest describes", object.name);
    Err(differ(object.database.as_deref().unwrap_or(&object.name), &what, differences))
}

fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}
