use super::*;

/// A right that the keys lack, by what is asked of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lacks {
    Operation(&'static str),
    Retention,
    Lifecycle,
}

impl Lacks {
    fn is_it(self, asked: &Asked) -> bool {
        let has = |word: &str| asked.query.contains(word);
        match self {
            Self::Retention => has("retention"),
            Self::Lifecycle => has("lifecycle"),
            Self::Operation("GetObject") if asked.operation() == "GetObject" => {
                !has("retention") && !has("lifecycle")
            }
            Self::Operation("PutObject (parts)") => {
                ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"]
                    .contains(&asked.operation())
            }
            Self::Operation(operation) => asked.operation() == operation,
        }
    }
}

async fn denying(lacks: Lacks) -> World {
    let s3 = FakeS3::with_faults(move |asked: &Asked| lacks.is_it(asked).then_some((403, "AccessDenied")));
    world_with(s3.await).await
}

#[tokio::test]
async fn each_right_that_is_missing_is_named_with_its_statement() {
    use Lacks::{Lifecycle, Operation, Retention};
    for (lacks, right, mark, words) in [
        (Operation("ListObjects"), "s3:ListBucket", "failure", "every backup fails"),
        (Operation("PutObject"), "s3:PutObject", "failure", "no backup can be made"),
        (Operation("GetObject"), "s3:GetObject", "failure", "none can be verified or restored"),
        (Operation("PutObject (parts)"), "s3:PutObject (parts)", "failure", "larger than one part"),
        (
            Operation("AbortMultipartUpload"),
            "s3:AbortMultipartUpload",
            "warning",
            "parts of one that fails stay",
        ),
        (
            Operation("ListMultipartUploads"),
            "s3:ListBucketMultipartUploads",
            "warning",
            "what a killed run has sent stays",
        ),
        (Retention, "s3:GetObjectRetention", "warning", "may not ask for locks"),
        (Lifecycle, "s3:GetLifecycleConfiguration", "warning", "may not read lifecycle rules"),
        (Operation("DeleteObject"), "s3:DeleteObject", "failure", "nothing is pruned"),
    ] {
        let world = denying(lacks).await;
        let ended = world.run(&["check", "--json"]).await;
        assert_eq!(ended.status, if mark == "failure" { 1 } else { 3 }, "{right}: {}", ended.stdout);
        let found = items(&ended);
        let told = item(&found, right);
        assert_is(&told, mark, words);
        let action = right.split(' ').next().unwrap();
        assert_is(&told, mark, &format!("\"Action\": \"{action}\", \"Resource\": [\"arn:aws:s3:::backups"));
        // No other right is said to be missing.
        let denied = found.iter().filter(|item| item["text"].as_str().unwrap().contains("the keys may not"));
        assert_eq!(denied.count(), 1, "{right}: {found:#?}");
        if lacks == Operation("DeleteObject") {
            let stays = item(&found, "left behind");
            assert_is(&stays, "warning", "this check could not take back what it wrote");
            assert_is(&stays, "warning", "/object.txt");
            assert_is(&stays, "warning", "/in-parts.txt");
            assert_eq!(world.s3.unfinished_uploads(), 0);
        } else {
            assert_nothing_left(&world);
        }
    }
}

#[tokio::test]
async fn keys_that_only_write_are_enough_where_nothing_is_pruned() {
    let s3 = FakeS3::with_faults(|asked: &Asked| {
        let may = [
            "PutObject",
            "CreateMultipartUpload",
            "UploadPart",
            "CompleteMultipartUpload",
            "AbortMultipartUpload",
        ];
        (!may.contains(&asked.operation())).then_some((403, "AccessDenied"))
    });
    let world = world_with(s3.await).await.set("DUMPCAR_PRUNE", "false");
    let ended = world.run(&["check", "--json"]).await;
    assert_eq!(ended.status, 3, "{}", ended.stdout);
    let found = items(&ended);
    assert_is(&item(&found, "s3:ListBucket"), "warning", "backups are made, but nothing is caught up on");
    assert_is(&item(&found, "s3:GetObject"), "warning", "backups are made, but not compared");
    assert_is(&item(&found, "s3:DeleteObject"), "ok", "as DUMPCAR_PRUNE=false is meant for");
    assert_is(&item(&found, "left behind"), "ok", ".dumpcar/check/");
    assert_is(&item(&found, "retention"), "ok", "Dumpcar deletes nothing");
    assert_is(&item(&found, "growth"), "ok", "each one stays until the bucket's lifecycle rules delete it");
    // What these keys are not for is not asked for.
    for subject in ["s3:ListBucketMultipartUploads", "s3:GetObjectRetention", "old versions"] {
        assert!(found.iter().all(|item| item["subject"] != subject), "{subject}");
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_used_is_told_once() {
    for (status, code, words) in [
        (404, "NoSuchBucket", "the bucket backups does not exist"),
        (403, "InvalidAccessKeyId", "does not know this access key"),
        (403, "RequestTimeTooSkewed", "this machine's clock is wrong"),
    ] {
        let world = world_with(FakeS3::with_faults(move |_: &Asked| Some((status, code))).await).await;
        let ended = world.run(&["check", "--json"]).await;
        assert_eq!(ended.status, 1);
        let found = items(&ended);
        assert_is(&item(&found, "bucket"), "failure", words);
        assert!(found.iter().all(|item| !item["subject"].as_str().unwrap().starts_with("s3:")), "{found:#?}");
        assert_is(&item(&found, "login"), "ok", "");
    }
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_told_by_the_stores_answer() {
    const LONG_AGO: &[(&str, &str)] = &[("date", "Wed, 01 Jan 2020 00:00:00 GMT")];
    let world = world_with(FakeS3::with_faults(|_: &Asked| Some(StoreFault::Headers(LONG_AGO))).await).await;
    let ended = world.run(&["check", "--json"]).await;
    assert_eq!(ended.status, 1, "{}", ended.stdout);
    let clock = item(&items(&ended), "clock");
    assert_is(&clock, "failure", "ahead of the store; from 15 minutes on the store refuses everything");
    assert_is(&clock, "failure", "set the host's time (NTP)");
    assert_nothing_left(&world);
}

#[tokio::test]
async fn old_versions_that_pile_up_are_told() {
    const MARKER: &[(&str, &str)] = &[("x-amz-delete-marker", "true"), ("x-amz-version-id", "v1")];
    for (rules, mark, words) in [
        (
            "<LifecycleConfiguration/>",
            "warning",
            "what is deleted or pruned stays as an old version and is billed: no lifecycle rule is known that removes it",
        ),
        (
            "<LifecycleConfiguration><Rule><NoncurrentVersionExpiration><NoncurrentDays>7</NoncurrentDays></NoncurrentVersionExpiration></Rule></LifecycleConfiguration>",
            "ok",
            "until the bucket's lifecycle rule removes it",
        ),
    ] {
        let s3 = FakeS3::with_faults(move |asked: &Asked| match asked.operation() {
            "DeleteObject" => Some(StoreFault::Headers(MARKER)),
            _ if asked.query.contains("lifecycle") => Some(StoreFault::Xml(rules)),
            _ => None,
        });
        let found = items(&world_with(s3.await).await.run(&["check", "--json"]).await);
        assert_is(&item(&found, "old versions"), mark, words);
    }
}

#[tokio::test]
async fn a_lock_of_the_bucket_is_told_beside_the_rules() {
    const LOCK: &str = "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2126-01-01T00:00:00Z</RetainUntilDate></Retention>";
    let s3 = FakeS3::with_faults(|asked: &Asked| {
        asked.query.contains("retention").then_some(StoreFault::Xml(LOCK))
    });
    let found = items(&world_with(s3.await).await.run(&["check", "--json"]).await);
    let lock = item(&found, "object lock");
    assert_is(&lock, "ok", "the bucket locks each object for ");
    assert_is(&lock, "ok", " days (governance): what the rules delete earlier stays");
    // More nights than anybody plans for.
    assert_is(
        &item(&found, "growth"),
        "ok",
        "the rules keep 7 of its kind, and the bucket's lock 393 more, about 400.0 MiB after ",
    );
}

#[tokio::test]
async fn what_the_store_knows_of_conditions_is_told() {
    for (fault, words) in [
        (StoreFault::Answer(501, "NotImplemented"), "looks before it writes"),
        (StoreFault::Over, "relies on names that no two runs share"),
    ] {
        let s3 = FakeS3::with_faults(move |asked: &Asked| asked.is_conditional.then_some(fault));
        let world = world_with(s3.await).await;
        let found = items(&world.run(&["check", "--json"]).await);
        assert_is(&item(&found, "conditional writes"), "ok", words);
        assert_nothing_left(&world);
    }
}

#[tokio::test]
async fn what_a_killed_check_has_left_is_removed() {
    let world = world_with(FakeS3::start().await).await;
    let hour = std::time::Duration::from_secs(3700);
    let (old, young) =
        (".dumpcar/check/0123456789abcdef/object.txt", ".dumpcar/check/fedcba9876543210/object.txt");
    world.write(old, b"x");
    world.write(young, b"x");
    #[expect(clippy::disallowed_methods, reason = "files have the machine's time")]
    let now = std::time::SystemTime::now();
    world.set_written(old, now - hour);
    assert_eq!(world.run(&["check"]).await.status, 0);
    // The young one may be of a check that is at work.
    assert_eq!(world.keys(), [young]);
}

#[tokio::test]
async fn a_host_whose_backups_would_not_count_is_told() {
    const SIGNER: &str = include_str!("../../../src/signing/fixtures/ed25519.pub");
    let world = world_with(FakeS3::start().await).await.set("DUMPCAR_TRUSTED_SIGNERS", SIGNER.trim());
    let ended = world.run(&["check", "--json"]).await;
    assert_eq!(ended.status, 1, "{} {}", ended.stdout, ended.stderr);
    assert_is(&item(&items(&ended), "signatures"), "failure", "set DUMPCAR_SIGNING_KEY, or only read");
}

#[tokio::test]
async fn a_store_that_cannot_list_uploads_is_told_to_remove_them_itself() {
    let s3 = FakeS3::with_faults(|asked: &Asked| {
        (asked.operation() == "ListMultipartUploads").then_some((405, "MethodNotAllowed"))
    });
    let world = world_with(s3.await).await;
    let ended = world.run(&["check", "--json"]).await;
    assert_eq!(ended.status, 3, "{}", ended.stdout);
    let uploads = item(&items(&ended), "s3:ListBucketMultipartUploads");
    assert_is(&uploads, "warning", "cannot list unfinished uploads");
    assert_is(
        &uploads,
        "warning",
        "let the bucket's lifecycle rules remove it: `dumpcar policy --lifecycle`",
    );
    assert_nothing_left(&world);
}
