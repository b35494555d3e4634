use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::io::AsyncReadExt;

use super::support::docker::Script;
use super::support::fault::Fault;
use super::support::s3::{Asked, FakeS3};
use super::support::stored::Object;
use super::support::world::{World, finish, noise, signal, until};

/// Three ranges of 16 MiB, the last one smaller.
const BYTES: usize = 40_000_000;

const STAMP: &str = "2026-01-01T00-00-00Z";

fn content(bytes: usize) -> Vec<u8> {
    // Of no length that a range is a multiple of.
    let mut content = noise(1_000_003).repeat(bytes / 1_000_003 + 1);
    content.truncate(bytes);
    content
}

/// A backup of an object that is stored as it is, and what becomes of the requests that read it: the first is for the
/// manifest.
async fn world(bytes: usize, fault: impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static) -> World {
    let s3 =
        FakeS3::with_faults(move |asked| (asked.operation() == "GetObject").then(|| fault(asked)).flatten());
    let world = World::with_s3(s3.await, |_| Script::ends(b"", 1));
    world.store_backup("shop", STAMP, "custom", &[Object::dump(&content(bytes))]);
    world
}

/// What the program prints, and how it ends.
async fn cat(world: &World) -> (Vec<u8>, i32, String) {
    let mut child = world.start(&["cat", "shop"]);
    let mut printed = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut printed).await.unwrap();
    let ended = finish(child).await;
    (printed, ended.status, ended.stderr)
}

#[tokio::test]
async fn a_connection_that_breaks_costs_nothing() {
    // The client itself asks for the rest of an answer that broke off; what comes then breaks it for good.
    const PASSING: &[&[(usize, Fault)]] = &[
        &[(2, Fault::Answer(503, "SlowDown"))],
        &[(2, Fault::Answer(400, "RequestTimeout"))],
        &[(4, Fault::Answer(400, "RequestTimeout"))],
        &[(3, Fault::AnswerLost)],
        &[(3, Fault::CutAfter(1_000_000))],
        &[(2, Fault::CutAfter(1)), (3, Fault::Answer(400, "RequestTimeout"))],
        &[(3, Fault::CutAfter(1_000_000)), (4, Fault::Answer(400, "RequestTimeout"))],
        &[(2, Fault::Short(1_000_000))],
        &[(4, Fault::Short(0))],
        &[(3, Fault::Late(Duration::from_millis(500)))],
    ];
    stream::iter(PASSING)
        .for_each_concurrent(3, async |&faults| {
            let world =
                world(BYTES, move |asked| Some(faults.iter().find(|(nth, _)| *nth == asked.nth)?.1)).await;
            let (printed, status, log) = cat(&world).await;
            assert_eq!(status, 0, "{faults:?}: {log}");
            assert!(printed == content(BYTES), "{faults:?}: what came is not what was stored");
            assert!(world.s3.count("GetObject") >= faults[faults.len() - 1].0, "{faults:?} was not met");
        })
        .await;
}

#[tokio::test]
async fn a_right_that_is_withdrawn_in_the_middle_is_said_at_once() {
    let world = world(BYTES, |asked| (asked.nth == 3).then_some(Fault::Answer(403, "AccessDenied"))).await;
    let (printed, status, log) = cat(&world).await;
    assert_eq!(status, 1);
    assert!(printed.len() < BYTES);
    assert!(log.contains("the keys may not read in the bucket backups"), "{log}");
    assert_eq!(world.s3.count("GetObject"), 3);
}

#[tokio::test]
async fn an_object_that_is_replaced_in_the_middle_is_never_mixed_with_the_other_one() {
    let path: Arc<OnceLock<PathBuf>> = Arc::default();
    let object = Arc::clone(&path);
    let world = world(BYTES, move |asked| {
        if asked.nth == 3 {
            std::fs::write(object.get().unwrap(), vec![7; BYTES]).unwrap();
        }
        None
    })
    .await;
    path.set(world.s3.path(&format!("{}/shop/{STAMP}/dump.dump", world.prefix()))).unwrap();
    let (printed, status, log) = cat(&world).await;
    assert_eq!(status, 1);
    assert!(printed == content(BYTES)[..printed.len()], "bytes of the other one came");
    assert!(log.contains("was replaced in the bucket while it was read"), "{log}");
}

/// As of a pager that is left after its first page.
#[tokio::test]
async fn a_reader_that_goes_is_no_failure() {
    let world = world(BYTES, |_| None).await;
    let mut child = world.start(&["cat", "shop"]);
    let mut page = [0; 1000];
    child.stdout.take().unwrap().read_exact(&mut page).await.unwrap();
    let ended = finish(child).await;
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
}

/// As of a pager that shows its first page.
#[tokio::test]
async fn for_a_reader_that_waits_one_range_is_fetched_ahead_and_a_stop_does_not_wait() {
    let world = world(BYTES, |_| None).await;
    let mut child = world.start(&["cat", "shop"]);
    let stdout = child.stdout.take().unwrap();
    let threads = format!("/proc/{}/task", child.id().unwrap());
    until("it waits for its reader", || {
        // The number of the call a thread is in, and its first argument: standard output.
        let calls = std::fs::read_dir(&threads).unwrap().flatten();
        let mut calls =
            calls.filter_map(|thread| std::fs::read_to_string(thread.path().join("syscall")).ok());
        calls.any(|call| call.split(' ').nth(1) == Some("0x1"))
    })
    .await;
    // The manifest, the range that is printed, and the one behind it; not a third, which memory would have to hold.
    let third = until("a third range is asked for", || world.s3.count("GetObject") > 3);
    assert!(tokio::time::timeout(Duration::from_secs(3), third).await.is_err());
    signal(&child, "TERM");
    assert_eq!(finish(child).await.status, 143);
    drop(stdout);
}
