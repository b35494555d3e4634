use super::{DUMP, assert_nothing_left, world};
use crate::support::docker::Script;
use crate::support::s3::FakeS3;
use crate::support::world::{World, noise};

#[tokio::test]
async fn stock_xz_reads_what_was_stored() {
    let world = world(Script::ends(&noise(3_000_000), 0)).await;
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let key = world.keys()[0].clone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dump.xz");
    std::fs::write(&path, world.read(&key)).unwrap();
    let plain = std::process::Command::new("xz").arg("-dc").arg(&path).output().unwrap();
    assert!(plain.status.success());
    assert_eq!(plain.stdout, noise(3_000_000));
}

#[tokio::test]
async fn a_part_that_is_refused_for_good_aborts_the_upload() {
    let s3 = FakeS3::with_faults(|asked| {
        (asked.operation() == "UploadPart" && asked.query.contains("partNumber=2"))
            .then_some((403, "AccessDenied"))
    });
    let world = World::with_s3(s3.await, |_| Script::ends(&noise(30_000_000), 0)).custom("shop");
    let world = world.set("DUMPCAR_COMPRESSION", "none");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.reason().contains("`dumpcar policy`"), "{}", ended.reason());
    assert_nothing_left(&world);
    assert!(world.docker.execs().iter().all(|exec| !exec.running), "the tool was ended");
}

#[tokio::test]
async fn an_object_the_store_does_not_confirm_is_no_backup() {
    let s3 =
        FakeS3::with_faults(|asked| (asked.operation() == "HeadObject").then_some((404, "NoSuchKey"))).await;
    let world = World::with_s3(s3, |_| Script::ends(DUMP, 0)).custom("shop");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.reason().contains("does not have it"), "{}", ended.reason());
    assert_nothing_left(&world);
}

#[tokio::test]
async fn a_manifest_that_cannot_be_written_takes_its_objects_with_it() {
    let s3 = FakeS3::with_faults(|asked| {
        (asked.operation() == "PutObject" && asked.path.ends_with("manifest.json"))
            .then_some((403, "AccessDenied"))
    });
    let world = World::with_s3(s3.await, |_| Script::ends(DUMP, 0)).custom("shop");
    assert_eq!(world.run(&["backup"]).await.status, 1);
    assert_nothing_left(&world);
}

/// Until the manifest is gone for sure, the objects have to stay.
#[tokio::test]
async fn a_manifest_that_may_be_there_never_points_at_nothing() {
    let s3 = FakeS3::with_faults(|asked| {
        let is_manifest = asked.path.ends_with("manifest.json");
        (is_manifest && ["PutObject", "DeleteObject"].contains(&asked.operation()))
            .then_some((403, "AccessDenied"))
    });
    let world = World::with_s3(s3.await, |_| Script::ends(DUMP, 0)).custom("shop");
    assert_eq!(world.run(&["backup"]).await.status, 1);
    let keys = world.keys();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(keys[0].starts_with(".dumpcar/runs/shop/"), "the next run looks what became of it: {keys:?}");
    let asked = world.s3.asked();
    assert!(!asked.iter().any(|a| a.operation() == "DeleteObject" && !a.path.ends_with("manifest.json")));
}

#[tokio::test]
async fn every_codec_stores_what_its_stock_tool_reads() {
    for (setting, tool, extension) in
        [("zstd", "zstd", ".zst"), ("gzip:9", "gzip", ".gz"), ("xz:0", "xz", ".xz")]
    {
        let world = world(Script::ends(&noise(2_000_000), 0)).await.set("DUMPCAR_COMPRESSION", setting);
        assert_eq!(world.run(&["backup"]).await.status, 0);
        let key = world.keys()[0].clone();
        assert!(key.ends_with(extension), "{key}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("dump{extension}"));
        std::fs::write(&path, world.read(&key)).unwrap();
        let plain = std::process::Command::new(tool).arg("-dc").arg(&path).output().unwrap();
        assert!(plain.status.success() && plain.stdout == noise(2_000_000), "{tool}");
        let shown = world.run(&["cat", "shop"]).await;
        assert_eq!(shown.status, 0, "{}", shown.stderr);
    }
}

#[tokio::test]
async fn the_storage_class_goes_with_both_kinds_of_upload() {
    for bytes in [1000, 20_000_000] {
        let world = world(Script::ends(&noise(bytes), 0)).await;
        let world = world.set("DUMPCAR_COMPRESSION", "none").set("DUMPCAR_S3_STORAGE_CLASS", "STANDARD_IA");
        // The server knows no such class; what counts is what it was asked.
        world.run(&["backup"]).await;
        let begin = if bytes < 8 << 20 { "PutObject" } else { "CreateMultipartUpload" };
        let asked = world.s3.asked();
        let first = asked.iter().find(|asked| asked.operation() == begin && !asked.is_of_a_record()).unwrap();
        assert_eq!(first.storage_class.as_deref(), Some("STANDARD_IA"));
    }
}
