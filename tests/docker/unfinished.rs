use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStore;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::multipart::MultipartStore;
use object_store::path::Path;

use super::support::bucket::{ACCESS_KEY, REGION, SECRET_KEY};
use super::support::docker::until;
use super::support::world::World;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Every character that a prefix may have, and one that has to be encoded in names.
const PREFIX: &str = "a-b_c.d=e+f@g,h:i!j(k)";
const FOLDER: &str = "shop/2026-11-23T23-00-00Z/";

fn world() -> World {
    let world = World::new();
    let store = format!("s3://{}/{PREFIX}", world.bucket.name);
    world.set("DUMPCAR_STORE", &store)
}

fn client(world: &World) -> AmazonS3 {
    AmazonS3Builder::new()
        .with_endpoint(world.bucket.server.endpoint())
        .with_region(REGION)
        .with_bucket_name(&world.bucket.name)
        .with_access_key_id(ACCESS_KEY)
        .with_secret_access_key(SECRET_KEY)
        .with_allow_http(true)
        .build()
        .unwrap()
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_real_server_lists_unfinished_uploads_and_aborts_them() {
    let world = world();
    let store = world.store();
    runtime().block_on(async {
        let names = ["%2E.a.b%2F%C3%A4.sql.xz", "globals.sql.xz"];
        let client = client(&world);
        for name in names {
            let key = Path::parse(format!("{PREFIX}/{FOLDER}{name}")).unwrap();
            let id = client.create_multipart(&key).await.unwrap();
            client.put_part(&key, &id, 0, vec![7; 5 << 20].into()).await.unwrap();
        }
        let other = Path::parse(format!("{PREFIX}/shop/2026-11-24T23-00-00Z/a.sql")).unwrap();
        client.create_multipart(&other).await.unwrap();
        let mut found = store.unfinished_uploads(FOLDER).await.unwrap();
        found.sort_by(|a, b| a.key.cmp(&b.key));
        let keys: Vec<_> = found.iter().map(|upload| upload.key.strip_prefix(FOLDER).unwrap()).collect();
        assert_eq!(keys, names);
        assert!(found.iter().all(|upload| upload.initiated.is_some()));
        for upload in &found {
            store.abort_unfinished(upload).await.unwrap();
            store.abort_unfinished(upload).await.expect("what is gone is aborted");
        }
        assert_eq!(store.unfinished_uploads(FOLDER).await.unwrap(), []);
        assert_eq!(store.unfinished_uploads("").await.unwrap().len(), 1);
        assert!(client.list(None).try_next().await.unwrap().is_none());
    });
    until("only the other backup's goes on", || world.bucket.unfinished_uploads() == 1);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_real_server_lists_more_unfinished_uploads_than_fit_on_a_page() {
    let world = world();
    let store = world.store();
    runtime().block_on(async {
        let client = client(&world);
        // A page holds 1,000; many of one key, so that a page ends between two of the same.
        let keys = (0..1_005).map(|number| format!("{PREFIX}/{FOLDER}{}.sql", number / 400));
        let created = stream::iter(keys).map(|key| {
            let client = client.clone();
            async move { client.create_multipart(&Path::parse(key).unwrap()).await }
        });
        let ids: Vec<String> = created.buffer_unordered(16).try_collect().await.unwrap();
        let found = store.unfinished_uploads("shop/").await.unwrap();
        let sorted = |mut ids: Vec<String>| {
            ids.sort();
            ids
        };
        assert_eq!(sorted(found.iter().map(|upload| upload.id.clone()).collect()), sorted(ids));
        let aborted = stream::iter(&found).map(|upload| store.abort_unfinished(upload));
        aborted.buffer_unordered(16).try_collect::<Vec<()>>().await.unwrap();
        assert_eq!(store.unfinished_uploads("").await.unwrap(), []);
    });
    // Its own count lags behind.
    until("the server has forgotten them", || world.bucket.unfinished_uploads() == 0);
}
