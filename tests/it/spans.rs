use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::support::docker::{ExecRequest, Script, Step};
use super::support::fault::Fault;
use super::support::hostile::Siege;
use super::support::s3::{Asked, FakeS3};
use super::support::world::{World, finish, noise};

const AGAIN: &str = "the store failed, trying again";

/// Two targets at a time, each of three parts; the store fails once for shop, with what its client does not try again by itself.
async fn world(operation: &'static str) -> World {
    let has_failed = AtomicBool::new(false);
    let fault = move |asked: &Asked| {
        let is_it = asked.operation() == operation && asked.path.contains("/shop/");
        (is_it && asked.path.ends_with(".dump") && !has_failed.swap(true, Ordering::SeqCst))
            .then_some(Fault::Answer(400, "RequestTimeout"))
    };
    let play = |_: &ExecRequest| Script::ends(&noise(12_000_000), 0);
    World::with_s3(FakeS3::with_faults(fault).await, play)
        .custom("shop")
        .custom("blog")
        .set("DUMPCAR_COMPRESSION", "none")
        .set("DUMPCAR_S3_PART_SIZE", "5MiB")
        .set("DUMPCAR_PARALLEL", "2")
}

fn all(lines: &[Value], field: &str) -> BTreeSet<String> {
    lines.iter().map(|line| line[field].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_retry_of_the_store_says_whose_it_is() {
    let world = world("UploadPart").await;
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let lines = ended.logged(AGAIN);
    assert!(!lines.is_empty(), "{}", ended.stderr);
    assert_eq!(all(&lines, "job"), ["backup".into()].into());
    assert_eq!(all(&lines, "target"), ["shop".into()].into());
    let runs: BTreeSet<String> = world.s3.asked().iter().filter_map(run_of_a_record).collect();
    assert_eq!(runs.len(), 2, "{runs:?}");
    assert!(all(&lines, "run").is_subset(&runs), "{lines:?} {runs:?}");
    let manifests = world.manifests();
    let shop = manifests.iter().find(|manifest| manifest["target"] == "shop").unwrap();
    assert_eq!(all(&lines, "backup"), [shop["stamp"].as_str().unwrap().into()].into());
}

fn run_of_a_record(asked: &Asked) -> Option<String> {
    let name = asked.path.rsplit('/').next()?.strip_suffix(".json")?;
    asked.is_of_a_record().then(|| name.to_owned())
}

/// Also where only warnings are shown, and once, though both a line and its job may know it.
#[tokio::test]
async fn a_line_says_whose_it_is_once_in_every_format_and_at_every_level() {
    let steps = vec![Step::Stdout(b"-- a dump\n".to_vec()), Step::Stderr(b"careful".to_vec())];
    let play = move |_: &ExecRequest| Script::plays(steps.clone(), Some(0));
    let world = World::new(play).await.custom("shop");
    for (format, level) in [("text", "info"), ("text", "warn"), ("json", "warn"), ("json", "trace")] {
        let env = [("DUMPCAR_LOG_FORMAT", format), ("DUMPCAR_LOG", level)];
        let ended = finish(world.start_with(&["backup"], &env)).await;
        let said = if format == "json" { "\"target\":\"shop\"" } else { "target=shop" };
        let warnings: Vec<&str> = ended.stderr.lines().filter(|line| line.contains("careful")).collect();
        assert!(warnings.len() == 1 && warnings[0].contains(said), "{format} {level} {}", ended.stderr);
        for line in ended.stderr.lines() {
            assert!(
                line.matches("\"target\":").count() <= 1 && line.matches("target=").count() <= 1,
                "{line}"
            );
        }
    }
}

#[tokio::test]
async fn verification_restore_and_drill_say_whose_their_lines_are() {
    let world = world("GetObject").await;
    assert_eq!(world.run(&["backup", "shop"]).await.status, 0);
    let stamp = world.manifests()[0]["stamp"].as_str().unwrap().to_owned();
    let lines = world.run(&["verify", "shop"]).await.logged(AGAIN);
    assert_eq!(all(&lines, "job"), ["verify".into()].into());
    assert_eq!(all(&lines, "target"), ["shop".into()].into());
    assert_eq!(all(&lines, "backup"), [stamp].into());

    let siege = Siege::quiet().await;
    for (args, job) in [(&["restore", "pg", "--yes"][..], "restore"), (&["drill", "pg"], "drill")] {
        let ended = siege.world.run(args).await;
        let lines = ended.logged("object restored");
        assert!(!lines.is_empty(), "{}", ended.stderr);
        assert_eq!(all(&lines, "job"), [job.into()].into());
        assert_eq!(all(&lines, "target"), ["pg".into()].into());
        assert!(all(&lines, "run").iter().all(|run| run.len() == 16), "{lines:?}");
    }
}
