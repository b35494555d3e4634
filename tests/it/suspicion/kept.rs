use serde_json::{Value, json};

use super::{GOOD, KIB, MIB, OLDER, Size, earlier, five_bad_nights, manifests_read, stamps, states, world};
use crate::support::s3::FakeS3;
use crate::support::world::World;

#[tokio::test]
async fn five_bad_nights_do_not_push_out_the_last_good_one() {
    let world = world(&Size::new(100 * KIB)).await.set("DUMPCAR_KEEP_LAST", "1");
    five_bad_nights(&world);
    assert_eq!(world.run(&["backup"]).await.status, 3);
    let left = stamps(&world);
    assert_eq!(
        (left.len(), left[0].as_str()),
        (4, GOOD),
        "three that do not count, and the good one: {left:?}"
    );
    assert!(world.keys().contains(&format!("shop/{GOOD}/dump.dump")));
    assert_eq!(world.run(&["prune"]).await.status, 0);
    assert_eq!(stamps(&world), left);
}

#[tokio::test]
async fn prune_finds_the_last_good_one_by_itself() {
    let world = world(&Size::new(1)).await.set("DUMPCAR_KEEP_LAST", "2");
    five_bad_nights(&world);
    let planned = world.run(&["prune", "--dry-run"]).await;
    assert_eq!(planned.status, 0, "{}", planned.stderr);
    insta::assert_snapshot!(planned.stdout, @"
    TARGET  BACKUP (UTC)          DECISION  WHY
    shop    2026-01-07T23-00-00Z  keep      not counted, 1 of 3: suspicious: the
                                            dump: small
    shop    2026-01-06T23-00-00Z  keep      not counted, 2 of 3: suspicious: the
                                            dump: small
    shop    2026-01-05T23-00-00Z  keep      not counted, 3 of 3: suspicious: the
                                            dump: small
    shop    2026-01-04T23-00-00Z  delete    no rule wants it
    shop    2026-01-03T23-00-00Z  delete    no rule wants it
    shop    2026-01-02T23-00-00Z  keep      newest, last 1 of 2
    shop    2026-01-01T23-00-00Z  keep      last 2 of 2
    ");
    assert_eq!(world.run(&["prune"]).await.status, 0);
    let rest = [GOOD, "2026-01-05T23-00-00Z", "2026-01-06T23-00-00Z", "2026-01-07T23-00-00Z"];
    assert_eq!(stamps(&world), [&["2026-01-01T23-00-00Z"], &rest[..]].concat());
}

/// A server whose manifests cannot be read for now: not knowing the last good one is no licence to delete it.
#[tokio::test]
async fn while_the_last_good_one_is_unknown_nothing_runs_and_nothing_is_deleted() {
    let s3 =
        FakeS3::with_faults(|asked| (asked.operation() == "GetObject").then_some((400, "RequestTimeout")));
    let world =
        World::with_s3(s3.await, Size::new(4 * MIB).play()).custom("shop").set("DUMPCAR_KEEP_LAST", "1");
    five_bad_nights(&world);
    let before = world.keys();
    for command in [&["backup"][..], &["prune"], &["prune", "--dry-run"]] {
        let ended = world.run(command).await;
        assert_eq!(ended.status, 1, "{command:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("could not read: RequestTimeout"), "{}", ended.stderr);
    }
    assert!(world.docker.execs().is_empty(), "the database had no work");
    assert!(!world.s3.operations().contains(&"DeleteObject"));
    assert_eq!(world.keys(), before);
    let listed = world.run(&["list", "--json"]).await;
    assert_eq!(listed.status, 0);
    assert!(listed.stderr.contains("cannot read every manifest"), "{}", listed.stderr);
    assert!(states(&listed).iter().all(|(_, state)| state.is_null()));
}

#[tokio::test]
async fn list_shows_the_way_to_the_last_good_one() {
    let world = world(&Size::new(1)).await;
    five_bad_nights(&world);
    world.write("shop/2026-01-08T23-00-00Z/manifest.json", b"no JSON");
    earlier(&world, "blog", "2026-01-01T23-00-00Z", 4 * MIB, None);
    earlier(&world, "blog", "2026-01-02T23-00-00Z", 4 * MIB, None);
    // All targets: each until its first good one, and what was not read is not called good.
    let listed = world.run(&["list", "--json"]).await;
    let state = |day: u32, state: &str| (format!("2026-01-{day:02}T23-00-00Z"), json!(state));
    let unread = |stamp: &str| (stamp.to_owned(), Value::Null);
    let mut expected = vec![state(2, "good"), unread(OLDER), state(8, "unreadable")];
    expected.extend((3..=7).rev().map(|day| state(day, "suspicious")));
    expected.extend([state(2, "good"), unread(OLDER)]);
    assert_eq!(states(&listed), expected);
    assert_eq!(manifests_read(&world), 1 + 7);
    // Named ones: all that they have.
    let listed = world.run(&["list", "--json", "shop"]).await;
    expected.drain(..2);
    *expected.last_mut().unwrap() = state(1, "good");
    assert_eq!(states(&listed), expected);
    let table = world.run(&["list", "shop"]).await.stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[1].ends_with("  STATE") && lines[2].ends_with("  unreadable"), "{table}");
    assert!(lines[3].ends_with("  suspicious") && lines[8].ends_with("  good"), "{table}");
    let is_said = |text: &str| lines.iter().skip(10).any(|line| line.contains(text));
    assert!(
        is_said(
            "2026-01-08T23-00-00Z is unreadable: shop/2026-01-08T23-00-00Z/manifest.json: not a manifest"
        ),
        "{table}"
    );
    assert!(is_said("2026-01-07T23-00-00Z is suspicious: the dump: small"), "{table}");
    assert!(world.run(&["list"]).await.stdout.lines().any(|line| line.ends_with("  -")));
}
