//! The run record: what says, before anything of a run exists, that it may.
//!
//! It lies in the store for as long as anything of the run may lie or run anywhere: an unfinished upload, an object
//! without a manifest, a dump tool. Whoever finds the record of a dead process cleans up after it (promise P4).

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

/// The name of one attempt of one run: 16 hexadecimal digits, new for each.
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

    /// The name of a run's scratch container. A container with another name is none, whatever its label says.
    pub fn container(run: &RunId) -> ContainerName {
        format!("dumpcar-drill-{run}").parse().expect("a word and digits are a name")
    }
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
            version: u32,
        }
        let Version { version } = serde_json::from_slice(json)?;
        if version > VERSION {
            return Err(RecordError::Newer(version));
        }
        let record: Self = serde_json::from_slice(json)?;
        if record.key() == key { Ok(record) } else { Err(RecordError::Misplaced) }
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Line>,
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
            instance: Line::clean("host-a"),
            process: "01".repeat(16).parse().unwrap(),
            boot: Line::clean(boot),
            network: Line::clean(network),
            engine: engine.map(Line::clean),
            container: container
                .map(|(id, started)| HolderContainer { id: id_of(id), started: Line::clean(started) }),
        }
    }

    /// An id for each word.
    fn id_of(word: &str) -> ContainerId {
        let digits: String = word.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("{digits:0>64}").parse().unwrap()
    }

    fn record() -> RunRecord {
        RunRecord {
            version: VERSION,
            run: "00000000deadbeef".parse().unwrap(),
            target: "shop".parse().unwrap(),
            container: Some(id_of("shop")),
            stamp: Some("2026-11-23T23-00-00Z".parse().unwrap()),
            prunes: vec!["2026-11-16T23-00-00Z".parse().unwrap()],
            restores: false,
            started: "2026-11-23T23:00:00Z".parse().unwrap(),
            holder: holder("b", "net:[1]", Some("E"), Some(("abc", "10:00"))),
        }
    }

    #[test]
    fn a_record_is_read_back_and_a_newer_one_is_left_alone() {
        let read = |json: &[u8]| RunRecord::from_json(json, &record().key());
        assert_eq!(read(&record().to_json()).unwrap(), record());
        let newer = RunRecord { version: 2, ..record() }.to_json();
        assert!(matches!(read(&newer), Err(RecordError::Newer(2))));
        assert!(matches!(read(br#"{"version": 2}"#), Err(RecordError::Newer(2))));
        assert!(matches!(read(b"{"), Err(RecordError::Malformed(_))));
        let elsewhere =
            RunRecord::from_json(&record().to_json(), ".dumpcar/runs/other/00000000deadbeef.json");
        assert!(matches!(elsewhere, Err(RecordError::Misplaced)));
    }

    /// A record comes from whoever can write into the bucket.
    #[test]
    fn a_record_that_names_what_is_no_name_is_none() {
        let whole: serde_json::Value = serde_json::from_slice(&record().to_json()).unwrap();
        let read =
            |json: &serde_json::Value| RunRecord::from_json(json.to_string().as_bytes(), &record().key());
        assert!(read(&whole).is_ok());
        for (pointer, text) in [
            ("/container", "victim/kill?x="),
            ("/container", "../build?remote=http://127.0.0.1/Dockerfile&networkmode=host&x="),
            ("/container", "shop-db-1"),
            ("/container", ""),
            ("/holder/container/id", "../info#"),
            ("/holder/container/started", "10:00\nINFO backup committed"),
            ("/holder/process", "00"),
            ("/holder/process", "0123456789abcdef0123456789abcde/"),
            ("/holder/instance", "a\u{1b}]0;x"),
            ("/holder/boot", "\u{202e}"),
            ("/run", "00000000DEADBEEF"),
            ("/target", "../shop"),
            ("/stamp", "2026-11-23"),
            ("/prunes/0", "../x"),
            ("/started", "yesterday"),
        ] {
            let mut planted = whole.clone();
            *planted.pointer_mut(pointer).unwrap() = text.into();
            assert!(read(&planted).is_err(), "{pointer} {text:?}");
        }
        let mut long = whole.clone();
        long["holder"]["instance"] = "x".repeat(257).into();
        assert!(read(&long).is_err());
    }

    #[test]
    fn only_what_docker_knows_to_have_stopped_has_stopped() {
        for state in ["created", "exited", "dead"] {
            assert_eq!(Witness::of(state, "10:00"), Witness::Stopped, "{state}");
        }
        for state in ["paused", "restarting", "removing", "", "stopped", "Exited"] {
            assert_eq!(Witness::of(state, "10:00"), Witness::Silent, "{state}");
        }
        assert_eq!(Witness::of("running", "10:00"), Witness::Runs { started: Line::clean("10:00") });
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
        let runs = |started: &str| Witness::Runs { started: Line::clean(started) };
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
