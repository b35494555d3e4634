use std::thread;
use std::time::Duration;

use super::kill::verify::assert_verified;
use super::support::docker::{docker, pause, until};
use super::support::proxy::Proxy;
use super::support::s3_server::S3Server;
use super::support::servers::{POSTGRESQL_17, Server};
use super::support::world::{Running, World};

/// 52 MB, of which zstd makes 26: more than Dumpcar and Docker take off the hands of a dump whose store stalls.
pub(super) const ROWS: u32 = 700_000;
/// What is in a row.
pub(super) const WORD: &str = "md5(g::text) || md5((-g)::text)";

/// A server that is in the middle of printing its rows, because the store takes none.
struct MidDump {
    world: World,
    proxy: Proxy,
    server: Server,
    dumpcar: Running,
}

impl MidDump {
    fn reached() -> Self {
        Self::reached_in(World::new())
    }

    fn reached_in(world: World) -> Self {
        let proxy = Proxy::to(S3Server::shared().port);
        let world = world
            .set("DUMPCAR_COMPRESSION", "none")
            .set("DUMPCAR_S3_PART_SIZE", "5MiB")
            .set("AWS_ENDPOINT_URL", &format!("http://127.0.0.1:{}", proxy.port));
        let labels = [("name", "t"), ("databases", "postgres")];
        let server = Server::lasting(&world, POSTGRESQL_17, "secret", &labels);
        server.sql(&format!(
            "CREATE TABLE rows AS SELECT g AS id, {WORD} AS word FROM generate_series(1, {ROWS}) g;"
        ));
        // Behind the globals, which are small.
        proxy.hold_after(1 << 20);
        let dumpcar = world.start(&["backup"]);
        until("the store is stalled", || proxy.held() > 0);
        let dumps = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_dump' AND wait_event = 'ClientWrite';";
        until("the server waits for the dump tool", || server.sql(dumps) == "1\n");
        Self { world, proxy, server, dumpcar }
    }

    /// Lets the store go on. Why the backup failed.
    fn fails(self) -> (World, Server, String) {
        let Self { world, proxy, server, dumpcar } = self;
        proxy.let_go();
        let ended = dumpcar.end();
        assert_eq!(ended.status, 1, "{}", ended.stderr);
        let reason = ended.problem();
        // A record may stay until the next run: a container that restarts cannot be asked for its tools.
        let keys = world.keys();
        assert!(keys.iter().all(|key| key.starts_with(".dumpcar/")), "{keys:?}");
        assert_eq!(world.bucket.unfinished_uploads(), 0);
        (world, server, reason)
    }
}

/// There is one backup, with every row.
pub(super) fn assert_backed_up(world: &World) {
    let manifests = world.manifests();
    let [manifest] = manifests.as_slice() else { panic!("{manifests:?}") };
    assert_verified(world, manifest);
    let dump = world.run(&["cat", "t", "--database=postgres"]).stdout;
    let is_row = |line: &&[u8]| line.len() > 65 && line[line.len() - 65] == b'\t';
    assert_eq!(dump.split(|byte| *byte == b'\n').filter(is_row).count(), ROWS as usize);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_target_that_is_restarted_in_mid_dump_makes_no_backup_and_the_next_run_does() {
    let scene = MidDump::reached();
    docker(&["restart", &scene.server.container.id]);
    let (world, server, reason) = scene.fails();
    // Which of them it is depends on how far the restart is when the end of the output is noticed.
    let clear = [
        "did the container stop",
        "takes no connection",
        "is exited now",
        "is restarting now",
        "was killed",
        "was stopped by signal",
    ];
    assert!(clear.iter().any(|words| reason.contains(words)), "{reason}");
    // Docker 20.10 says now and then that it has restarted a container, and has only stopped it. Else this does nothing.
    docker(&["start", &server.container.id]);
    server.wait_until_it_answers();
    world.back_up();
    assert_backed_up(&world);
    assert!(!world.keys().iter().any(|key| key.starts_with(".dumpcar/")), "{:?}", world.keys());
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_target_that_is_removed_in_mid_dump_makes_no_backup_and_the_reason_says_so() {
    let scene = MidDump::reached();
    docker(&["rm", "-fv", &scene.server.container.id]);
    let (_, server, reason) = scene.fails();
    // Docker kills first and removes then: which of them it is depends on when the end of the output is noticed.
    let what = ["was removed meanwhile", "is removing now", "is exited now"];
    let name = &server.container.name;
    assert!(what.iter().any(|what| reason.contains(&format!("container {name} {what}"))), "{reason}");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_target_that_is_paused_in_mid_dump_is_backed_up_when_it_goes_on() {
    let scene = MidDump::reached();
    pause(&scene.server.container.id);
    scene.proxy.let_go();
    // Longer than Docker goes on copying from a command that has ended.
    thread::sleep(Duration::from_secs(4));
    let MidDump { world, server, mut dumpcar, .. } = scene;
    assert!(!dumpcar.has_ended(), "a pause is no end: {}", dumpcar.log());
    assert!(world.manifests().is_empty());
    docker(&["unpause", &server.container.id]);
    let ended = dumpcar.end();
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_backed_up(&world);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_target_that_stays_paused_keeps_its_tool_and_the_record_of_it_until_it_goes_on() {
    let scene = MidDump::reached_in(World::new().set("DUMPCAR_STALL_TIMEOUT", "2s"));
    pause(&scene.server.container.id);
    scene.proxy.let_go();
    let MidDump { world, server, dumpcar, .. } = scene;
    let ended = dumpcar.end();
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(ended.problem().contains("is paused now"), "{}", ended.stderr);
    let keys = world.keys();
    assert!(matches!(keys.as_slice(), [record] if record.starts_with(".dumpcar/")), "{keys:?}");
    assert_eq!(world.bucket.unfinished_uploads(), 0);
    docker(&["unpause", &server.container.id]);
    world.back_up();
    assert_backed_up(&world);
    assert!(!world.keys().contains(&keys[0]), "{:?}", world.keys());
    assert!(!server.container.processes().iter().any(|process| process.starts_with("pg_dump")));
}
