use std::time::Duration;

use super::mid_dump::{ROWS, WORD, assert_backed_up};
use super::support::docker::{holds_within, until};
use super::support::engine::Engine;
use super::support::proxy::Proxy;
use super::support::s3_server::S3Server;
use super::support::servers::POSTGRESQL_17;
use super::support::world::World;

/// A server of an engine that is restarted, and the world of its backups.
struct Target<'e> {
    world: World,
    proxy: Proxy,
    engine: &'e Engine,
    id: String,
}

impl<'e> Target<'e> {
    fn new(engine: &'e Engine) -> Self {
        let proxy = Proxy::to(S3Server::shared().port);
        let world = World::new()
            .set("DOCKER_HOST", &engine.host())
            .set("DUMPCAR_COMPRESSION", "none")
            .set("DUMPCAR_S3_PART_SIZE", "5MiB")
            .set("DUMPCAR_RETRIES", "2")
            .set("AWS_ENDPOINT_URL", &format!("http://127.0.0.1:{}", proxy.port));
        let labels = world.labels(&[("name", "t"), ("databases", "postgres")]);
        let labels: Vec<_> = labels.iter().map(String::as_str).collect();
        let image = POSTGRESQL_17.image();
        let run = ["run", "-d", "--restart=always", "-e", "POSTGRES_PASSWORD=secret"];
        let id = engine.docker(&[&run, labels.as_slice(), &[image.as_str()]].concat());
        let target = Self { world, proxy, engine, id };
        // While an image sets a server up, it answers on its socket only.
        until("the server answers", || target.sql("SELECT 1").is_ok());
        let rows =
            format!("CREATE TABLE rows AS SELECT g AS id, {WORD} AS word FROM generate_series(1, {ROWS}) g");
        target.sql(&rows).unwrap();
        target
    }

    fn sql(&self, sql: &str) -> Result<String, String> {
        let psql = "PGPASSWORD=secret exec psql -h127.0.0.1 -U postgres -XAtqc \"$1\"";
        self.engine.try_docker(&["exec", &self.id, "sh", "-c", psql, "sh", sql])
    }

    fn dumps(&self) -> usize {
        self.engine.docker(&["top", &self.id, "-o", "pid,comm"]).matches("pg_dump").count()
    }

    /// The engine stops in the middle of a dump; the store goes on while it is away, or when it is there again.
    fn is_backed_up_though_the_engine_restarts(&self, live_restore: bool, is_noticed_at_once: bool) {
        self.proxy.hold_after(1 << 20);
        let dumpcar = self.world.start(&["backup"]);
        until("the store is stalled", || self.proxy.held() > 0);
        until("the dump goes on", || self.dumps() == 1);
        self.engine.stop();
        if is_noticed_at_once {
            self.proxy.let_go();
            until("the run has noticed", || dumpcar.log().contains("trying again"));
        }
        self.engine.start(live_restore);
        if live_restore {
            assert_eq!(self.dumps(), 1, "an engine that is restarted keeps a tool's input open");
        }
        self.proxy.let_go();
        let ended = dumpcar.end();
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert_eq!(ended.stderr.matches("trying again").count(), 1, "{}", ended.stderr);
        assert_backed_up(&self.world);
        // Globals, the database, the manifest.
        assert_eq!(self.world.keys().len(), 3, "{:?}: {}", self.world.keys(), ended.stderr);
        assert_eq!(self.world.bucket.unfinished_uploads(), 0);
        assert!(holds_within(Duration::from_secs(10), || self.dumps() == 0), "the first dump goes on");
    }
}

impl Drop for Target<'_> {
    fn drop(&mut self) {
        drop(self.engine.try_docker(&["rm", "-fv", &self.id]));
    }
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_backup_outlives_a_restart_of_the_engine_and_leaves_no_tool_behind() {
    let engine = Engine::with_image(&POSTGRESQL_17.image(), true);
    // Its containers live on, and so does the dump tool: nobody closes its input.
    Target::new(&engine).is_backed_up_though_the_engine_restarts(true, true);
    engine.stop();
    engine.start(false);
    // Its containers stop with it, and are started again.
    Target::new(&engine).is_backed_up_though_the_engine_restarts(false, false);
}
