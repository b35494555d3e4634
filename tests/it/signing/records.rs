use dumpcar::model::key::BackupKey;
use dumpcar::signing::{Namespace, Signer, TrustedSigners, open, seal};
use serde_json::{Value, json};

use super::{DUMP, NEW, OLD, OTHER, OWN, public_key, rows, signing, stored, world};
use crate::support::docker::{Script, Step};
use crate::support::world::{World, finish, until};

const RUN: &str = "00000000deadbeef";

/// A process that has ended: nobody holds the socket of this name.
fn dead() -> Value {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let network = std::fs::read_link("/proc/self/ns/net").unwrap();
    json!({ "instance": "h", "process": "00".repeat(16), "boot": boot.trim(), "network": network })
}

#[tokio::test]
async fn only_a_signed_record_is_obeyed() {
    let key = format!(".dumpcar/runs/shop/{RUN}.json");
    let record = json!({
        "version": 1, "run": RUN, "target": "shop", "stamp": OLD, "started": "2026-01-01T23:00:00Z", "holder": dead(),
    });
    let record = record.to_string().into_bytes();
    let sealed = |kind, seed| seal(kind, &record, &Signer::from_seed(&seed));
    for (what, content, is_obeyed) in [
        ("its own", sealed(Namespace::Record, OWN), true),
        ("unsigned", record.clone(), false),
        ("another key's", sealed(Namespace::Record, OTHER), false),
        ("another kind", sealed(Namespace::Drill, OWN), false),
    ] {
        let world = world().await;
        let object = format!("shop/{OLD}/dump.dump.xz");
        world.write(&object, b"half");
        world.write(&key, &content);
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "{what}: {}", ended.stderr);
        let keys = world.keys();
        assert_eq!(!keys.contains(&object), is_obeyed, "{what}: {keys:?}");
        assert_eq!(!keys.contains(&key), is_obeyed, "{what}: {keys:?}");
        let warned: Vec<&str> = ended.stderr.lines().filter(|line| line.contains(&key)).collect();
        assert_eq!(warned.len(), usize::from(!is_obeyed), "{what}: {warned:?}");
        assert!(warned.iter().all(|line| line.contains("sign")), "{what}: {warned:?}");
    }
}

#[tokio::test]
async fn the_record_of_a_run_is_signed() {
    let steps = vec![Step::Stdout(DUMP.to_vec()), Step::AwaitTest, Step::Trailer(0), Step::AwaitRelease];
    let world = signing(World::new(move |_| Script::plays(steps.clone(), Some(0))).await.custom("shop"));
    let run = world.start(&["backup"]);
    until("the run dumps", || !world.docker.execs().is_empty()).await;
    let keys = world.keys();
    let record = world.read(keys.iter().find(|key| key.starts_with(".dumpcar/runs/")).unwrap());
    let trusted: TrustedSigners = public_key(OWN).parse().unwrap();
    let opened: Value = serde_json::from_slice(&open(Namespace::Record, &record, &trusted).unwrap()).unwrap();
    assert_eq!(opened["target"], "shop");
    // Another host reads it, and sees that its process lives.
    let records = world.store().records(None, None).await.unwrap();
    assert_eq!(records.read.len(), 1);
    world.docker.let_go();
    assert_eq!(finish(run).await.status, 0);
}

#[tokio::test]
async fn a_drills_result_counts_for_its_backup_only_and_only_when_it_is_signed() {
    let world = world().await;
    stored(&world, OLD);
    let result = |stamp: Option<&str>| {
        let mut result = json!({
            "version": 1, "at": "2026-01-01T23:30:00Z", "instance": "h", "image_id": format!("sha256:{}", "00".repeat(32)),
            "seconds": 2.0, "databases": 1, "tables": 0, "rows": 0,
        });
        if let Some(stamp) = stamp {
            result["target"] = "shop".into();
            result["stamp"] = stamp.into();
        }
        result.to_string().into_bytes()
    };
    let sealed = |stamp, seed| seal(Namespace::Drill, &result(stamp), &Signer::from_seed(&seed));
    let is_shown = async |world: &World| {
        let ended = world.run(&["list", "shop", "--json"]).await;
        rows(&ended)[0].get("drill").is_some()
    };
    let cases = [
        ("its own", sealed(Some(OLD), OWN), [true, true]),
        ("another backup's", sealed(Some(NEW), OWN), [false, false]),
        ("one that does not say", sealed(None, OWN), [false, false]),
        ("unsigned", result(Some(OLD)), [false, true]),
        ("another key's", sealed(Some(OLD), OTHER), [false, true]),
        ("a record", seal(Namespace::Record, &result(Some(OLD)), &Signer::from_seed(&OWN)), [false, true]),
        ("unsigned, of another backup", result(Some(NEW)), [false, false]),
    ];
    let write = |world: &World, content: &[u8]| world.write(&format!("shop/{OLD}/drill.json"), content);
    for (what, content, [counts, _]) in &cases {
        write(&world, content);
        assert_eq!(is_shown(&world).await, *counts, "{what}");
    }
    let world = world.unset("DUMPCAR_TRUSTED_SIGNERS").unset("DUMPCAR_SIGNING_KEY");
    for (what, content, [_, counts]) in &cases {
        write(&world, content);
        assert_eq!(is_shown(&world).await, *counts, "without trusted signers: {what}");
    }
}

/// The drill itself needs a server; this is what it writes.
#[tokio::test]
async fn what_a_drill_writes_is_signed_and_read_back() {
    use dumpcar::model::drill::DrillResult;
    let world = world().await;
    stored(&world, OLD);
    let (store, key) = (world.store(), BackupKey::parse(&format!("shop/{OLD}/x")).unwrap().0);
    let image = format!("sha256:{}", "00".repeat(32));
    let result =
        DrillResult::new(&key, "2026-01-01T23:30:00Z".parse().unwrap(), "h", &image.parse().unwrap());
    store.put_drill(&key, &result).await.unwrap();
    assert!(
        String::from_utf8(world.read(&format!("shop/{OLD}/drill.json"))).unwrap().contains("\"signature\"")
    );
    assert_eq!(store.drill(&key).await.unwrap(), Some(result));
}
