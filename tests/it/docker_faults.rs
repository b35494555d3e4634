/// Answers: late, given twice, of any version, and refusals for a while or for good.
mod answers;
/// Streams that zstd has compressed in the target.
mod compressed;
/// An engine that is started anew.
mod restart;
/// Streams of an exec: split, cut, stalled, and without a word about their end.
mod stream;

use super::support::docker::{Call, Fault, Script};
use super::support::world::{Ended, World};

const DUMP: &[u8] = b"-- a dump\n";

async fn world() -> World {
    World::new(|_| Script::ends(DUMP, 0)).await.custom("shop").set("DUMPCAR_COMPRESSION", "none")
}

/// A backup that meets these faults.
async fn backup_with(
    faults: impl Fn(Call, usize) -> Option<Fault> + Send + Sync + 'static,
) -> (World, Ended) {
    let world = world().await;
    world.docker.faults(faults);
    let ended = world.run(&["backup"]).await;
    (world, ended)
}
