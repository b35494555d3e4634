//! The quick start of the README, to the letter.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use super::support::bucket::{ACCESS_KEY, REGION, SECRET_KEY};
use super::support::docker::{Network, image, unique};
use super::support::s3_server::S3Server;
use super::support::servers::POSTGRESQL_17;
use super::support::world::World;

const PAGE: &str = include_str!("../../README.md");

/// The first block of this kind in the quick start.
fn block(kind: &str) -> &'static str {
    let (_, rest) = PAGE.split_once("\n## Quick start\n").unwrap();
    let (quick_start, _) = rest.split_once("\n### ").unwrap();
    let (_, rest) = quick_start.split_once(&format!("\n```{kind}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

/// A project, removed with all that it made.
struct Project<'a> {
    name: String,
    folder: &'a Path,
}

impl Project<'_> {
    fn compose(&self, args: &[&str]) -> Result<String, String> {
        let has_plugin = Command::new("docker").args(["compose", "version"]).output();
        let mut command = if has_plugin.is_ok_and(|output| output.status.success()) {
            let mut command = Command::new("docker");
            command.arg("compose");
            command
        } else {
            Command::new("docker-compose")
        };
        command.args(["-p", &self.name, "-f", "compose.yaml", "-f", "here.yaml"]).args(args);
        let output =
            command.current_dir(self.folder).output().expect("docker compose or docker-compose is installed");
        let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        if output.status.success() { Ok(stdout) } else { Err(format!("{stdout}{stderr}")) }
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        drop(self.compose(&["down", "--volumes"]));
    }
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn the_quick_start_works_to_the_letter() {
    let world = World::new();
    let network = Network::new();
    network.connect(S3Server::shared().id(), "s3");
    let folder = tempfile::tempdir().unwrap();
    let socket = std::env::var("DOCKER_HOST").unwrap_or_default();
    let socket = socket.strip_prefix("unix://").unwrap_or("/var/run/docker.sock");
    let gid = fs::metadata(socket).unwrap().gid().to_string();
    let mut env = block("sh env").to_owned();
    for (example, ours) in [
        ("s3://my-bucket/docker-host", format!("s3://{}/backups", world.bucket.name)),
        ("eu-central-1", REGION.to_owned()),
        ("my-access-key", ACCESS_KEY.to_owned()),
        ("my-secret-key", SECRET_KEY.to_owned()),
        ("GID=999", format!("GID={gid}")),
    ] {
        assert!(env.contains(example), "{example}: {env}");
        env = env.replace(example, &ours);
    }
    // What is different here: the images, the store, and that other tests have containers with the label as well.
    let here = format!(
        "services:\n\
         \x20 db:\n    image: {}\n    labels: {{ dumpcar.group: {group} }}\n\
         \x20 dumpcar:\n    image: {}\n    environment:\n      AWS_ENDPOINT_URL: {}\n      DUMPCAR_GROUP: {group}\n\
         networks:\n\
         \x20 default:\n    external: true\n    name: {}\n",
        POSTGRESQL_17.image(),
        image("DUMPCAR_TEST_IMAGE", "dumpcar-test/dumpcar:latest"),
        S3Server::shared().endpoint_as("s3"),
        network.id,
        group = world.prefix,
    );
    for (name, text) in [("compose.yaml", block("yaml")), (".env", &env), ("here.yaml", &here)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let project = Project { name: unique(), folder: folder.path() };

    project.compose(&["up", "-d"]).unwrap();
    let backup = project.compose(&["exec", "-T", "dumpcar", "dumpcar", "backup"]).unwrap();
    assert!(backup.contains("shop-db  ok "), "{backup}");
    let list = project.compose(&["exec", "-T", "dumpcar", "dumpcar", "list"]).unwrap();
    assert!(list.starts_with("shop-db: 1 backup, ") && list.contains("  good\n"), "{list}");
    project.compose(&["exec", "-T", "dumpcar", "dumpcar", "healthcheck"]).unwrap();

    // Uninstalled as the page says, with the backups still there.
    project.compose(&["rm", "-sf", "dumpcar"]).unwrap();
    assert_eq!(world.manifests().len(), 1);
    assert_eq!(world.manifests()[0]["target"], "shop-db");
}
