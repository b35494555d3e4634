use dumpcar::jobs::verify::{self, Soundness};
use dumpcar::pipeline::Progress;
use serde_json::{Value, json};

use super::{NEW, OLD, WHOLE, found, problem, states, world};
use crate::support::stored::{Object, manifest};

#[tokio::test]
async fn damage_is_found_wherever_it_is() {
    let world = world().await;
    let object = Object::database("shop", "xz", WHOLE.as_bytes());
    let stored = object.stored.clone();
    let flipped = |at: usize| {
        let mut bytes = stored.clone();
        bytes[at] ^= 1;
        bytes
    };
    for (what, bytes) in [
        ("the first byte", flipped(0)),
        ("a byte in the middle", flipped(stored.len() / 2)),
        ("the last byte", flipped(stored.len() - 1)),
        ("cut", stored[..stored.len() - 1].to_vec()),
        ("nothing left", Vec::new()),
        ("a byte more", [&stored[..], b"\0"].concat()),
    ] {
        world.store_backup("shop", NEW, "postgresql", std::slice::from_ref(&object));
        world.write(&format!("shop/{NEW}/shop.sql.xz"), &bytes);
        let (state, name, _) = problem(&world).await;
        assert_eq!((state.as_str(), name.as_str()), ("damaged", "shop.sql.xz"), "{what}");
    }
}

/// Not by the real program: it would be started some two thousand times.
#[tokio::test]
async fn every_byte_counts() {
    let world = world().await;
    let store = world.store();
    let state = async || {
        let reports = verify::verify(&store, &[], false, &Progress::default()).await.unwrap();
        assert_eq!(reports.len(), 1);
        reports[0].state
    };
    for compression in ["none", "gzip", "zstd", "xz"] {
        let object = Object::database("shop", compression, WHOLE.repeat(3).as_bytes());
        let (name, stored) = (object.name().to_owned(), object.stored.clone());
        world.store_backup("shop", NEW, "postgresql", &[object]);
        assert_eq!(state().await, Soundness::Ok, "{compression}");
        let key = format!("shop/{NEW}/{name}");
        for at in 0..stored.len() {
            let mut flipped = stored.clone();
            flipped[at] ^= 1 << (at % 8);
            world.write(&key, &flipped);
            assert_eq!(state().await, Soundness::Damaged, "{compression}, byte {at}");
        }
        for length in (0..stored.len()).step_by(17) {
            world.write(&key, &stored[..length]);
            assert_eq!(state().await, Soundness::Damaged, "{compression}, {length} bytes");
        }
    }
}

#[tokio::test]
async fn objects_of_two_backups_that_were_swapped_are_both_damaged() {
    let world = world().await;
    // Of one size, and each a whole dump.
    let dumps = ["1", "2"].map(|row| Object::database("shop", "none", format!("{row}\n{WHOLE}").as_bytes()));
    let [old, new] = dumps;
    world.store_backup("shop", OLD, "postgresql", std::slice::from_ref(&old));
    world.store_backup("shop", NEW, "postgresql", std::slice::from_ref(&new));
    assert_eq!(found(&world, &["--all"]).await.1, 0);
    world.write(&format!("shop/{OLD}/shop.sql"), &new.stored);
    world.write(&format!("shop/{NEW}/shop.sql"), &old.stored);
    let (rows, status) = found(&world, &["--all"]).await;
    assert_eq!((states(&rows), status), (vec!["damaged", "damaged"], 1));
    assert_eq!(rows[0]["problems"][0]["reason"], "its SHA-256 is not the manifest's");
}

#[tokio::test]
async fn an_object_that_is_not_there_is_missing() {
    let world = world().await;
    let objects = ["crm", "shop"].map(|name| Object::database(name, "gzip", WHOLE.as_bytes()));
    world.store_backup("shop", NEW, "postgresql", &objects);
    std::fs::remove_file(world.s3.path(&format!("{}/shop/{NEW}/crm.sql.gz", world.prefix()))).unwrap();
    let (state, object, _) = problem(&world).await;
    assert_eq!((state.as_str(), object.as_str()), ("missing", "crm.sql.gz"));
}

#[tokio::test]
async fn what_the_manifest_says_is_held_against_every_byte() {
    let world = world().await;
    let object = || Object::database("shop", "zstd", WHOLE.as_bytes());
    for (field, value, what) in [
        ("plain_sha256", json!("0".repeat(64)), "SHA-256 after decompression"),
        ("stored_sha256", json!("0".repeat(64)), "SHA-256"),
        ("plain_bytes", json!(WHOLE.len() + 1), "size after decompression"),
        ("stored_bytes", json!(7), "size"),
    ] {
        world.store_backup("shop", NEW, "postgresql", &[object().says(field, value)]);
        let (state, _, reason) = problem(&world).await;
        assert_eq!((state, reason), ("damaged".into(), format!("its {what} is not the manifest's")));
    }
}

/// A dump that was cut before anybody took its digests.
#[tokio::test]
async fn a_dump_without_its_last_line_is_damaged_though_its_digests_fit() {
    let world = world().await;
    let cut = &WHOLE.as_bytes()[..WHOLE.find("-- PostgreSQL").unwrap()];
    world.store_backup("shop", NEW, "postgresql", &[Object::database("shop", "xz", cut)]);
    let (state, _, reason) = problem(&world).await;
    assert_eq!(state, "damaged");
    assert!(reason.contains("does not end in \"-- PostgreSQL database dump complete\": it is cut off, or dumpcar.args made it something else"), "{reason}");
    world.store_backup("shop", NEW, "custom", &[Object::dump(b"")]);
    assert!(problem(&world).await.2.ends_with("object \"dump.dump\" is empty"));
}

#[tokio::test]
async fn a_manifest_that_cannot_be_understood_says_why() {
    let world = world().await;
    let object = Object::database("shop", "none", WHOLE.as_bytes());
    let with = |field: &str, value: Value| {
        let mut manifest = manifest("shop", NEW, "postgresql", std::slice::from_ref(&object));
        manifest[field] = value;
        manifest.to_string()
    };
    for (content, reason) in [
        ("{".to_owned(), "not a manifest"),
        (json!({ "version": 2 }).to_string(), "written by a newer Dumpcar (manifest version 2"),
        (with("stamp", json!(OLD)), "belongs to another backup"),
        (with("engine", json!("Oracle")), "the name of an engine is"),
        (with("engine", json!("custom")), "the backup has objects that no backup of custom has"),
        (with("objects", json!([])), "names no object"),
        (
            with("objects", json!([object.clone().says("name", "../shop.sql").entry])),
            "does not have the name that its content gives it",
        ),
    ] {
        world.store_backup("shop", NEW, "postgresql", std::slice::from_ref(&object));
        world.write(&format!("shop/{NEW}/manifest.json"), content.as_bytes());
        let (state, file, said) = problem(&world).await;
        assert_eq!((state.as_str(), file.as_str()), ("unreadable", "manifest.json"), "{content}");
        assert!(said.contains(reason), "{said}");
    }
}

#[tokio::test]
async fn a_backup_of_an_engine_of_later_versions_is_held_against_its_digests() {
    let world = world().await;
    let object = Object::database("shop", "none", WHOLE.as_bytes());
    world.store_backup("shop", NEW, "postgresql", std::slice::from_ref(&object));
    let mut manifest = manifest("shop", NEW, "postgresql", std::slice::from_ref(&object));
    manifest["engine"] = json!("oracle");
    world.write(&format!("shop/{NEW}/manifest.json"), manifest.to_string().as_bytes());
    let ended = world.run(&["verify"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("does not know the engine oracle"), "{}", ended.stderr);
    manifest["objects"][0]["plain_sha256"] = json!("00".repeat(32));
    world.write(&format!("shop/{NEW}/manifest.json"), manifest.to_string().as_bytes());
    assert_eq!(problem(&world).await.0, "damaged");
}
