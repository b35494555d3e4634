//! What a drill's server may take: of the machine's memory, and of Docker's disk.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tracing::warn;

use super::context::Drill;
use crate::docker::{Docker, DockerError, Image};
use crate::engine::{self, Engine};
use crate::jobs::error::{JobError, JobErrorKind};
use crate::machine::{self, Memory};
use crate::model::helper::split_path;
use crate::model::id::ContainerName;
use crate::text;

/// What a server needs for data of this size: tables, indexes, logs, and a database that is replaced.
const ROOM: u64 = 3;
const LEAST_ROOM: u64 = 1 << 30;
/// Of a folder in memory that has no data in it: sockets, files with a process id.
const SMALL_ROOM: u64 = 16 << 20;
/// With less no server starts.
const LEAST_MEMORY: u64 = 64 << 20;
/// Looking at what was written costs Docker a walk through it: at most a tenth of the time.
const WATCH: Duration = Duration::from_secs(1);
const WATCH_REST: u32 = 9;
/// Docker may fail to answer once or twice.
const WATCH_TRIES: u32 = 3;

/// Where the data goes, and how much memory there is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Storage {
    /// Folders in memory, and their sizes in bytes.
    pub(super) in_memory: BTreeMap<String, u64>,
    /// The limit of the container, those folders included.
    pub(super) memory: u64,
    pub(super) is_on_disk: bool,
}

/// What a drill asks for.
#[derive(Debug, Clone, Copy)]
struct Wish {
    /// For its data.
    room: u64,
    /// `DUMPCAR_DRILL_MEMORY`
    memory: u64,
    /// `DUMPCAR_DRILL_DISK`
    disk: u64,
    /// Memory was too small for the data.
    is_for_disk: bool,
}

impl Storage {
    /// In memory if it fits into what is `lent`; else in the container's own layer, as far as the disk is allowed, which
    /// [`watch`] sees to. A volume is never it: nobody can tell what is written to one.
    fn choose(wish: Wish, lent: Option<u64>, volumes: &[String], run: &[&str]) -> Result<Self, JobError> {
        let Wish { room, disk, .. } = wish;
        let memory = wish.memory.min(lent.unwrap_or(wish.memory));
        if memory < LEAST_MEMORY {
            return Err(JobError::new(
                JobErrorKind::Tool(engine::ToolFailure::NoMemory),
                format!(
                    "this machine lends a drill half of its available memory, and that is {} now: free some",
                    text::bytes(memory)
                ),
            ));
        }
        let lent = lent.unwrap_or_default().saturating_sub(memory);
        let small = run.iter().map(|path| ((*path).to_owned(), SMALL_ROOM));
        // Servers sort in `/tmp`.
        let data = |size: u64| volumes.iter().map(move |path| (path.clone(), size));
        if room <= lent && !wish.is_for_disk {
            let in_memory = small.chain(data(room)).chain([("/tmp".to_owned(), room)]).collect();
            return Ok(Self { in_memory, memory: memory.saturating_add(room), is_on_disk: false });
        }
        if room > disk {
            let [room, lent] = [room, lent].map(text::bytes);
            return Err(JobError::new(
                JobErrorKind::Tool(engine::ToolFailure::DiskFull),
                format!(
                    "its data may take {room} and this machine lends {lent} of memory: set DUMPCAR_DRILL_DISK to the most \
                     that a drill may write to Docker's disk"
                ),
            ));
        }
        Ok(Self { in_memory: small.chain(data(SMALL_ROOM)).collect(), memory, is_on_disk: true })
    }
}

/// What of the memory of Docker's machine a drill may take, which has `total`: half of what is available, if that is this
/// machine, else a quarter. `None` when nobody tells.
fn lend(total: Option<u64>, here: Option<Memory>) -> Option<u64> {
    let total = total?;
    Some(match here {
        Some(here) if here.total == total => here.available / 2,
        Some(_) | None => total / 4,
    })
}

impl Drill<'_> {
    pub(super) async fn storage(&self, engine: Engine, image: &Image) -> Result<Storage, JobError> {
        let config = &self.app.config;
        let lent = lend(self.docker.memory().await?, machine::memory());
        let wish = Wish {
            room: self.manifest.plain_bytes().saturating_mul(ROOM).max(LEAST_ROOM),
            memory: config.drill_memory,
            disk: config.drill_disk,
            is_for_disk: self.is_for_disk,
        };
        let files = self.files();
        let folders: Vec<String> = match engine.is_file() {
            true => files.iter().map(|path| split_path(path).0.to_owned()).collect(),
            false => image.volumes.clone(),
        };
        let storage = Storage::choose(wish, lent, &folders, engine.run_folders())?;
        if let Some(lent) = lent.filter(|lent| *lent < config.drill_memory) {
            warn!(
                backup = %self.key,
                "little memory is available: the drill's server gets {} instead of DUMPCAR_DRILL_MEMORY", text::bytes(lent)
            );
        }
        if storage.is_on_disk {
            warn!(backup = %self.key, "the drill's data does not fit into memory: it goes to Docker's disk");
        }
        Ok(storage)
    }
}

/// Ends when the drill's server has written more than `disk` bytes to Docker's disk, or Docker does not tell.
///
/// Without a disk it never ends: nothing can be written.
pub(super) async fn watch(docker: Docker, container: ContainerName, disk: u64) -> JobError {
    if disk == 0 {
        return std::future::pending().await;
    }
    let (mut failures, mut rest) = (0, WATCH);
    loop {
        tokio::time::sleep(rest).await;
        let asked = Instant::now();
        match docker.written(&container).await {
            Ok(bytes) if bytes > disk => {
                return JobError::new(
                    JobErrorKind::Wrong,
                    format!(
                        "its server has written {} to Docker's disk, and may write {} (DUMPCAR_DRILL_DISK)",
                        text::bytes(bytes),
                        text::bytes(disk)
                    ),
                );
            }
            // Not there yet.
            Ok(_) | Err(DockerError::NotFound { .. }) => failures = 0,
            Err(error) if failures + 1 == WATCH_TRIES => {
                return JobError::new(
                    JobErrorKind::Docker { may_pass: error.is_transient() },
                    format!("cannot tell how much its server writes: {error}"),
                );
            }
            Err(_) => failures += 1,
        }
        rest = WATCH.max(asked.elapsed() * WATCH_REST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn choose(room: u64, lent: u64, disk: u64) -> Result<Storage, JobError> {
        let wish = Wish { room, memory: GIB, disk, is_for_disk: false };
        Storage::choose(wish, Some(lent), &["/data".to_owned()], &["/run/x"])
    }

    #[test]
    fn data_goes_to_memory_and_to_the_disk_only_as_far_as_that_is_allowed() {
        let folders = |storage: &Storage| {
            storage.in_memory.iter().map(|(path, size)| format!("{path} {size}")).collect::<Vec<_>>()
        };
        let memory = choose(GIB, 2 * GIB, 0).unwrap();
        assert_eq!(folders(&memory), ["/data 1073741824", "/run/x 16777216", "/tmp 1073741824"]);
        assert_eq!((memory.memory, memory.is_on_disk), (2 * GIB, false));
        // `/tmp` is in the layer, the volume is nobody's.
        let disk = choose(2 * GIB, 2 * GIB, 2 * GIB).unwrap();
        assert_eq!(folders(&disk), ["/data 16777216", "/run/x 16777216"]);
        assert_eq!((disk.memory, disk.is_on_disk), (GIB, true));
        // What a manifest claims is no permission.
        for (room, disk) in [(2 * GIB, 0), (2 * GIB, 2 * GIB - 1), (u64::MAX, 1 << 50)] {
            let refused = choose(room, 2 * GIB, disk).unwrap_err().to_string();
            assert!(refused.contains("set DUMPCAR_DRILL_DISK"), "{refused}");
        }
        let wish = Wish { room: GIB, memory: GIB, disk: 2 * GIB, is_for_disk: true };
        assert!(Storage::choose(wish, Some(8 * GIB), &[], &[]).unwrap().is_on_disk);
    }

    #[test]
    fn a_drill_never_gets_more_than_what_is_lent() {
        let little = choose(GIB, GIB / 2, 2 * GIB).unwrap();
        assert_eq!((little.memory, little.is_on_disk), (GIB / 2, true));
        let refused = choose(GIB, 10 << 20, 2 * GIB).unwrap_err().to_string();
        assert!(refused.contains("available memory, and that is 10.0 MiB now"), "{refused}");
        // Docker does not say what there is.
        let wish = Wish { room: GIB, memory: GIB, disk: 2 * GIB, is_for_disk: false };
        assert_eq!(Storage::choose(wish, None, &[], &[]).unwrap().memory, GIB);
    }

    #[test]
    fn what_is_lent_is_a_share_of_what_is_available() {
        let here = Memory { total: 8 * GIB, available: 3 * GIB };
        assert_eq!(lend(Some(8 * GIB), Some(here)), Some(3 * GIB / 2));
        // Docker is on another machine, of which nobody knows what is available.
        assert_eq!(lend(Some(16 * GIB), Some(here)), Some(4 * GIB));
        assert_eq!(lend(Some(16 * GIB), None), Some(4 * GIB));
        assert_eq!(lend(None, Some(here)), None);
    }
}
