//! Roles and tablespaces: what is loaded of them is decided by asking the server.

use std::io;

use bytes::Bytes;
use tracing::{info, warn};

use super::check::unread;
use super::context::Restore;
use crate::docker::Arrives;
use crate::engine::{self, Globals, Loading, Tablespace};
use crate::jobs::error::{JobError, JobErrorKind, stoppable};
use crate::model::drill::Problem;
use crate::model::line::Name;
use crate::model::manifest::ManifestObject;
use crate::pipeline::{self, Form};
use crate::random;

/// They are looked at as a whole.
const MOST: u64 = 64 << 20;

impl Restore<'_> {
    pub(super) async fn load_globals(&self, object: &ManifestObject) -> Result<(), JobError> {
        let engine = self.plan.target.engine;
        if let Some(exchange) = engine.exchange() {
            return Box::pin(self.load_accounts(exchange, object)).await;
        }
        if engine.surroundings(&self.plan.target.facts()).is_none() {
            return self
                .load(object, None, &mut engine.edit(Loading::default(), &self.plan.surroundings, ""))
                .await
                .map(drop);
        }
        if object.plain_bytes > MOST {
            return Err(JobError::new(
                JobErrorKind::Wrong,
                format!("{} is too large for roles: more than 64 MiB", object.name),
            ));
        }
        let mut dump = Vec::new();
        let sink = async |piece: Bytes| {
            dump.extend_from_slice(&piece);
            Ok::<_, io::Error>(())
        };
        let read = Box::pin(pipeline::read(&self.store, &self.plan.key, object, Form::Plain, sink));
        let read = stoppable(self.stop, read).await?;
        let what = format!("restore {}", object.name);
        read.map_err(|error| unread(&what, object, &error))?;
        let Some(globals) = engine.tailor(&dump, &self.plan.surroundings, self.plan.placement) else {
            return self
                .load(object, None, &mut engine.edit(Loading::default(), &self.plan.surroundings, ""))
                .await
                .map(drop);
        };
        let Globals { roles, tablespaces, rest, notes } = globals;
        for note in notes {
            info!("{note}");
        }
        self.feed(object, roles).await?;
        for tablespace in &tablespaces {
            self.make_tablespace(object, tablespace).await?;
        }
        if rest.is_empty() { Ok(()) } else { self.feed(object, rest).await }
    }

    /// Without one, a database goes into the default tablespace, or is refused with the cure.
    async fn make_tablespace(
        &self,
        object: &ManifestObject,
        tablespace: &Tablespace,
    ) -> Result<(), JobError> {
        let target = &self.plan.target;
        let name = &tablespace.name;
        let Some(command) = target.engine.make_tablespace(&target.facts(), tablespace) else { return Ok(()) };
        let problem = Problem::LoadFailed { object: Name::clean(&object.name) };
        let what = format!("make tablespace {name:?}");
        let made = stoppable(self.stop, self.ask(&what, None, &command, problem)).await?;
        if let Err(error) = made {
            warn!(
                "tablespace {name:?} was left out: {error}; it wants an empty folder of the server's user in container {}, on a \
                 volume: `{}`",
                target.container.name,
                tablespace.make_folder()
            );
        }
        Ok(())
    }

    async fn feed(&self, object: &ManifestObject, sql: String) -> Result<(), JobError> {
        let target = &self.plan.target;
        let Some(command) = target.engine.load(&target.facts(), None, &random::hex(16)) else {
            return Err(JobError::new(JobErrorKind::Wrong, "no restore command"));
        };
        let what = format!("restore {}", object.name);
        let problem = || Problem::LoadFailed { object: Name::clean(&object.name) };
        let bytes = u64::try_from(sql.len()).unwrap_or(u64::MAX);
        let feed =
            stoppable(self.stop, self.docker.feed(target.tools(), &command, bytes, Arrives::Plain)).await?;
        let mut feed = match feed {
            Ok(feed) => feed,
            Err(error) => return Err(self.explained(&what, None, error, problem()).await),
        };
        let fed = async {
            feed.write(Bytes::from(sql)).await?;
            feed.finish().await
        };
        let fed = stoppable(self.stop, fed).await;
        let error = match fed {
            Ok(Ok(())) => {
                for refusal in Globals::refusals(&feed.said()) {
                    let hide = |said: &str| target.container.redact(said);
                    let raw = format!("ERROR:  {refusal}");
                    let refusal = hide(&refusal);
                    warn!("left out of the roles: {refusal}");
                    if self.loaded.is_some() {
                        let said = engine::diagnose(target.engine, 1, &raw, &hide, &target.facts(), None);
                        self.leave_out(object, said.failure, format!("the server did not take {refusal}"))?;
                    }
                }
                return Ok(());
            }
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        feed.cancel().await;
        match error {
            Some(error) => Err(self.explained(&what, None, error, problem()).await),
            None => Err(JobError::stopped()),
        }
    }
}
