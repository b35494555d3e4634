use std::collections::BTreeSet;

use super::operator::earlier;
use super::support::docker::Script;
use super::support::fault::Fault;
use super::support::s3::{Asked, FakeS3};
use super::support::world::World;

/// Backups of `shop`, two objects each; with the other tools' objects the listing has three pages.
const BACKUPS: usize = 1000;
const FOREIGN: usize = 500;

/// Just so many that there are two pages.
const TWO_PAGES: usize = 510;

async fn world(backups: usize, fault: impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static) -> World {
    let s3 = FakeS3::with_faults(fault).await;
    let world = World::with_s3(s3, |_| Script::ends(b"-- a dump\n", 0)).custom("shop");
    fill(&world, backups);
    world
}

fn fill(world: &World, backups: usize) {
    for number in 0..backups {
        let stamp = format!("20{:02}-01-01T00-{:02}-{:02}Z", number / 100, number / 60 % 60, number % 60);
        earlier(world, &stamp);
    }
}

/// What other tools, or people, have in the same folders. Some of it sorts before, some behind all backups.
fn foreign(number: usize) -> String {
    match number % 5 {
        0 => format!("shop/2026-01-01/{number}.sql"),
        1 => format!("shop/{number}.sql.gz"),
        2 => format!("shop/z/2000-01-01T00-00-00Z/{number}"),
        3 => format!("restic/data/{number}"),
        _ => format!("shop/2000-01-01T00-00-00Z/deeper/{number}"),
    }
}

fn stamps(world: &World) -> BTreeSet<String> {
    let keys = world.keys();
    let manifests = keys.iter().filter_map(|key| key.strip_suffix("/manifest.json"));
    manifests.map(|folder| folder.strip_prefix("shop/").unwrap().to_owned()).collect()
}

#[tokio::test]
async fn retention_sees_every_page_and_touches_nothing_of_others() {
    let world = world(BACKUPS, |_| None).await.set("DUMPCAR_KEEP_LAST", "990");
    for number in 0..FOREIGN {
        world.write(&foreign(number), b"somebody's");
    }
    let before = stamps(&world);
    assert_eq!(before.len(), BACKUPS);
    let ended = world.run(&["prune"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let oldest: BTreeSet<_> = before.iter().take(10).cloned().collect();
    assert_eq!(stamps(&world), before.difference(&oldest).cloned().collect());
    let keys: BTreeSet<String> = world.keys().into_iter().collect();
    assert_eq!(keys.len(), 2 * 990 + FOREIGN);
    assert!((0..FOREIGN).all(|number| keys.contains(&foreign(number))));
    assert!(world.s3.count("ListObjects") >= 3, "{:?}", world.s3.operations());

    let listed = world.run(&["list", "--json"]).await;
    let rows = super::support::world::rows(&listed.stdout);
    assert_eq!(rows.len(), 990);
    assert!(rows.iter().all(|row| row["target"] == "shop" && row["objects"] == 1), "{rows:?}");
}

#[tokio::test]
async fn a_page_that_is_missing_deletes_nothing() {
    // Each command asks for two pages and does not get the second one.
    let faults =
        [Fault::Answer(403, "AccessDenied"), Fault::Answer(404, "NoSuchBucket"), Fault::CutAfter(1_000)];
    let world = world(TWO_PAGES, move |asked| {
        (asked.operation() == "ListObjects" && asked.nth % 2 == 0).then(|| faults[(asked.nth / 2 - 1) / 2])
    });
    let world = world.await.set("DUMPCAR_KEEP_LAST", "1");
    let before = world.keys();
    for round in 0..faults.len() {
        for command in ["prune", "backup"] {
            let ended = world.run(&[command]).await;
            assert_eq!(ended.status, 1, "{command}, round {round}");
            assert!(world.keys() == before, "{command}, round {round}");
        }
    }
    assert_eq!(world.s3.count("ListObjects"), 12);
    assert_eq!(world.s3.count("DeleteObject") + world.s3.count("PutObject"), 0);
}

#[tokio::test]
async fn a_page_that_comes_twice_does_no_harm() {
    let world = world(TWO_PAGES, |asked| {
        (asked.operation() == "ListObjects" && asked.nth == 2).then_some(Fault::SameAgain)
    });
    let world = world.await.set("DUMPCAR_KEEP_LAST", "500");
    let before = stamps(&world);
    let ended = world.run(&["prune"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(stamps(&world), before.into_iter().skip(10).collect());
}

#[tokio::test]
async fn a_listing_that_never_ends_is_an_error_and_deletes_nothing() {
    let world = world(TWO_PAGES, |asked| {
        (asked.operation() == "ListObjects" && asked.nth > 1).then_some(Fault::SameAgain)
    });
    let world = world.await.set("DUMPCAR_KEEP_LAST", "1");
    let before = world.keys();
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.reason().ends_with("lists the same objects again and again"), "{}", ended.reason());
    assert_eq!(world.keys(), before);
}
