/// Several databases of a server at the same time.
mod at_once;
/// Which databases of a server are dumped, and in which order.
mod databases;
/// What an exec may print, and how it may end.
mod exec;
/// The commands before and after a dump, and whose commands they are.
mod hooks;
/// A run as a whole: its limit, its end by a signal, its second try.
mod run;
/// What the store gets, and what it may refuse.
mod store;
/// Keys that may write and nothing else.
mod write_only;

use super::support::docker::Script;
use super::support::world::World;

const DUMP: &[u8] = b"-- a dump\nINSERT INTO t VALUES (1);\n";

async fn world(script: Script) -> World {
    World::new(move |_| script.clone()).await.custom("shop")
}

pub(super) fn assert_nothing_left(world: &World) {
    assert_eq!(world.keys(), Vec::<String>::new());
    assert_eq!(world.s3.unfinished_uploads(), 0);
}
