use std::sync::Mutex;

use dumpcar::store::StoreErrorKind;
use object_store::multipart::MultipartStore;
use object_store::path::Path;

use super::support::docker::Script;
use super::support::s3::FakeS3;
use super::support::world::World;

const FOLDER: &str = "shop/2026-11-23T23-00-00Z/";

async fn world(s3: FakeS3) -> World {
    World::with_s3(s3, |_| Script::ends(b"", 0))
}

/// Begins an upload, sends a part, and leaves it.
async fn begin(world: &World, key: &str) {
    let key = Path::parse(format!("{}/{key}", world.prefix())).unwrap();
    let client = world.s3.client();
    let id = client.create_multipart(&key).await.unwrap();
    client.put_part(&key, &id, 0, vec![0; 1000].into()).await.unwrap();
}

#[tokio::test]
async fn unfinished_uploads_are_found_without_their_ids_and_aborted() {
    let world = world(FakeS3::start().await).await;
    let store = world.store();
    // More than the server puts on a page, one of them twice; and one of another backup.
    let mut keys: Vec<_> = ["%C3%A4.sql.xz", "a b+c&d.sql", "a.sql", "b.sql", "c.sql", "d.sql", "d.sql"]
        .map(|name| format!("{FOLDER}{name}"))
        .into();
    for key in &keys {
        begin(&world, key).await;
    }
    begin(&world, "shop/2026-11-24T23-00-00Z/a.sql").await;
    let mut found = store.unfinished_uploads(FOLDER).await.unwrap();
    found.sort_by(|a, b| a.key.cmp(&b.key));
    keys.sort();
    assert_eq!(found.iter().map(|upload| &upload.key).collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());
    assert!(found.iter().all(|upload| upload.initiated.is_some()));
    assert_eq!(store.unfinished_uploads("").await.unwrap().len(), 8);
    for upload in &found {
        store.abort_unfinished(upload).await.unwrap();
    }
    assert_eq!(store.unfinished_uploads(FOLDER).await.unwrap(), []);
    assert_eq!(store.unfinished_uploads("").await.unwrap().len(), 1, "the other backup's goes on");
    store.abort_unfinished(&found[0]).await.expect("what is gone is aborted");
}

#[tokio::test]
async fn a_store_that_cannot_tell_is_not_one_without_unfinished_uploads() {
    for (status, code, kind) in [
        (501, "NotImplemented", StoreErrorKind::Unsupported),
        (405, "MethodNotAllowed", StoreErrorKind::Unsupported),
        (405, "", StoreErrorKind::Unsupported),
        (403, "AccessDenied", StoreErrorKind::Denied),
        (404, "NoSuchBucket", StoreErrorKind::Refused),
        (403, "SignatureDoesNotMatch", StoreErrorKind::Refused),
    ] {
        let s3 = FakeS3::with_faults(move |asked| {
            (asked.operation() == "ListMultipartUploads").then_some((status, code))
        });
        let world = world(s3.await).await;
        let error = world.store().unfinished_uploads(FOLDER).await.unwrap_err();
        assert_eq!(error.kind, kind, "{status} {code}: {error}");
        assert_eq!(world.s3.operations().len(), 1, "asked once: {status} {code}");
        assert!(!error.to_string().contains('\n') && !error.to_string().contains('<'), "{error}");
    }
}

#[tokio::test]
async fn a_list_of_uploads_is_asked_for_again_when_the_server_is_busy() {
    // The last one comes with the status of a good answer, as AWS does when it is late to notice.
    let answers = Mutex::new(vec![(200, "InternalError"), (503, "SlowDown")]);
    let s3 = FakeS3::with_faults(move |asked| match asked.operation() {
        "ListMultipartUploads" => answers.lock().unwrap().pop(),
        _ => None,
    });
    let world = world(s3.await).await;
    let store = world.store();
    begin(&world, "shop/2026-11-23T23-00-00Z/a.sql").await;
    assert_eq!(store.unfinished_uploads("").await.unwrap().len(), 1);
}
