//! The composition root: everything a job needs, built from the settings.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tracing::warn;

use crate::config::Config;
use crate::discovery::{self, Found, Readiness, Target, label_start};
use crate::docker::{Docker, DockerError};
use crate::holder::Identity;
use crate::model::run::RunId;
use crate::model::target::TargetName;
use crate::store::{S3Error, Store};
use crate::worth::BackupCache;

/// The settings and the two places everything happens between.
#[derive(Debug)]
pub struct App {
    pub config: Config,
    pub docker: Docker,
    pub store: Store,
    /// Who this process is in its run records.
    pub identity: Identity,
    /// The runs of this process that have not ended.
    pub runs: Mutex<BTreeSet<RunId>>,
    /// What it knows of backups: the last good ones, and what each is to retention.
    pub backup_cache: BackupCache,
    /// What was said once and need not be said every night.
    pub(crate) said: Mutex<BTreeSet<String>>,
}

/// Why nothing can be done at all.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error(transparent)]
    Docker(#[from] DockerError),
    #[error(transparent)]
    S3(#[from] S3Error),
}

impl App {
    /// Prepares the connections. Docker need not be there.
    ///
    /// # Errors
    /// The S3 client or Docker's cannot be set up.
    pub fn new(config: Config) -> Result<Self, AppError> {
        let docker = Docker::new(
            &config.docker_host.to_string(),
            config.docker_certificates.as_deref().map(Path::new),
        )?;
        let store = Store::open(&config)?;
        let identity = Identity::new(config.instance.clone());
        Ok(Self {
            config,
            docker,
            store,
            identity,
            runs: Mutex::default(),
            backup_cache: BackupCache::default(),
            said: Mutex::default(),
        })
    }

    /// Whether this process has not said this yet; from now on it has.
    pub fn is_news(&self, text: &str) -> bool {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(text.to_owned())
    }

    /// Looks at the labelled containers as they are now.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn discover(&self) -> Result<Vec<Found>, DockerError> {
        Ok(self.discover_all().await?.0)
    }

    /// The same, and the names of the targets of other groups.
    ///
    /// # Errors
    /// See [`DockerError`].
    pub async fn discover_all(&self) -> Result<(Vec<Found>, BTreeSet<TargetName>), DockerError> {
        let looked = self.docker.labelled_containers(&label_start(&self.config.label_prefix)).await?;
        let overlooked = discovery::overlooked(&looked, &self.config);
        overlooked.iter().filter(|note| self.is_news(note)).for_each(|note| warn!("{note}"));
        let others = discovery::of_other_groups(&looked, &self.config);
        Ok((discovery::discover(looked, &self.config), others))
    }

    /// One target as it is now, if it can be backed up.
    pub async fn target(&self, name: &TargetName) -> Option<Target> {
        let found = self.discover().await.ok()?.into_iter().find(|found| found.name == *name)?;
        match found.state {
            Readiness::Ready(target) => Some(*target),
            Readiness::Unavailable { .. } | Readiness::Misconfigured { .. } => None,
        }
    }

    /// What to say when no container is a target.
    pub fn nothing_labelled(&self) -> String {
        let prefix = &self.config.label_prefix;
        match &self.config.group {
            None => format!("no container has the label {prefix}.enable=true: there is nothing to back up"),
            Some(group) => format!(
                "no container has the labels {prefix}.enable=true and {prefix}.group={group}: there is nothing to back up"
            ),
        }
    }
}
