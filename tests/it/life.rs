use std::time::Duration;

use serde_json::{Value, json};

use super::operator::earlier;
use super::support::docker::Script;
use super::support::s3::FakeS3;
use super::support::stored::{Object, manifest};
use super::support::world::World;

const DUMP: &[u8] = b"-- a dump\n";

/// A bucket with backups of `shop`, which no container serves.
async fn bucket(stamps: &[&str]) -> World {
    let world = World::new(|_| Script::ends(DUMP, 0)).await;
    stamps.iter().for_each(|stamp| earlier(&world, stamp));
    world
}

fn stamps(world: &World, target: &str) -> Vec<String> {
    let keys = world.keys();
    let manifests = keys.iter().filter_map(|key| {
        key.strip_prefix(&format!("{target}/"))?.strip_suffix("/manifest.json").map(str::to_owned)
    });
    manifests.collect()
}

const ONE: &str = "2026-01-01T23-00-00Z";
const TWO: &str = "2026-01-02T23-00-00Z";
const THREE: &str = "2026-01-03T23-00-00Z";

#[tokio::test]
async fn what_is_named_goes_without_a_container_and_nothing_else() {
    let world = bucket(&[ONE, TWO, THREE]).await;
    world.write(&format!("shop/{ONE}/note.txt"), b"somebody's");
    world.write(&format!("shop-2/{ONE}/manifest.json"), b"{}");
    let ended = world.run(&["delete", "shop", "--at", ONE, "--at", TWO, "--yes"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("delete 2 backups of shop ("), "{}", ended.stdout);
    assert!(ended.stdout.contains(&format!("the last good backup stays ({THREE}")), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("deleted 2 backups of shop\n"), "{}", ended.stdout);
    let wanted = [
        format!("shop-2/{ONE}/manifest.json"),
        format!("shop/{ONE}/note.txt"),
        format!("shop/{THREE}/dump.dump"),
        format!("shop/{THREE}/manifest.json"),
    ];
    assert_eq!(world.keys(), wanted);
    assert!(
        ended.stdout.lines().all(|line| line.len() <= 80 || line.starts_with("delete ")),
        "{}",
        ended.stdout
    );
}

#[tokio::test]
async fn nothing_is_deleted_unless_somebody_says_so() {
    let world = bucket(&[ONE, TWO]).await;
    let before = world.keys();
    for (args, status, says) in [
        (&["delete", "shop", "--all"][..], 2, "pass --yes"),
        (&["delete", "shop"], 2, "required"),
        (&["delete", "shop", "--all", "--at", ONE], 2, "cannot be used with"),
        (&["delete", "--all", "--yes"], 2, "required"),
        (&["delete", "shop", "--older-than", "30", "--yes"], 2, "needs a unit"),
        // One that is not there is a mistake: the others stay as well.
        (
            &["delete", "shop", "--at", ONE, "--at", THREE, "--yes"],
            4,
            "nothing was deleted: there is no such backup",
        ),
        (&["delete", "shopp", "--all", "--yes"], 4, "there are some of shop"),
    ] {
        let ended = world.run(args).await;
        assert_eq!(ended.status, status, "{args:?} {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{args:?} {}", ended.stderr);
        assert_eq!(world.keys(), before, "{args:?}");
    }
    let world = world.set("DUMPCAR_PRUNE", "false");
    let ended = world.run(&["delete", "shop", "--all", "--yes"]).await;
    assert_eq!(ended.status, 2);
    assert!(ended.stderr.contains("DUMPCAR_PRUNE is false"), "{}", ended.stderr);
    assert_eq!(world.keys(), before);
}

#[tokio::test]
async fn it_is_said_when_the_last_good_backup_goes() {
    let world = bucket(&[ONE, TWO, THREE]).await;
    let suspicious = world.read(&format!("shop/{THREE}/manifest.json"));
    let mut suspicious: Value = serde_json::from_slice(&suspicious).unwrap();
    suspicious["suspicious"] = "far smaller".into();
    world.write(&format!("shop/{THREE}/manifest.json"), suspicious.to_string().as_bytes());
    let ended = world.run(&["delete", "shop", "--at", TWO, "--yes"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("good, THE LAST GOOD ONE"), "{}", ended.stdout);
    let said = format!("the newest good one is then {ONE}");
    assert!(ended.stdout.contains(&said), "{}", ended.stdout);
    assert_eq!(
        ended.logged(&format!("the last good backup was deleted: {said}")).len(),
        1,
        "{}",
        ended.stderr
    );
    let ended = world.run(&["delete", "shop", "--all", "--yes"]).await;
    assert!(ended.stdout.contains("no good backup of shop is left"), "{}", ended.stdout);
    assert_eq!(world.keys(), [""; 0]);
}

#[tokio::test]
async fn age_alone_never_takes_the_last_good_one() {
    let world = bucket(&[ONE, TWO, THREE]).await;
    let ended = world.run(&["delete", "shop", "--older-than", "30d", "--yes"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(stamps(&world, "shop"), [THREE]);
    assert!(ended.stdout.contains("stays: it is the last good one"), "{}", ended.stdout);
    let ended = world.run(&["delete", "shop", "--older-than", "30d", "--yes"]).await;
    assert_eq!(ended.status, 4, "{}", ended.stderr);
    assert_eq!(stamps(&world, "shop"), [THREE]);
}

/// Which objects are its own, only the manifest could say: one by one, and no more than Dumpcar's names.
#[tokio::test]
async fn what_cannot_be_read_goes_only_by_its_name() {
    let world = bucket(&[ONE, TWO]).await;
    world.write(&format!("shop/{TWO}/manifest.json"), b"{ not one");
    for file in ["shop.sql.xz", "drill.json", "manifest.json.sig", "note.txt", "deeper/shop.sql.xz"] {
        world.write(&format!("shop/{TWO}/{file}"), b"x");
    }
    let ended = world.run(&["delete", "shop", "--all", "--yes"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains(&format!("`--at {TWO}` deletes it")), "{}", ended.stdout);
    assert_eq!(stamps(&world, "shop"), [TWO]);
    let ended = world.run(&["delete", "shop", "--at", TWO, "--yes"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(world.keys(), [format!("shop/{TWO}/deeper/shop.sql.xz"), format!("shop/{TWO}/note.txt")]);
    assert_eq!(ended.logged("these files are not Dumpcar's and stay").len(), 1, "{}", ended.stderr);
}

/// Somebody else's manifest says what it likes: it is not obeyed.
#[tokio::test]
async fn an_unsigned_backup_is_deleted_without_its_manifests_word() {
    let world = bucket(&[]).await;
    let keygen = world.run(&["keygen"]).await;
    let public = keygen.stderr.lines().find(|line| line.starts_with("ssh-ed25519")).unwrap().to_owned();
    let world = world.set("DUMPCAR_TRUSTED_SIGNERS", &public).set("DUMPCAR_SIGNING_KEY", &keygen.stdout);
    let mut planted = manifest("shop", ONE, "custom", &[Object::dump(b"x")]);
    planted["objects"][0]["name"] = "note.txt".into();
    world.write(&format!("shop/{ONE}/manifest.json"), planted.to_string().as_bytes());
    for file in ["note.txt", "dump.dump"] {
        world.write(&format!("shop/{ONE}/{file}"), b"x");
    }
    let ended = world.run(&["delete", "shop", "--all", "--yes"]).await;
    assert_eq!(ended.status, 4, "{}", ended.stderr);
    let ended = world.run(&["delete", "shop", "--at", ONE, "--yes"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(world.keys(), [format!("shop/{ONE}/note.txt")]);
}

/// The manifest first and on record: what is left when the store refuses to go on is found and cleaned up.
#[tokio::test]
async fn what_a_broken_deletion_leaves_is_on_record() {
    let s3 = FakeS3::with_faults(|asked| {
        let is_object = asked.operation() == "DeleteObject" && asked.key().contains("dump.dump");
        is_object.then_some((403, "AccessDenied"))
    });
    let world = World::with_s3(s3.await, |_| Script::ends(DUMP, 0));
    [ONE, TWO].iter().for_each(|stamp| earlier(&world, stamp));
    let ended = world.run(&["delete", "shop", "--all", "--yes"]).await;
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("cannot delete all"), "{}", ended.stderr);
    assert_eq!(stamps(&world, "shop"), [TWO]);
    let records = world.keys().iter().filter(|key| key.starts_with(".dumpcar/runs/shop/")).count();
    assert_eq!(records, 1, "{:?}", world.keys());
}

#[tokio::test]
async fn a_deletion_reports_as_json() {
    let world = bucket(&[ONE, TWO]).await;
    let ended = world.run(&["delete", "shop", "--at", ONE, "--yes", "--json"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(answer["deleted"][0]["backup"], ONE);
    assert_eq!(answer["last_good"], TWO);
    let ended = world.run(&["delete", "blog", "--all", "--json"]).await;
    let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        answer,
        json!({ "version": 1, "target": "blog", "deleted": [], "kept": [], "last_good": null })
    );
}

fn target(world: &World, name: &str, labels: &[(&str, &str)]) {
    let mut all = json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it" });
    labels.iter().for_each(|(label, value)| all[*label] = (*value).into());
    world.docker.container(name, all, &[]);
}

async fn health(world: &World, wanted: i32) -> String {
    let asked = async {
        loop {
            let asked = world.run(&["healthcheck"]).await;
            if asked.status == wanted && !asked.stdout.contains("no dumpcar daemon") {
                return asked.stdout;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asked).await.expect("the health changes")
}

const UNSERVED: &str = "no container serves this target any more";

/// The whole life of an alarm: told after each start, ended on purpose, and not made up for what another host makes.
#[tokio::test]
async fn what_nobody_serves_is_told_until_it_is_forgotten() {
    let world = bucket(&[ONE]).await.set("DUMPCAR_INSTANCE", "h");
    target(&world, "blog", &[]);
    let mut elsewhere = manifest("crm", ONE, "custom", &[Object::dump(b"x")]);
    elsewhere["instance"] = "another host".into();
    elsewhere["docker_engine"] = "ANOTHER".into();
    world.write(&format!("crm/{ONE}/manifest.json"), elsewhere.to_string().as_bytes());
    for _ in 0..2 {
        let daemon = world.daemon();
        daemon.contains(UNSERVED, 1).await;
        let report = health(&world, 1).await;
        assert!(report.starts_with("shop: no container serves it any more"), "{report}");
        assert!(report.contains("run `dumpcar forget shop`") && !report.contains("crm"), "{report}");
        // Not again at each look.
        daemon.tell("HUP");
        daemon.logs("asked to look at the containers again", 1).await;
        let ended = daemon.stop().await;
        assert_eq!(ended.stderr.matches(UNSERVED).count(), 1, "{}", ended.stderr);
    }
    let listed = world.run(&["list"]).await.stdout;
    assert!(listed.contains("shop: 1 backup, 3 B, by h, no container\n"), "{listed}");
    assert!(
        listed.contains("no container serves shop: `dumpcar forget shop` ends its alarms,\n"),
        "{listed}"
    );
    let daemon = world.daemon();
    daemon.contains(UNSERVED, 1).await;
    let ended = world.run(&["forget", "shop"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(
        ended.stdout.contains(&format!("these stay: 1 backup (3 B), the newest of {ONE}\n")),
        "{}",
        ended.stdout
    );
    daemon.tell("HUP");
    daemon.logs("target is forgotten: its alarms end", 1).await;
    assert_eq!(health(&world, 0).await, "healthy\n");
    daemon.stop().await;
    // And stays so.
    let daemon = world.daemon();
    daemon.logs("planned", 1).await;
    daemon.tell("HUP");
    daemon.logs("asked to look at the containers again", 1).await;
    assert_eq!(daemon.stop().await.stderr.matches(UNSERVED).count(), 0);
    assert!(world.run(&["list"]).await.stdout.contains("no container serves shop: forgotten on purpose\n"));
    // Until there is a newer backup.
    earlier(&world, "2026-11-01T23-00-00Z");
    let forgotten = world.read(".dumpcar/forgotten/shop.json");
    let mut forgotten: Value = serde_json::from_slice(&forgotten).unwrap();
    forgotten["at"] = "2026-10-01T00:00:00Z".into();
    world.write(".dumpcar/forgotten/shop.json", forgotten.to_string().as_bytes());
    let daemon = world.daemon();
    daemon.contains(UNSERVED, 1).await;
    daemon.stop().await;
}

#[tokio::test]
async fn only_what_is_gone_can_be_forgotten() {
    let world = bucket(&[ONE]).await.custom("shop");
    let ended = world.run(&["forget", "shop"]).await;
    assert_eq!(ended.status, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("not forgotten: container shop serves it"), "{}", ended.stderr);
    let ended = world.run(&["forget", "shopp", "--json"]).await;
    assert_eq!(ended.status, 4, "{}", ended.stderr);
    let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&answer["forgotten"], &answer["backups"]), (&false.into(), &0.into()));
    assert!(world.keys().iter().all(|key| !key.starts_with(".dumpcar")), "{:?}", world.keys());
    // With the last backup goes what was said of the target.
    world.docker.remove("shop");
    assert_eq!(world.run(&["forget", "shop"]).await.status, 0);
    assert_eq!(world.run(&["delete", "shop", "--all", "--yes"]).await.status, 0);
    assert_eq!(world.keys(), [""; 0]);
}

#[tokio::test]
async fn a_target_that_is_back_takes_its_alarm_back() {
    let world = bucket(&[]).await.custom("shop").set("DUMPCAR_SCHEDULE", "0 23 1 1 *");
    let daemon = world.daemon();
    daemon.logs("planned", 1).await;
    world.docker.remove("shop");
    daemon.tell("HUP");
    daemon.logs("target disappeared", 1).await;
    daemon.tell("USR1");
    daemon.logs("not backed up", 1).await;
    let report = health(&world, 1).await;
    assert!(
        report.contains("its container disappeared; if that is meant, run `dumpcar forget shop`"),
        "{report}"
    );
    assert!(report.contains("dumpcar.name, which keeps names"), "{report}");
    target(&world, "shop", &[]);
    daemon.tell("HUP");
    daemon.logs("target is back", 1).await;
    assert_eq!(health(&world, 0).await, "healthy\n");
    let ended = daemon.stop().await;
    let next = ended.logged("target is back")[0]["next"].as_str().unwrap().to_owned();
    assert!(next.ends_with("-01-01T23:00:00+00:00"), "{next}");
    assert_eq!(ended.logged("target found").len(), 1, "{}", ended.stderr);
}

/// One that never had a backup is only known to the daemon.
#[tokio::test]
async fn a_target_without_a_backup_can_be_forgotten_as_well() {
    let world = bucket(&[]).await.custom("shop").set("DUMPCAR_SCHEDULE", "off");
    target(&world, "blog", &[]);
    let daemon = world.daemon();
    daemon.logs("target found", 2).await;
    world.docker.remove("shop");
    daemon.tell("USR1");
    daemon.logs("not backed up", 1).await;
    health(&world, 1).await;
    let ended = world.run(&["forget", "shop"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    daemon.tell("HUP");
    daemon.logs("target is forgotten: its alarms end", 1).await;
    assert_eq!(health(&world, 0).await, "healthy\n");
    daemon.stop().await;
}

#[tokio::test]
async fn a_renamed_target_carries_its_history_on() {
    let world = bucket(&[]).await;
    (1..=9).for_each(|day| earlier(&world, &format!("2026-01-{day:02}T23-00-00Z")));
    target(&world, "store", &[("dumpcar.was", "shop")]);
    let listed = world.run(&["list", "store"]).await;
    assert!(listed.stdout.starts_with("shop: 9 backups, 27 B, by h\n"), "{}", listed.stdout);
    assert_eq!(listed.stdout.matches("\n2026-01-0").count(), 9, "{}", listed.stdout);
    assert!(listed.stdout.ends_with("\nshop is store now\n"), "{}", listed.stdout);
    // Restored, shown and read by its new name.
    let shown = world.run(&["show", "store"]).await;
    assert!(shown.stdout.starts_with("shop/2026-01-09T23-00-00Z\n"), "{}", shown.stdout);
    assert!(shown.stdout.contains("the last good one"), "{}", shown.stdout);
    // Retention counts both, and what goes under the old name is on record there.
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert_eq!((stamps(&world, "shop").len(), stamps(&world, "store").len()), (6, 1));
    assert!(world.keys().iter().all(|key| !key.starts_with(".dumpcar")), "{:?}", world.keys());
    let records = world.s3.asked().iter().filter(|asked| asked.key().contains("/runs/shop/")).count();
    assert!(records > 0);
    // A night after the rename is no missed one, and nobody is told that `shop` is gone.
    let daemon = world.daemon();
    daemon.logs("planned", 1).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.stderr.matches("catching up").count() + ended.stderr.matches(UNSERVED).count(), 0);
    // The new name has the old one's last good backup to be compared with.
    let answer: Value =
        serde_json::from_str(&world.run(&["prune", "--dry-run", "--json"]).await.stdout).unwrap();
    assert_eq!(answer["decisions"].as_array().unwrap().len(), 7, "{answer}");
}

#[tokio::test]
async fn a_history_has_one_target() {
    let world = bucket(&[ONE]).await;
    target(&world, "store", &[("dumpcar.was", "shop")]);
    target(&world, "shop", &[]);
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    let failed = ended.logged("backup failed");
    assert_eq!(failed.len(), 2, "{}", ended.stderr);
    for line in &failed {
        let reason = line["reason"].as_str().unwrap();
        assert!(
            reason.contains("dumpcar.was of container store names shop, which container shop still is"),
            "{reason}"
        );
    }
    // Nor two that were it.
    world.docker.remove("shop");
    target(&world, "mall", &[("dumpcar.was", "shop,plaza")]);
    assert_eq!(world.run(&["backup"]).await.logged("backup failed").len(), 2);
    world.docker.remove("mall");
    target(&world, "store", &[("dumpcar.was", "store")]);
    let ended = world.run(&["backup"]).await;
    assert!(ended.stderr.contains("dumpcar.was names the target itself"), "{}", ended.stderr);
}
