//! MariaDB and MySQL: everything is loaded into databases of other names; then the tables change places by one statement, and
//! what else belongs to a database is made again. Whatever breaks off in between is finished or taken back, by whoever comes next.

use std::time::Duration;

use bytes::Bytes;
use tracing::{info, warn};

use super::context::{ANSWER_BYTES, ANSWER_LIMIT, Failure, Restore, what};
use crate::discovery::Target;
use crate::docker::{Docker, ExecError};
use crate::engine::{
    self, Control, Edit, Exchange, Inventory, SESSION, Separated, Separation, Separator, Side, Stage, Staged,
    Way,
};
use crate::jobs::diagnosis::diagnose;
use crate::jobs::error::{JobError, JobErrorKind, stoppable};
use crate::model::command::Command;
use crate::model::drill::Problem;
use crate::model::run::RunId;
use crate::pipeline::{self, Form};
use crate::random;

/// Ten thousand tables take minutes, and their definitions a hundred megabytes.
const LONG_LIMIT: Duration = Duration::from_secs(3600);
const CONTROL_BYTES: usize = 256 * 1024 * 1024;
/// How long a statement waits for whoever is in the way, before that one is thrown out.
const CLIENTS: Duration = Duration::from_secs(1);
/// How often whoever is in the way is thrown out, each time after a few seconds of waiting.
const TRIES: u32 = 12;

/// What a database that is kept has besides its tables.
struct OldCopy<'a> {
    staged: &'a Staged,
    found: Separated,
}

/// A server in which a run exchanges databases.
pub(super) struct Server<'a> {
    docker: &'a Docker,
    target: &'a Target,
    exchange: Exchange,
    run: &'a RunId,
}

impl Restore<'_> {
    pub(super) async fn exchange(&self, exchange: Exchange, state: &str) -> Result<(), Failure> {
        let Self { docker, plan, run, .. } = self;
        let server = Server { docker, target: &plan.target, exchange, run };
        let untouched = |error: JobError| error.with_state(state);
        if plan.databases.is_empty() {
            return Ok(());
        }
        let (staged, separated) = Box::pin(self.stage(&server)).await.map_err(untouched)?;
        let (sides, copies) = Box::pin(self.sides(&server, &staged, &separated)).await.map_err(untouched)?;
        let control = Box::pin(stoppable(self.stop, server.plan(&sides))).await.and_then(|planned| planned);
        let control = control.map_err(untouched)?;
        if self.stop.is_cancelled() {
            return Err(JobError::stopped().with_state(state));
        }
        self.progress.set_stage("putting the databases in place");
        // From here on it is too late to stop: how far it came would have to be found out.
        let Err(error) = Box::pin(server.go(Way::Forward, &control)).await else {
            self.name_disabled(&staged, &separated);
            Box::pin(self.keep_definitions(&server, &copies)).await;
            return Ok(());
        };
        // A definition that was taken beside the old content may be refused in its place.
        let error = error.or_blame(|| Problem::SwapFailed {});
        match Box::pin(server.settle()).await {
            Ok(Some(Way::Forward)) => {
                Box::pin(self.keep_definitions(&server, &copies)).await;
                Ok(())
            }
            Ok(Some(Way::Back) | None) => Err(untouched(error)),
            Err(unsettled) => Err(error.with_state(format!(
                "either everything is restored or nothing was changed; the next run finishes it or takes it back ({unsettled})"
            ))),
        }
    }

    /// Loads everything into databases of other names.
    async fn stage(&self, server: &Server<'_>) -> Result<(Vec<Staged>, Vec<Separated>), JobError> {
        let databases = &self.plan.databases;
        for wanted in databases {
            self.refuse_references(wanted).await?;
        }
        let begin = server.exchange.begin(&self.plan.target.facts(), &self.run);
        stoppable(self.stop, server.ask("make room", &begin)).await??;
        let together: Vec<_> = databases.iter().map(|wanted| wanted.name.clone()).collect();
        let (mut staged, mut separated) = (Vec::new(), Vec::new());
        for (index, wanted) in databases.iter().enumerate() {
            let one = wanted.staged(&self.run, index);
            let own = wanted.object.database.clone().unwrap_or_default();
            let is_copy = own != wanted.name;
            let default_place = self.plan.placement.default_tablespace;
            let separation =
                Separation { own, together: together.clone(), is_copy, default_place, without_views: false };
            let mut edit = Edit::Separator(Box::new(Separator::new(separation)));
            self.fill(wanted, &one.staged, wanted.object.options.as_ref(), &mut edit).await?;
            if let Edit::Separator(separator) = edit {
                let found = separator.end();
                if let Some(problem) = found.problem {
                    return Err(JobError::new(
                        JobErrorKind::Tool(engine::ToolFailure::Other),
                        format!("restore {}: {problem}", what(&wanted.name)),
                    ));
                }
                separated.push(found);
            }
            staged.push(one);
        }
        // Globals may have made one.
        let there = stoppable(self.stop, server.inventory(together.iter().map(String::as_str))).await??;
        staged.iter_mut().for_each(|one| one.is_there = there.has(&one.name));
        Ok((staged, separated))
    }

    /// What says `shop.log` in a copy of `shop` reads and writes the original. That is found before anything is loaded.
    async fn refuse_references(&self, wanted: &super::Wanted) -> Result<(), JobError> {
        let own = wanted.object.database.clone().unwrap_or_default();
        if own == wanted.name || self.plan.allow_references {
            return Ok(());
        }
        self.progress.set_stage(format!("looking into {}", wanted.object.name));
        let mut separator =
            Separator::new(Separation { own: own.clone(), is_copy: true, ..Separation::default() });
        let sink = async |piece: Bytes| {
            separator.take(Some(&piece));
            Ok(())
        };
        let read = Box::pin(pipeline::read(&self.store, &self.plan.key, &wanted.object, Form::Plain, sink));
        let read = stoppable(self.stop, read).await?;
        read.map_err(|error| {
            super::unread(&format!("check {}", wanted.object.name), &wanted.object, &error)
        })?;
        separator.take(None);
        let references = separator.end().references;
        if references.is_empty() {
            return Ok(());
        }
        const SHOWN: usize = 10;
        let mut names: Vec<_> = references.iter().take(SHOWN).cloned().collect();
        names.extend((references.len() > SHOWN).then(|| format!("and {} more", references.len() - SHOWN)));
        Err(JobError::new(
            JobErrorKind::Wrong,
            format!(
                "a copy of {own:?} would reach into {own:?} itself by name: {}; restore it by its own name elsewhere (--to), or \
                 allow this by --allow-references",
                names.join(", ")
            ),
        ))
    }

    /// What the databases are that are replaced, and what of those that are kept is made again.
    async fn sides<'a>(
        &'a self,
        server: &Server<'_>,
        staged: &'a [Staged],
        separated: &'a [Separated],
    ) -> Result<(Vec<Side<'a>>, Vec<OldCopy<'a>>), JobError> {
        let (mut sides, mut copies) = (Vec::new(), Vec::new());
        for ((staged, separated), wanted) in staged.iter().zip(separated).zip(&self.plan.databases) {
            let old = match staged.is_there {
                true => {
                    let (old, copy) = stoppable(self.stop, server.definitions(staged)).await??;
                    copies.extend(copy.map(|found| OldCopy { staged, found }));
                    old
                }
                false => engine::Definitions::default(),
            };
            sides.push(Side {
                staged,
                options: wanted.object.options.as_ref(),
                old,
                new: &separated.definitions,
            });
        }
        Ok((sides, copies))
    }

    /// Makes the views, triggers and routines of the old databases again beside their tables. That they cannot be had is no failure of
    /// the restore.
    async fn keep_definitions(&self, server: &Server<'_>, copies: &[OldCopy<'_>]) {
        for OldCopy { staged, found } in copies {
            let lost = match found.references.first() {
                Some(first) => format!("they name {:?} itself, {first} for one", staged.name),
                None => {
                    let text = Exchange::old_definitions(&staged.replaced, &found.definitions);
                    match server.tell("make its views, triggers and routines again", text).await {
                        Ok(()) => continue,
                        Err(error) => error.to_string(),
                    }
                }
            };
            warn!(
                database = staged.replaced,
                "the old database is kept without all of its views, triggers and routines: {lost}"
            );
        }
    }

    fn name_disabled(&self, staged: &[Staged], separated: &[Separated]) {
        for (staged, found) in staged.iter().zip(separated).filter(|(_, found)| !found.disabled.is_empty()) {
            let events = found.disabled.join(", ");
            warn!(
                database = staged.name,
                events, "events of a copy are disabled: ALTER EVENT … ENABLE switches them on"
            );
        }
    }
}

impl<'a> Server<'a> {
    pub(super) fn new(docker: &'a Docker, target: &'a Target, exchange: Exchange, run: &'a RunId) -> Self {
        Self { docker, target, exchange, run }
    }

    /// The name of whoever loads.
    pub(super) async fn login(&self) -> Result<String, JobError> {
        let answer = self.ask("ask who is logged in", &self.exchange.login(&self.target.facts())).await?;
        Exchange::parse_login(&answer)
            .map_err(|error| JobError::new(JobErrorKind::IncompleteDump, error.to_string()))
    }

    /// Finishes an exchange that broke off, or takes it back; says which. `None` if nothing had begun.
    ///
    /// # Errors
    /// The server is away, or does not do it.
    pub(super) async fn settle(&self) -> Result<Option<Way>, JobError> {
        let facts = self.target.facts();
        self.ask("end what the server still does", &self.exchange.end_work(&facts, self.run)).await?;
        let way = match self.look().await? {
            Stage::Nothing => return Ok(None),
            Stage::Before => Way::Back,
            Stage::After => Way::Forward,
        };
        let control = self.ask("read what is to be done", &self.exchange.control(&facts, self.run)).await?;
        let control = Control::parse(&control)
            .map_err(|error| JobError::new(JobErrorKind::IncompleteDump, error.to_string()))?;
        match self.go(way, &control).await {
            Err(error) if way == Way::Forward && error.kind.is_refusal() => {
                warn!(target = %self.target.name, %error, "the restored definitions are refused: the old content is put back");
                self.go(Way::Back, &control).await?;
                Ok(Some(Way::Back))
            }
            done => done.map(|()| Some(way)),
        }
    }

    /// Goes to one end of the exchange, from wherever it is.
    async fn go(&self, way: Way, control: &Control) -> Result<(), JobError> {
        let mut tries = TRIES;
        loop {
            let stage = self.look().await?;
            if stage == Stage::Nothing {
                return Ok(());
            }
            let facts = self.target.facts();
            let clients = self.exchange.end_clients(&facts, self.run, control.databases());
            self.ask("end the sessions in the databases", &clients).await?;
            let inventory = self.inventory(control.all_databases()).await?;
            let mut text =
                format!("{}{SESSION}{}", Exchange::hold(self.run), control.clear(&inventory)).into_bytes();
            text.extend_from_slice(control.rename(way, self.run, &inventory, stage).as_bytes());
            text.extend_from_slice(&control.definitions(way));
            text.extend_from_slice(control.end(self.run, way).as_bytes());
            // They come back at once, and one that is in before the first statement waits would hold it up.
            let end_clients = async {
                loop {
                    tokio::time::sleep(CLIENTS).await;
                    drop(self.ask("end the sessions in the databases", &clients).await);
                }
            };
            let told = tokio::select! {
                biased;
                told = Box::pin(self.tell("put the databases in place", text)) => told,
                never = Box::pin(end_clients) => never,
            };
            match told {
                Err(error) if error.kind == JobErrorKind::Tool(engine::ToolFailure::Busy) && tries > 1 => {
                    tries -= 1;
                }
                told => return told,
            }
        }
    }

    /// Writes down all that is to be done, in the server itself.
    async fn plan(&self, sides: &[Side<'_>]) -> Result<Control, JobError> {
        let databases =
            sides.iter().flat_map(|side| [side.staged.name.as_str(), side.staged.staged.as_str()]);
        let inventory = self.inventory(databases).await?;
        let control = Control::new(sides, &inventory, self.run);
        self.tell("write down what is to be done", control.write(self.run, sides, &inventory).into_bytes())
            .await?;
        Ok(control)
    }

    async fn look(&self) -> Result<Stage, JobError> {
        let answer = self
            .ask("look how far it has come", &self.exchange.stage(&self.target.facts(), self.run))
            .await?;
        Stage::parse(&answer).map_err(|error| JobError::new(JobErrorKind::IncompleteDump, error.to_string()))
    }

    async fn inventory(&self, databases: impl IntoIterator<Item = &str>) -> Result<Inventory, JobError> {
        let command = self.exchange.inventory(&self.target.facts(), databases);
        let answer = self.ask("look what is in the databases", &command).await?;
        self.exchange
            .parse_inventory(&answer)
            .map_err(|error| JobError::new(JobErrorKind::IncompleteDump, error.to_string()))
    }

    /// The definitions of a database that is replaced; if it is kept, as a copy of it has them as well.
    async fn definitions(
        &self,
        staged: &Staged,
    ) -> Result<(engine::Definitions, Option<Separated>), JobError> {
        let database = &staged.name;
        let what = format!("read the definitions of {}", what(database));
        let command = self.exchange.definitions(&self.target.facts(), database);
        let separator = |is_copy: bool| {
            let own = database.to_owned();
            Separator::new(Separation { own, is_copy, without_views: !is_copy, ..Separation::default() })
        };
        let (mut separator, mut copy) = (separator(false), staged.keeps_old.then(|| separator(true)));
        let read = async {
            let mut exec = self.docker.exec(self.target.tools(), &command).await?;
            while let Some(piece) = exec.next(ANSWER_LIMIT).await? {
                separator.take(Some(&piece));
                copy.iter_mut().for_each(|copy| drop(copy.take(Some(&piece))));
            }
            Ok(())
        };
        if let Err(error) = Box::pin(read).await {
            return Err(self.explained(&what, error).await);
        }
        separator.take(None);
        let found = separator.end();
        let copy = copy.map(|mut copy| {
            copy.take(None);
            copy.end()
        });
        match found.problem {
            Some(problem) => Err(JobError::new(JobErrorKind::Wrong, format!("{what}: {problem}"))),
            None => Ok((found.definitions, copy)),
        }
    }

    async fn ask(&self, what: &str, command: &Command) -> Result<Vec<u8>, JobError> {
        let limit = CONTROL_BYTES.max(ANSWER_BYTES);
        match Box::pin(self.docker.capture(self.target.tools(), command, limit, LONG_LIMIT)).await {
            Ok(captured) => Ok(captured.stdout),
            Err(error) => Err(self.explained(what, error).await),
        }
    }

    /// Has the server's client read this.
    async fn tell(&self, what: &str, text: Vec<u8>) -> Result<(), JobError> {
        let Some(command) = self.target.engine.load(&self.target.facts(), Some(""), &random::hex(16)) else {
            return Ok(());
        };
        let id = self.target.tools();
        let told = Box::pin(self.docker.tell(id, &command, Bytes::from(text), LONG_LIMIT));
        match told.await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.explained(what, error).await),
        }
    }

    async fn explained(&self, what: &str, error: ExecError) -> JobError {
        diagnose(self.docker, self.target, what, None, error).await
    }
}

/// Finishes what a restore began, or takes it back, and drops what it made for itself.
///
/// # Errors
/// What is in the way.
pub(super) async fn clear_up(
    docker: &Docker,
    target: &Target,
    exchange: Exchange,
    run: &RunId,
) -> Result<(), JobError> {
    let server = Server::new(docker, target, exchange, run);
    match Box::pin(server.settle()).await? {
        Some(Way::Forward) => info!(target = %target.name, %run, "an interrupted restore was finished"),
        Some(Way::Back) => info!(target = %target.name, %run, "an interrupted restore was taken back"),
        None => {}
    }
    let drop = exchange.drop_leftovers(&target.facts(), run);
    server.ask("drop the databases a restore made for itself", &drop).await.map(|_| ())
}
