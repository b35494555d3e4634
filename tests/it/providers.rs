use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::backup::assert_nothing_left;
use super::support::docker::{ExecRequest, Script, Step};
use super::support::fault::Fault;
use super::support::hostile::feed;
use super::support::provider::{PROVIDERS, Provider};
use super::support::s3::FakeS3;
use super::support::world::{World, noise, until};

/// Three parts of 5 MiB, the last one smaller.
const BYTES: usize = 12_000_000;

fn provider(name: &str) -> &'static Provider {
    PROVIDERS.iter().find(|provider| provider.name == name).unwrap()
}

fn world_on(s3: FakeS3, script: Script) -> World {
    World::with_s3(s3, move |_| script.clone())
        .custom("shop")
        .set("DUMPCAR_COMPRESSION", "none")
        .set("DUMPCAR_S3_PART_SIZE", "5MiB")
}

/// The life of a backup: made, made again, pruned, listed, verified, read back, restored, deleted; one that fails; and one whose
/// Dumpcar was killed.
async fn lives_on(provider: &'static Provider) {
    let name = provider.name;
    let dump = noise(BYTES);
    let play = move |exec: &ExecRequest| feed(exec).unwrap_or_else(|| Script::ends(&dump, 0));
    let world = World::with_s3(provider.start().await, play)
        .set("DUMPCAR_COMPRESSION", "none")
        .set("DUMPCAR_S3_PART_SIZE", "5MiB")
        .set("DUMPCAR_KEEP_LAST", "1")
        .set("DUMPCAR_KEEP_DAILY", "0");
    let labels = json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it", "dumpcar.restore-command": "load-it" });
    world.docker.container("shop", labels, &[]);
    for round in 1..=3 {
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "{name}, {round}: {}", ended.stderr);
    }
    assert_eq!(world.manifests().len(), 1, "{name}: {:?}", world.keys());
    assert_eq!(world.s3.unfinished_uploads(), 0, "{name}");
    let commands = [
        &["list"][..],
        &["show", "shop"],
        &["verify"],
        &["prune", "--dry-run"],
        &["restore", "shop", "--yes"],
    ];
    for args in commands {
        let ended = world.run(args).await;
        assert_eq!(ended.status, 0, "{name}, {args:?}: {} {}", ended.stdout, ended.stderr);
    }
    let key = world.keys().into_iter().find(|key| key.ends_with(".dump")).unwrap();
    assert!(world.read(&key) == noise(BYTES), "{name}");
    let deleted = world.run(&["delete", "shop", "--all", "--yes"]).await;
    assert_eq!(deleted.status, 0, "{name}: {}", deleted.stderr);
    assert_eq!(world.keys(), [""; 0], "{name}");

    // A dump that breaks off in its third part.
    let world = world_on(provider.start().await, Script::ends(&noise(BYTES), 1));
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1, "{name}: {}", ended.stderr);
    assert_nothing_left(&world);

    // In the first try, the tool waits behind its second part, and Dumpcar is killed.
    let is_first = AtomicBool::new(true);
    let world = World::with_s3(provider.start().await, move |exec| match exec.looks_for_leftovers() {
        false if is_first.swap(false, Ordering::SeqCst) => {
            Script::plays(vec![Step::Stdout(noise(BYTES)), Step::AwaitClose], None)
        }
        _ => Script::ends(b"-- a dump\n", 0),
    })
    .custom("shop")
    .set("DUMPCAR_COMPRESSION", "none")
    .set("DUMPCAR_S3_PART_SIZE", "5MiB");
    let mut child = world.start(&["backup"]);
    until("two parts are there", || world.s3.count("UploadPart") >= 2).await;
    child.kill().await.unwrap();
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{name}: {}", ended.stderr);
    assert_eq!(world.keys().len(), 2, "{name}: {:?}", world.keys());
    let is_clean = world.s3.unfinished_uploads() == 0;
    assert_eq!(is_clean, provider.lists_unfinished_uploads(), "{name}: {}", ended.stderr);
}

#[tokio::test]
async fn a_backup_lives_on_every_provider() {
    for provider in PROVIDERS {
        lives_on(provider).await;
    }
}

/// What a provider is known to refuse is asked for once in the life of a process, and never tried again and again.
#[tokio::test]
async fn what_a_store_cannot_do_is_learned_once() {
    let world =
        world_on(provider("Backblaze B2").start().await, Script::ends(b"-- a dump\n", 0)).custom("crm");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(world.manifests().len(), 2);
    let asked = world.s3.asked();
    assert_eq!(asked.iter().filter(|asked| asked.is_conditional).count(), 1, "{asked:?}");
    let told = "this store cannot refuse to write over something: from now on it is looked at before";
    assert_eq!(ended.logged(told).len(), 1, "{}", ended.stderr);

    let locked = provider("AWS, a bucket with Object Lock");
    let world = world_on(locked.start().await, Script::ends(&noise(BYTES), 0)).custom("crm");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let asked = world.s3.asked();
    let writes = asked.iter().filter(|asked| matches!(asked.operation(), "PutObject" | "UploadPart"));
    assert_eq!(writes.filter(|asked| !asked.has_checksum).count(), 1, "{asked:?}");
}

/// Nothing is written over where the store cannot see to it by itself.
#[tokio::test]
async fn nothing_is_written_over_on_a_store_without_conditions() {
    for name in ["AWS", "Backblaze B2", "a server that knows least"] {
        let world =
            World::with_s3(provider(name).start().await, |_| Script::ends(b"-- a dump\n", 0)).custom("shop");
        let store = world.store();
        assert_eq!(world.run(&["backup"]).await.status, 0);
        let manifest = world.keys().into_iter().find(|key| key.ends_with("/manifest.json")).unwrap();
        let mut other = dumpcar::model::manifest::Manifest::from_json(&world.read(&manifest)).unwrap();
        let key = dumpcar::model::key::BackupKey::parse(&manifest).unwrap().0;
        // The same once more is no other one.
        store.put_manifest(&key, &other).await.unwrap();
        other.finished = dumpcar::clock::now();
        let error = store.put_manifest(&key, &other).await.unwrap_err();
        assert!(error.to_string().contains("is already there"), "{name}: {error}");
    }
}

/// Parts of one size: an upload that outgrew them goes through at the second try, with larger ones.
#[tokio::test]
async fn an_upload_that_outgrew_its_parts_on_r2_is_made_again_with_larger_ones() {
    // Of 100 parts 50 have one size.
    let bytes = 51 * 5 * 1024 * 1024 + 6 * 1024 * 1024;
    let dump = noise(bytes);
    let world = world_on(provider("Cloudflare R2").start().await, Script::ends(&dump, 0))
        .set("DUMPCAR_S3_MAX_PARTS", "100")
        .set("DUMPCAR_RETRIES", "1");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(world.s3.count("CompleteMultipartUpload"), 2);
    let key = world.keys().into_iter().find(|key| key.ends_with(".dump")).unwrap();
    assert!(world.read(&key) == dump);
    assert_eq!(world.s3.unfinished_uploads(), 0);
}

#[tokio::test]
async fn a_bucket_in_the_path_is_refused_with_its_cure() {
    let world = world_on(provider("Alibaba OSS").start_strict().await, Script::ends(b"-- a dump\n", 0));
    let ended = world.run(&["list"]).await;
    assert_ne!(ended.status, 0);
    assert!(
        ended.stderr.contains("wants the bucket in the host's name (SecondLevelDomainForbidden): set DUMPCAR_S3_PATH_STYLE=false"),
        "{}",
        ended.stderr
    );
}

/// Each code that a provider is known to send has a cause and a cure of its own; what is unknown is quoted, and no key with it.
#[tokio::test]
async fn each_refusal_is_told_by_its_own_cause() {
    const KEY: &str = "GK31c2f218a2e44f485b94239e";
    let rows: &[(u16, &str, &str, &str)] = &[
        (403, "InvalidObjectState", "", "archived in a storage class"),
        (403, "RequestTimeTooSkewed", "", "this machine's clock is wrong"),
        (403, "AccountProblem", "", "something is wrong with the account"),
        (403, "UserSuspended", "", "something is wrong with the account"),
        (403, "AllAccessDisabled", "", "has closed the bucket backups to everybody"),
        (403, "QuotaExceeded", "", "has no more room (QuotaExceeded)"),
        (507, "XMinioStorageFull", "", "has no more room (XMinioStorageFull)"),
        (403, "AccessDenied", "Transaction cap exceeded.", "a limit of the account is reached"),
        (403, "AccessDenied", "Access Denied", "the keys may not"),
        (403, "SignatureDoesNotMatch", "", "refused the secret key: check AWS_SECRET_ACCESS_KEY"),
        (403, "InvalidAccessKeyId", "", "does not know this access key"),
        (
            403,
            "Forbidden",
            "Forbidden: No such key: GK31c2f218a2e44f485b94239e",
            "does not know this access key",
        ),
        (404, "NoSuchBucket", "", "the bucket backups does not exist"),
        (400, "InvalidBucketName", "", "allows no bucket with the name backups"),
        (400, "AuthorizationHeaderMalformed", "", "is in another region: set AWS_REGION"),
        (400, "InvalidRegionName", "", "is in another region: set AWS_REGION"),
        (400, "TokenRefreshRequired", "", "refused the session token (TokenRefreshRequired)"),
        (
            400,
            "EvilCode",
            "the key GK31c2f218a2e44f485b94239e is odd",
            "could not list: EvilCode: the key … is odd",
        ),
        (
            400,
            "InvalidArgument",
            "Unsupported header 'x-amz-checksum-sha256' received",
            "does not know checksums: remove DUMPCAR_S3_CHECKSUM",
        ),
        (400, "EntityTooLarge", "", "takes no object as large as this"),
        (400, "EntityTooSmall", "", "wants larger parts"),
        (418, "", "", "could not list: it answered 418"),
        (501, "NotImplemented", "", "cannot list (NotImplemented)"),
    ];
    for &(status, code, words, told) in rows {
        let s3 = FakeS3::with_faults(move |_| Some(Fault::Says(status, code, words))).await;
        let world = world_on(s3, Script::ends(b"-- a dump\n", 0));
        let ended = world.run(&["list"]).await;
        assert!(ended.status != 0 && ended.stderr.contains(told), "{status} {code}: {}", ended.stderr);
        assert!(!ended.stderr.contains(KEY), "{}", ended.stderr);
        assert_eq!(world.s3.count("ListObjects"), 1, "{status} {code} is tried once");
    }
}

/// A metadata service that takes the connection and never answers, as one behind too few hops does.
#[tokio::test]
async fn a_metadata_service_that_never_answers_is_named_within_seconds() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let hold = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            held.push(stream);
        }
    });
    let world = world_on(FakeS3::start().await, Script::ends(b"-- a dump\n", 0))
        .unset("AWS_ACCESS_KEY_ID")
        .unset("AWS_SECRET_ACCESS_KEY")
        .unset("AWS_ENDPOINT_URL")
        .set("AWS_METADATA_ENDPOINT", &format!("http://{address}"));
    let start = std::time::Instant::now();
    let ended = world.run(&["list"]).await;
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(ended.status != 0, "{}", ended.stdout);
    assert!(
        ended.stderr.contains("the metadata service 127.0.0.1 does not answer: no answer within 5 s"),
        "{}",
        ended.stderr
    );
    hold.abort();
}

/// docs/providers.md is what ran here.
#[test]
fn the_page_of_providers_is_true() {
    let mut table =
        String::from("| Provider | What it does | What Dumpcar does then | Source |\n|---|---|---|---|\n");
    for Provider { name, peculiarities } in
        PROVIDERS.iter().filter(|provider| !provider.name.starts_with("a server"))
    {
        if peculiarities.is_empty() {
            table += &format!("| {name} | as AWS | | |\n");
        }
        for one in *peculiarities {
            table += &format!("| {name} | {} | {} | {} |\n", one.what, one.then, one.source);
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/providers.md");
    let page = std::fs::read_to_string(path).unwrap();
    assert!(page.contains(&table), "docs/providers.md does not have this table:\n{table}");
}
