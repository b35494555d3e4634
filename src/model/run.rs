//! The run record: what says, before anything of a run exists, that it may.
//!
//! It lies in the store for as long as anything of the run may lie or run anywhere: an unfinished upload, an object
//! without a manifest, a dump tool. Whoever finds the record of a dead process cleans up after it (promise P4).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::key::Stamp;
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

/// The name of one attempt of one run: 16 hexadecimal digits, new for each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RunId(String);

/// The text names no run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 16 hexadecimal digits")]
pub struct RunIdError;

impl RunId {
    /// How many random bytes it is made of.
    pub const BYTES: usize = 8;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RunId {
    type Err = RunIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let is_plain = text.len() == 2 * Self::BYTES && text.bytes().all(is_digit);
        if is_plain { Ok(Self(text.to_owned())) } else { Err(RunIdError) }
    }
}

impl TryFrom<String> for RunId {
    type Error = RunIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The content of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`VERSION`] when written.
    pub version: u32,
    pub run: RunId,
    pub target: TargetName,
    /// The container the tools run in: its full id. Absent when no tool is run (a prune).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
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

/// What the label of a scratch container says: whose it is. Its name is the label prefix and [`Scratch::LABEL`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scratch {
    pub run: RunId,
    pub created: Timestamp,
    pub holder: Holder,
}

impl Scratch {
    pub const LABEL: &str = "scratch";
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

    /// Reads a record; `None` when it is none, or one that only a newer Dumpcar understands.
    pub fn from_json(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok().filter(|record: &Self| record.version <= VERSION)
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
    pub instance: String,
    /// The name of the process: random. It holds an abstract socket of this name for as long as it lives.
    pub process: String,
    /// The running kernel (`/proc/sys/kernel/random/boot_id`).
    pub boot: String,
    /// The network namespace, in which the socket is seen (`/proc/self/ns/net`); empty when there is no socket.
    pub network: String,
    /// The Docker engine the process speaks to, if that says who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// The container the process runs in, if it is one of that engine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<HolderContainer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderContainer {
    pub id: String,
    /// When it was last started, in Docker's own words: another time is another process.
    pub started: String,
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
    Runs { started: String },
    /// It is there, and does not run.
    Stopped,
    /// This engine does not know it.
    Missing,
    /// Nobody could be asked.
    Silent,
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
            Witness::Missing if self.boot == judge.boot && self.engine == judge.engine => {
                if self.engine.is_some() { Fate::Dead } else { Fate::Unknown }
            }
            Witness::Missing => Fate::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(boot: &str, network: &str, engine: Option<&str>, container: Option<(&str, &str)>) -> Holder {
        Holder {
            instance: "host-a".into(),
            process: "0123".into(),
            boot: boot.into(),
            network: network.into(),
            engine: engine.map(str::to_owned),
            container: container
                .map(|(id, started)| HolderContainer { id: id.into(), started: started.into() }),
        }
    }

    fn record() -> RunRecord {
        RunRecord {
            version: VERSION,
            run: "00000000deadbeef".parse().unwrap(),
            target: "shop".parse().unwrap(),
            container: Some("c0ffee".into()),
            stamp: Some("2026-11-23T23-00-00Z".parse().unwrap()),
            prunes: vec!["2026-11-16T23-00-00Z".parse().unwrap()],
            restores: false,
            started: "2026-11-23T23:00:00Z".parse().unwrap(),
            holder: holder("b", "net:[1]", Some("E"), Some(("abc", "10:00"))),
        }
    }

    #[test]
    fn a_record_is_read_back_and_a_newer_one_is_left_alone() {
        assert_eq!(RunRecord::from_json(&record().to_json()), Some(record()));
        assert_eq!(RunRecord::from_json(&RunRecord { version: 2, ..record() }.to_json()), None);
        assert_eq!(RunRecord::from_json(b"{"), None);
    }

    #[test]
    fn a_key_names_its_record() {
        assert_eq!(record().key(), ".dumpcar/runs/shop/00000000deadbeef.json");
        let named = RunRecord::parse_key(&record().key());
        assert_eq!(named, Some((record().target, record().run)));
        for other in [
            ".dumpcar/runs/shop/x.json",
            ".dumpcar/runs/00000000deadbeef.json",
            ".dumpcar/runs/shop/00000000DEADBEEF.json",
            "shop/2026-11-23T23-00-00Z/manifest.json",
        ] {
            assert_eq!(RunRecord::parse_key(other), None, "{other}");
        }
    }

    #[test]
    fn only_what_proves_the_end_of_a_process_counts() {
        let judge = holder("b", "net:[2]", Some("E"), Some(("own", "9:00")));
        let runs = |started: &str| Witness::Runs { started: started.into() };
        let other = || holder("b", "net:[1]", Some("E"), Some(("other", "8:00")));
        for (what, held, witness, fate) in [
            (
                "an earlier start of the judge's container",
                holder("b", "net:[1]", Some("E"), Some(("own", "8:00"))),
                Witness::Silent,
                Fate::Dead,
            ),
            (
                "the same, before the machine was started anew",
                holder("a", "net:[2]", Some("E"), Some(("own", "8:00"))),
                Witness::Silent,
                Fate::Dead,
            ),
            ("another container that runs", other(), runs("8:00"), Fate::Unknown),
            ("one that was started anew", other(), runs("8:30"), Fate::Dead),
            ("one that was stopped", other(), Witness::Stopped, Fate::Dead),
            ("one that was removed", other(), Witness::Missing, Fate::Dead),
            ("nobody to ask", other(), Witness::Silent, Fate::Unknown),
            (
                "one of another engine on the same kernel",
                holder("b", "net:[1]", Some("F"), Some(("other", "8:00"))),
                Witness::Missing,
                Fate::Unknown,
            ),
            (
                "one of a machine cloned with its engine's name",
                holder("a", "net:[1]", Some("E"), Some(("other", "8:00"))),
                Witness::Missing,
                Fate::Unknown,
            ),
            (
                "one of an engine that does not say who it is",
                holder("b", "net:[1]", None, Some(("other", "8:00"))),
                Witness::Missing,
                Fate::Unknown,
            ),
            ("no container at all", holder("b", "net:[1]", Some("E"), None), Witness::Missing, Fate::Unknown),
        ] {
            assert_eq!(held.fate(&judge, &witness), fate, "{what}");
        }
        // Neither engine says who it is: the same nothing is no proof.
        let nameless = holder("b", "net:[2]", None, Some(("own", "9:00")));
        let held = holder("b", "net:[1]", None, Some(("other", "8:00")));
        assert_eq!(held.fate(&nameless, &Witness::Missing), Fate::Unknown);
    }
}
