//! The run record: what says, before anything of a run exists, that it may.
//!
//! It lies in the store for as long as anything of the run may lie or run anywhere: an unfinished upload, an object
//! without a manifest, a dump tool. Whoever finds the record of a dead process cleans up after it (promise P4).

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{ContainerId, ContainerName, plain_text};
use super::key::Stamp;
use super::line::Line;
use super::target::TargetName;

/// The format this version writes. A record of a higher one is left to whoever understands it.
pub const VERSION: u32 = 1;

/// Where the records are, below the store's prefix.
pub const RECORDS: &str = ".dumpcar/runs";

/// A living process writes its record anew this often.
pub const RENEWAL: Duration = Duration::from_secs(600);

/// A record that was not renewed for so long belongs to a process that has ended, wherever it was. It only counts when
/// there is no better proof, and has to outlast a machine that was suspended and clocks that differ.
pub const LEASE: Duration = Duration::from_secs(24 * 3600);

/// A record has at most so many bytes; a larger one is not read. That of a run that prunes [`MOST_PRUNED`] backups has less
/// than half of it.
///
/// [`MOST_PRUNED`]: super::retention::MOST_PRUNED
pub const LARGEST: u64 = 64 * 1024;

/// The name of one attempt of a backup, or of one restore, drill or sweep: 16 hexadecimal digits, new for each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RunId(String);
plain_text!(RunId);

/// The text names no run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 16 hexadecimal digits")]
pub struct RunIdError;

impl RunId {
    /// How many random bytes it is made of.
    pub const BYTES: usize = 8;
}

impl FromStr for RunId {
    type Err = RunIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_hex(text, Self::BYTES) { Ok(Self(text.to_owned())) } else { Err(RunIdError) }
    }
}

fn is_hex(text: &str, bytes: usize) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 2 * bytes && text.bytes().all(is_digit)
}

/// The name of a process: 32 hexadecimal digits, new for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ProcessName(String);
plain_text!(ProcessName);

/// The text names no process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 32 hexadecimal digits")]
pub struct ProcessNameError;

impl ProcessName {
    /// How many random bytes it is made of.
    pub const BYTES: usize = 16;
}

impl FromStr for ProcessName {
    type Err = ProcessNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_hex(text, Self::BYTES) { Ok(Self(text.to_owned())) } else { Err(ProcessNameError) }
    }
}

/// The content of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`VERSION`] when written.
    pub version: u32,
    pub run: RunId,
    pub target: TargetName,
    /// The container the tools run in. Absent when no tool is run (a prune).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerId>,
    /// The Docker engine that container is one of, if that says who it is. Stays when another process takes the record over.
    #[serde(rename = "engine", default, skip_serializing_if = "Option::is_none")]
    pub docker_engine: Option<Line>,
    /// The backup in the making. Absent when none is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<Stamp>,
    /// The backups this run is going to delete: their manifests go first, and objects may be left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prunes: Vec<Stamp>,
    /// Whether it puts a backup back: databases of its own may be left in the container's server.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restores: bool,
    pub started: Timestamp,
    pub holder: Holder,
}

/// What the label of a container says that Dumpcar made, for a drill's server or a helper: whose it is. Its name is the label prefix and [`ContainerRecord::LABEL`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerRecord {
    pub run: RunId,
    pub created: Timestamp,
    pub holder: Holder,
}

impl ContainerRecord {
    pub const LABEL: &str = "scratch";

    /// The label by which every Dumpcar knows a scratch container, whatever the prefix of its labels and the version that made it.
    /// It has the run's name.
    pub const MARK: &str = "dumpcar-drill.run";

    /// The name of a drill's container.
    pub fn container(run: &RunId) -> ContainerName {
        format!("dumpcar-drill-{run}").parse().expect("a word and digits are a name")
    }

    /// The name of a helper container.
    pub fn helper(run: &RunId) -> ContainerName {
        format!("dumpcar-helper-{run}").parse().expect("a word and digits are a name")
    }

    /// Whether a container of this name is one of a run. One with another name is none, whatever its label says.
    pub fn is_name_of(run: &RunId, name: &str) -> bool {
        [Self::container(run), Self::helper(run)].iter().any(|own| own.as_str() == name)
    }
}

/// The beginnings of the names of databases that a restore makes for itself.
pub const LEFTOVERS: [&str; 2] = ["dumpcar_restore_", "dumpcar_replaced_"];

/// Whether a database of this name was made by a restore for itself.
pub fn is_leftover(name: &str) -> bool {
    LEFTOVERS.iter().any(|start| {
        let run = name.strip_prefix(start).and_then(|rest| rest.split_once('_'));
        run.is_some_and(|(run, index)| run.parse::<RunId>().is_ok() && index.parse::<usize>().is_ok())
    })
}

/// Why a record is left alone.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("it is no record of a run ({0})")]
    Malformed(#[from] serde_json::Error),
    #[error("a newer Dumpcar wrote it (version {0}, this one reads up to {VERSION})")]
    Newer(u32),
    #[error("it belongs at another key")]
    Misplaced,
}

impl RunRecord {
    /// Its key, relative to the store's prefix.
    pub fn key(&self) -> String {
        format!("{RECORDS}/{}/{}.json", self.target, self.run)
    }

    /// The target and the run a record's key names; `None` when it is not the key of a record.
    pub fn parse_key(key: &str) -> Option<(TargetName, RunId)> {
        let (target, file) = key.strip_prefix(RECORDS)?.strip_prefix('/')?.split_once('/')?;
        Some((target.parse().ok()?, file.strip_suffix(".json")?.parse().ok()?))
    }

    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("a record has only string keys")
    }

    /// Reads the record that lies at `key`.
    ///
    /// # Errors
    /// It is none, is one that only a newer Dumpcar understands, or does not belong there.
    pub fn from_json(json: &[u8], key: &str) -> Result<Self, RecordError> {
        /// Read on its own first: a newer record need not fit today's fields.
        #[derive(Deserialize)]
        struct Version {
            version: NonZeroU32,
        }
        let Version { version } = serde_json::from_slice(json)?;
        let version = version.get();
        if version > VERSION {
            return Err(RecordError::Newer(version));
        }
        let record: Self = serde_json::from_slice(json)?;
        if record.key() == key { Ok(record) } else { Err(RecordError::Misplaced) }
    }

    /// Whether databases of a restore may be left in a container of another Docker engine than `engine`: only there can they be
    /// found and dropped.
    pub fn is_elsewhere(&self, engine: Option<&Line>) -> bool {
        let of_record = self.docker_engine.as_ref().or(self.holder.docker_engine.as_ref());
        self.restores && self.container.is_some() && of_record.is_some() && of_record != engine
    }

    /// The folders in which objects without a manifest may be this run's.
    pub fn stamps(&self) -> impl Iterator<Item = Stamp> + '_ {
        self.stamp.into_iter().chain(self.prunes.iter().copied())
    }
}

/// The process that wrote a record, by everything another process could tell its end from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// `DUMPCAR_INSTANCE`, for people.
    pub instance: Line,
    /// The name of the process: random. It holds an abstract socket of this name for as long as it lives.
    pub process: ProcessName,
    /// The running kernel (`/proc/sys/kernel/random/boot_id`).
    pub boot: Line,
    /// The network namespace, in which the socket is seen (`/proc/self/ns/net`); empty when there is no socket.
    pub network: Line,
    /// The Docker engine the process speaks to, if that says who it is.
    #[serde(rename = "engine", default, skip_serializing_if = "Option::is_none")]
    pub docker_engine: Option<Line>,
    /// The container the process runs in, if it is one of that engine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<HolderContainer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderContainer {
    pub id: ContainerId,
    /// When it was last started, in Docker's own words: another time is another process.
    pub started: Line,
}

/// What became of the process that holds a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Alive,
    /// It has ended for sure.
    Dead,
    /// Nothing here can tell: only the record's age.
    Unknown,
}

/// What Docker says of another process's container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Witness {
    /// It runs, and was last started then.
    Runs { started: Line },
    /// It is there, and Docker says that nothing runs in it.
    Stopped,
    /// This engine does not know it.
    Missing,
    /// Nobody could be asked, or the answer says nothing.
    Silent,
}

impl Witness {
    /// What the state of a container says, in Docker's words. One that is paused has its processes, and of a word that is not
    /// known nothing is known.
    pub fn of(state: &str, started: &str) -> Self {
        match state {
            "running" => Self::Runs { started: Line::clean(started) },
            "created" | "exited" | "dead" => Self::Stopped,
            _ => Self::Silent,
        }
    }
}

impl Holder {
    /// Whether this process's socket can be seen by `other`.
    pub fn shares_sockets(&self, other: &Self) -> bool {
        let is_known = !self.boot.is_empty() && !self.network.is_empty();
        is_known && self.boot == other.boot && self.network == other.network
    }

    /// What a process that does not share sockets with this one can tell of it, by what Docker says of its container.
    pub fn fate(&self, judge: &Self, witness: &Witness) -> Fate {
        let Some(container) = &self.container else { return Fate::Unknown };
        if judge.container.as_ref().is_some_and(|own| own.id == container.id) {
            // The judge's own container was started anew: else they would share sockets.
            return Fate::Dead;
        }
        match witness {
            Witness::Stopped => Fate::Dead,
            Witness::Runs { started } if *started != container.started => Fate::Dead,
            // The container lives on, and the process may have been one of several in it.
            Witness::Runs { .. } | Witness::Silent => Fate::Unknown,
            // Only of the engine it was on; and machines that were cloned have engines of one name, not one kernel.
            Witness::Missing if self.boot == judge.boot && self.docker_engine == judge.docker_engine => {
                if self.docker_engine.is_some() {
                    Fate::Dead
                } else {
                    Fate::Unknown
                }
            }
            Witness::Missing => Fate::Unknown,
        }
    }
}

#[cfg(test)]
mod tests;
