use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;

use super::backup::assert_nothing_left;
use super::support::docker::{Script, Step};
use super::support::fault::Fault;
use super::support::s3::{ACCESS_KEY, Asked, FakeS3, SECRET_KEY};
use super::support::world::{World, finish, noise, signal, until};

/// Three parts of 5 MiB, the last one smaller.
const BYTES: usize = 12_000_000;

async fn world_of(script: Script, fault: impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static) -> World {
    let s3 = FakeS3::with_faults(fault).await;
    World::with_s3(s3, move |_| script.clone())
        .custom("shop")
        .set("DUMPCAR_COMPRESSION", "none")
        .set("DUMPCAR_S3_PART_SIZE", "5MiB")
}

async fn world(fault: impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static) -> World {
    world_of(Script::ends(&noise(BYTES), 0), fault).await
}

fn assert_is_backed_up(world: &World) {
    let mut keys = world.keys();
    keys.retain(|key| !key.ends_with("/claim.txt"));
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(world.read(&keys[0]) == noise(BYTES), "the object is not the dump");
    assert_eq!(world.manifests().len(), 1);
    assert_eq!(world.s3.unfinished_uploads(), 0);
}

#[tokio::test]
async fn a_fault_that_passes_costs_nothing() {
    let passing: &[(&str, usize, Fault)] = &[
        ("ListObjects", 1, Fault::Answer(503, "SlowDown")),
        ("CreateMultipartUpload", 1, Fault::Answer(503, "SlowDown")),
        ("UploadPart", 2, Fault::Answer(503, "SlowDown")),
        ("UploadPart", 2, Fault::Answer(500, "InternalError")),
        ("UploadPart", 2, Fault::Answer(400, "RequestTimeout")),
        ("UploadPart", 2, Fault::DoneBut(500, "InternalError")),
        ("UploadPart", 2, Fault::AnswerLost),
        ("UploadPart", 1, Fault::ResetAfter(0)),
        ("UploadPart", 1, Fault::ResetAfter(1)),
        ("UploadPart", 2, Fault::ResetAfter(1_000_000)),
        ("UploadPart", 3, Fault::ResetAfter(BYTES)),
        ("UploadPart", 3, Fault::Late(Duration::from_millis(500))),
        ("CompleteMultipartUpload", 1, Fault::Answer(503, "SlowDown")),
        // As AWS does when it is late to notice.
        ("CompleteMultipartUpload", 1, Fault::Answer(200, "InternalError")),
        ("CompleteMultipartUpload", 1, Fault::Answer(200, "OperationAborted")),
        // The object is there, and a repeated request is told that there is no such upload.
        ("CompleteMultipartUpload", 1, Fault::DoneBut(500, "InternalError")),
        ("CompleteMultipartUpload", 1, Fault::DoneBut(200, "InternalError")),
        ("CompleteMultipartUpload", 1, Fault::AnswerLost),
        ("CompleteMultipartUpload", 1, Fault::CutAfter(20)),
        ("HeadObject", 1, Fault::Answer(503, "SlowDown")),
        ("HeadObject", 1, Fault::AnswerLost),
        ("PutObject", 1, Fault::Answer(503, "SlowDown")),
        // The manifest is there; a repeated request finds it.
        ("PutObject", 1, Fault::DoneBut(500, "InternalError")),
        ("PutObject", 1, Fault::AnswerLost),
        ("PutObject", 1, Fault::Answer(409, "ConditionalRequestConflict")),
    ];
    // Most of the time is waiting.
    stream::iter(passing)
        .for_each_concurrent(6, |&(operation, nth, fault)| passes(operation, nth, fault))
        .await;
}

async fn passes(operation: &'static str, nth: usize, fault: Fault) {
    let met = Arc::new(AtomicUsize::new(0));
    let meet = Arc::clone(&met);
    let world = world(move |asked| {
        let is_it = asked.operation() == operation
            && match operation {
                // A run may have other small objects; this is about the manifest.
                "PutObject" => asked.is_manifest() && meet.load(Ordering::Relaxed) == 0,
                _ => asked.nth == nth,
            };
        is_it.then(|| {
            meet.fetch_add(1, Ordering::Relaxed);
            fault
        })
    })
    .await;
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{operation} {nth} {fault:?}: {}", ended.stderr);
    assert_eq!(met.load(Ordering::Relaxed), 1, "{operation} {nth} {fault:?} was not met");
    assert_is_backed_up(&world);
    assert!(!world.s3.operations().contains(&"AbortMultipartUpload"), "{operation} {fault:?}");
}

#[tokio::test]
async fn a_small_object_survives_the_same_faults() {
    for fault in [
        Fault::Answer(503, "SlowDown"),
        Fault::DoneBut(500, "InternalError"),
        Fault::AnswerLost,
        Fault::ResetAfter(3),
    ] {
        let world = world_of(Script::ends(b"-- a dump\n", 0), move |asked| {
            (asked.operation() == "PutObject" && asked.nth == 1 && !asked.is_manifest()).then_some(fault)
        })
        .await;
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "{fault:?}: {}", ended.stderr);
        assert_eq!(world.read(&world.keys()[0]), b"-- a dump\n");
    }
}

/// What the user is told when it does not pass: the only line, and after how long.
async fn refused(fault: impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static) -> (World, String) {
    let world = world(fault).await;
    let start = Instant::now();
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    // The client's own tries alone would take longer.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}: {}", start.elapsed(), ended.stderr);
    let reason = ended.reason();
    assert!(!reason.contains('\n') && !reason.contains('<'), "{reason}");
    assert!(world.docker.execs().iter().all(|exec| !exec.running), "the tool was ended");
    assert_eq!(world.manifests().len(), 0);
    (world, reason)
}

fn from_part_2(operation: &'static str, status: u16, code: &'static str) -> impl Fn(&Asked) -> Option<Fault> {
    let begun = AtomicUsize::new(0);
    move |asked| {
        let is_part = asked.operation() == "UploadPart";
        let parts =
            if is_part { 1 + begun.fetch_add(1, Ordering::Relaxed) } else { begun.load(Ordering::Relaxed) };
        let is_meant = operation == "all" || asked.operation() == operation;
        (parts >= 2 && is_meant).then_some(Fault::Answer(status, code))
    }
}

#[tokio::test]
async fn a_refusal_in_mid_upload_is_said_at_once_and_nothing_is_left() {
    for (operation, status, code, words) in [
        ("UploadPart", 400, "ExpiredToken", "renew AWS_SESSION_TOKEN"),
        ("UploadPart", 403, "RequestTimeTooSkewed", "set the host's time (NTP)"),
        ("UploadPart", 403, "AccessDenied", "`dumpcar policy`"),
        ("UploadPart", 403, "InvalidAccessKeyId", "check AWS_ACCESS_KEY_ID"),
        ("UploadPart", 400, "QuotaExceeded", "has no more room (QuotaExceeded)"),
        ("UploadPart", 404, "NoSuchUpload", "did a lifecycle rule abort it?"),
        ("UploadPart", 301, "PermanentRedirect", "is in another region: set AWS_REGION"),
        ("CompleteMultipartUpload", 403, "AccessDenied", "`dumpcar policy`"),
        ("CompleteMultipartUpload", 400, "InvalidPart", "no longer has what was uploaded (InvalidPart)"),
        ("HeadObject", 403, "AccessDenied", "the keys may not read"),
        ("HeadObject", 404, "NoSuchKey", "does not have it"),
    ] {
        let (world, reason) = refused(from_part_2(operation, status, code)).await;
        assert!(reason.contains(words), "{operation} {code}: {reason}");
        assert_nothing_left(&world);
    }
}

#[tokio::test]
async fn a_bucket_that_is_deleted_in_mid_upload_ends_the_run() {
    let (_, reason) = refused(from_part_2("all", 404, "NoSuchBucket")).await;
    assert!(reason.contains("the bucket backups does not exist"), "{reason}");
}

#[tokio::test]
async fn an_object_of_another_size_is_no_backup_and_does_not_stay() {
    let (world, reason) =
        refused(|asked| (asked.operation() == "HeadObject").then_some(Fault::Size(11_999_999))).await;
    assert!(reason.contains("has 11999999 bytes in the store instead of 12000000"), "{reason}");
    assert_nothing_left(&world);
}

#[tokio::test]
async fn a_store_that_is_busy_for_ever_does_not_outlast_the_run() {
    for operation in ["UploadPart", "CompleteMultipartUpload", "HeadObject"] {
        for (status, code) in [(503, "SlowDown"), (200, "InternalError")] {
            if status == 200 && operation != "CompleteMultipartUpload" {
                continue;
            }
            let world =
                world(move |asked| (asked.operation() == operation).then_some(Fault::Answer(status, code)));
            let world = world.await.set("DUMPCAR_TIMEOUT", "3s");
            let ended = world.run(&["backup"]).await;
            assert_eq!(ended.status, 1, "{}", ended.stderr);
            assert!(ended.reason().contains("not done after 3s"), "{}", ended.reason());
            assert_nothing_left(&world);
        }
    }
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_store_that_is_silent() {
    for silent in [&["UploadPart"][..], &["UploadPart", "AbortMultipartUpload"], &["CompleteMultipartUpload"]]
    {
        let world = world(move |asked| silent.contains(&asked.operation()).then_some(Fault::Silence)).await;
        let child = world.start(&["backup"]);
        until("the store is asked", || world.s3.operations().contains(&silent[0])).await;
        let start = Instant::now();
        signal(&child, "TERM");
        let ended = finish(child).await;
        assert_eq!(ended.status, 143, "{}", ended.stderr);
        assert!(start.elapsed() < Duration::from_secs(10), "{silent:?}: {:?}", start.elapsed());
        assert!(world.docker.execs().iter().all(|exec| !exec.running), "the tool was ended");
        match silent.len() {
            1 => assert_nothing_left(&world),
            // What the store does not take back stays on record.
            _ => assert!(world.keys().iter().all(|key| key.starts_with(".dumpcar/")), "{:?}", world.keys()),
        }
    }
}

/// Without the right to delete, a failed run says what it had to leave.
#[tokio::test]
async fn what_cannot_be_cleaned_up_is_said() {
    let steps = vec![Step::Stdout(noise(BYTES)), Step::Trailer(1), Step::AwaitRelease];
    let world = world_of(Script::plays(steps, Some(1)), |asked| {
        ["AbortMultipartUpload", "DeleteObject"]
            .contains(&asked.operation())
            .then_some(Fault::Answer(403, "AccessDenied"))
    })
    .await;
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    let left = ended.logged("an unfinished upload is left in the bucket");
    assert_eq!(left.len(), 1, "{}", ended.stderr);
    assert!(left[0]["error"].as_str().unwrap().contains("the keys may not abort an upload"), "{left:?}");
    let tries = world.s3.count("AbortMultipartUpload");
    assert_eq!(
        tries, 2,
        "a refusal is not tried again: once by the upload, once by the last look for what is left"
    );
    let keys = world.keys();
    assert!(keys.len() == 1 && keys[0].starts_with(".dumpcar/runs/shop/"), "it stays on record: {keys:?}");
}

#[tokio::test]
async fn an_object_that_cannot_be_taken_back_is_named() {
    for (deletion, warnings) in [(Some(Fault::Answer(403, "AccessDenied")), 1), (None, 0)] {
        let world = world(move |asked| match asked.operation() {
            "HeadObject" => Some(Fault::Size(1)),
            "DeleteObject" if asked.key().ends_with("/dump.dump") => deletion,
            _ => None,
        })
        .await;
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 1, "{}", ended.stderr);
        let left = ended.logged("an object without a manifest may be left");
        assert_eq!(left.len(), warnings, "{}", ended.stderr);
        assert!(left.iter().all(|line| line["key"].as_str().unwrap().ends_with("/dump.dump")), "{left:?}");
    }
}

#[tokio::test]
async fn keys_that_may_only_write_are_enough_for_a_large_object_whose_complete_is_told_to_wait() {
    let world = world(|asked| match asked.operation() {
        "ListObjects" | "GetObject" | "DeleteObject" | "HeadObject" | "ListMultipartUploads" => {
            Some(Fault::Answer(403, "AccessDenied"))
        }
        "CompleteMultipartUpload" if asked.nth == 1 => Some(Fault::Answer(200, "OperationAborted")),
        _ => None,
    })
    .await
    .set("DUMPCAR_PRUNE", "false");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_is_backed_up(&world);
}

/// What gives out keys in an EKS pod, and the number of times it was asked.
async fn credentials_endpoint(password: &'static str) -> (String, Arc<AtomicUsize>) {
    let issued = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&issued);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/credentials", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let counter = Arc::clone(&counter);
            let give_out = service_fn(move |request: Request<Incoming>| {
                assert_eq!(request.headers()["authorization"], password);
                let number = 1 + counter.fetch_add(1, Ordering::SeqCst);
                // The client asks for new ones 5 minutes before the old ones expire: after 2 s.
                let expiration = dumpcar::clock::now() + Duration::from_secs(302);
                let json = json!({
                    "AccessKeyId": ACCESS_KEY, "SecretAccessKey": SECRET_KEY, "Token": format!("token-{number}"),
                    "Expiration": expiration.to_string(),
                });
                async move { Ok::<_, std::convert::Infallible>(Response::new(json.to_string())) }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), give_out),
            );
        }
    });
    (url, issued)
}

#[tokio::test]
async fn credentials_that_expire_in_mid_upload_are_renewed() {
    const PASSWORD: &str = "canary-pod-token";
    let (url, issued) = credentials_endpoint(PASSWORD).await;
    // The number of the oldest token that is still good.
    let oldest = AtomicUsize::new(1);
    let world = world(move |asked| {
        if asked.operation() == "UploadPart" && asked.nth == 2 {
            oldest.store(1 + issued.load(Ordering::SeqCst), Ordering::SeqCst);
        }
        let token = asked.token.as_ref().unwrap().strip_prefix("token-").unwrap();
        let is_good = token.parse::<usize>().unwrap() >= oldest.load(Ordering::SeqCst);
        (!is_good).then_some(Fault::Answer(400, "ExpiredToken"))
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), PASSWORD).unwrap();
    let world = world
        .await
        .unset("AWS_ACCESS_KEY_ID")
        .unset("AWS_SECRET_ACCESS_KEY")
        .set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url)
        .set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.path().to_str().unwrap());
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_is_backed_up(&world);
    let again = ended.logged("the store failed, trying again");
    assert!(again[0]["reason"].as_str().unwrap().contains("the credentials have expired"), "{again:?}");
    assert!(!ended.stderr.contains(PASSWORD) && !ended.stderr.contains("token-"), "{}", ended.stderr);
    assert_eq!(world.s3.count("CreateMultipartUpload"), 1, "the dump went on");
}
