use super::operator::earlier;
use super::support::docker::{Script, Step};
use super::support::fault::Fault;
use super::support::s3::{Asked, FakeS3};
use super::support::world::noise;
use super::support::world::{World, finish, until};

/// Three parts of 5 MiB, the last one smaller.
const BYTES: usize = 12_000_000;

/// The stamp of a backup that was there before.
const OLD: &str = "2026-01-01T23-00-00Z";

/// The records of runs, and the last look into a run's own folder for what is left, have orders of their own: those below
/// do not have them.
fn is_about_a_backup(asked: &Asked) -> bool {
    let place = asked.parameter("prefix").unwrap_or_else(|| asked.key());
    let is_last_look = asked.operation() == "ListMultipartUploads"
        || asked.parameter("prefix").is_some_and(|prefix| prefix.contains("/shop/2"));
    !place.contains("/.dumpcar") && !is_last_look
}

/// What the store was asked, one line for each request, in the order in which it was asked: the operation, and which file
/// of which backup it is about.
fn order(world: &World) -> Vec<String> {
    let folder = format!("{}/shop/", world.prefix());
    let asked = world.s3.asked();
    let asked = asked.iter().filter(|asked| is_about_a_backup(asked));
    asked
        .map(|asked| match asked.key().strip_prefix(&folder).and_then(|key| key.split_once('/')) {
            Some((OLD, file)) => format!("{} old {file}", asked.operation()),
            Some((_, file)) => format!("{} {file}", asked.operation()),
            None => asked.operation().to_owned(),
        })
        .collect()
}

async fn world(script: Script, fault: impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static) -> World {
    let s3 = FakeS3::with_faults(fault).await;
    World::with_s3(s3, move |_| script.clone())
        .custom("shop")
        .set("DUMPCAR_COMPRESSION", "none")
        .set("DUMPCAR_S3_PART_SIZE", "5MiB")
        .set("DUMPCAR_KEEP_LAST", "1")
}

#[tokio::test]
async fn the_manifest_is_written_after_everything_else_and_what_is_pruned_loses_it_first() {
    let world = world(Script::ends(&noise(BYTES), 0), |_| None).await;
    earlier(&world, OLD);
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(
        order(&world),
        [
            "ListObjects",
            // The last good one, to compare with.
            "GetObject old manifest.json",
            "CreateMultipartUpload dump.dump",
            "UploadPart dump.dump",
            "UploadPart dump.dump",
            "UploadPart dump.dump",
            "CompleteMultipartUpload dump.dump",
            "HeadObject dump.dump",
            "PutObject manifest.json",
            "GetObject old manifest.json",
            "DeleteObject old manifest.json",
            "DeleteObject old dump.dump",
            // One may have been written since the listing.
            "DeleteObject old drill.json",
        ]
    );
}

#[tokio::test]
async fn a_small_dump_is_put_and_confirmed_before_its_manifest() {
    let world = world(Script::ends(b"-- a dump\n", 0), |_| None).await;
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let expected = ["ListObjects", "PutObject dump.dump", "HeadObject dump.dump", "PutObject manifest.json"];
    assert_eq!(order(&world), expected);
}

#[tokio::test]
async fn a_tool_that_fails_after_its_output_completes_nothing() {
    for status in [1, 2, 127, 255] {
        let steps =
            vec![Step::Stdout(noise(BYTES)), Step::AwaitTest, Step::Trailer(status), Step::AwaitRelease];
        let world = world(Script::plays(steps, Some(status.into())), |_| None).await;
        let child = world.start(&["backup"]);
        until("two parts are sent", || world.s3.count("UploadPart") == 2).await;
        world.docker.let_go();
        assert_eq!(finish(child).await.status, 1);
        let expected = [
            "ListObjects",
            "CreateMultipartUpload dump.dump",
            "UploadPart dump.dump",
            "UploadPart dump.dump",
            "AbortMultipartUpload dump.dump",
        ];
        assert_eq!(order(&world), expected, "{status}");
    }
}

#[tokio::test]
async fn a_small_dump_of_a_tool_that_fails_is_never_sent() {
    let world = world(Script::ends(b"-- half a dump\n", 1), |_| None).await;
    assert_eq!(world.run(&["backup"]).await.status, 1);
    assert_eq!(order(&world), ["ListObjects"]);
}

#[tokio::test]
async fn what_is_not_confirmed_has_no_manifest_and_is_removed() {
    let world = world(Script::ends(&noise(BYTES), 0), |asked| {
        (asked.operation() == "HeadObject").then_some(Fault::Size(1))
    });
    let world = world.await;
    assert_eq!(world.run(&["backup"]).await.status, 1);
    let end = [
        "CompleteMultipartUpload dump.dump",
        "HeadObject dump.dump",
        "AbortMultipartUpload dump.dump",
        "DeleteObject dump.dump",
    ];
    assert_eq!(order(&world)[5..], end);
}

#[tokio::test]
async fn a_manifest_that_is_refused_is_deleted_before_its_objects() {
    let world = world(Script::ends(b"-- a dump\n", 0), |asked| {
        (asked.operation() == "PutObject" && asked.is_manifest())
            .then_some(Fault::Answer(403, "AccessDenied"))
    });
    let world = world.await;
    earlier(&world, OLD);
    assert_eq!(world.run(&["backup"]).await.status, 1);
    let end = ["PutObject manifest.json", "DeleteObject manifest.json", "DeleteObject dump.dump"];
    assert_eq!(order(&world)[4..], end, "and nothing is pruned");
}

#[tokio::test]
async fn a_prune_that_is_refused_a_manifest_leaves_its_objects() {
    let world = world(Script::ends(b"-- a dump\n", 0), |asked| {
        (asked.operation() == "DeleteObject" && asked.is_manifest())
            .then_some(Fault::Answer(403, "AccessDenied"))
    });
    let world = world.await;
    earlier(&world, OLD);
    assert_eq!(world.run(&["backup"]).await.status, 3);
    assert_eq!(
        order(&world)[5..],
        [
            "GetObject old manifest.json",
            "DeleteObject old manifest.json",
            // Whether it was a lock.
            "GetObject old manifest.json"
        ]
    );
}

/// Whatever is in the store without a manifest, or in a target, there is a record of it.
#[tokio::test]
async fn a_run_is_on_record_before_it_does_anything_and_until_nothing_of_it_is_left() {
    for status in [0, 1] {
        let steps = vec![Step::Stdout(noise(BYTES)), Step::Trailer(status), Step::AwaitRelease];
        let world = world(Script::plays(steps, Some(status.into())), |_| None).await;
        earlier(&world, OLD);
        assert_eq!(world.run(&["backup"]).await.status, i32::from(status));
        let asked = world.s3.asked();
        let at = |wanted: &dyn Fn(&Asked) -> bool| asked.iter().position(wanted).unwrap();
        let written = at(&|asked| asked.is_of_a_record() && asked.operation() == "PutObject");
        let first_of_the_run = at(&|asked| asked.operation() == "CreateMultipartUpload");
        assert!(written < first_of_the_run);
        let last = asked.last().unwrap();
        assert!(last.is_of_a_record() && last.operation() == "DeleteObject", "{last:?}");
        assert_eq!(last.path, asked[written].path);
    }
}
