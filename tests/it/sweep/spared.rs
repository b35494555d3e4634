use std::time::Duration;

use super::{
    DUMP, RUN, STAMP, dead, elsewhere, has, leave_object, now, put_record, record, record_key, world,
};
use crate::support::docker::{Script, Step};
use crate::support::world::{World, finish, until};

#[tokio::test]
async fn the_work_of_a_living_process_is_not_touched() {
    let steps = vec![Step::Stdout(DUMP.to_vec()), Step::AwaitTest, Step::Trailer(0), Step::AwaitRelease];
    let world = World::new(move |_| Script::plays(steps.clone(), Some(0))).await.custom("shop");
    let first = world.start(&["backup"]);
    until("the first run dumps", || !world.docker.execs().is_empty()).await;
    let keys = world.keys();
    // A second process looks at the same records, and finds the first one alive.
    let daemon = world.daemon();
    daemon.logs("planned", 1).await;
    assert_eq!(world.keys(), keys);
    assert_eq!(daemon.stop().await.status, 0);
    world.docker.let_go();
    assert_eq!(finish(first).await.status, 0);
    assert_eq!(world.manifests().len(), 1);
    assert_eq!(world.keys().len(), 2, "the record has gone with the run: {:?}", world.keys());
}

#[tokio::test]
async fn only_an_old_record_tells_that_a_process_elsewhere_has_ended() {
    let world = world().await;
    let object = leave_object(&world, STAMP);
    put_record(&world, &record(&elsewhere(), Some(STAMP), &[]));
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(has(&world, &object) && has(&world, &record_key(RUN)), "{:?}", world.keys());
    let warned = ended.logged(
        "another Dumpcar is at work on a target of this name, or was killed: two of them want two names (label dumpcar.name) or two prefixes (DUMPCAR_STORE)",
    );
    assert_eq!(warned[0]["instance"], "host-b", "{}", ended.stderr);

    world.set_written(&record_key(RUN), now() - Duration::from_secs(23 * 3600));
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert!(has(&world, &object), "23 hours are not enough");

    world.set_written(&record_key(RUN), now() + Duration::from_secs(48 * 3600));
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert!(has(&world, &object), "a clock that is wrong proves nothing");

    world.set_written(&record_key(RUN), now() - Duration::from_secs(25 * 3600));
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert!(!has(&world, &object) && !has(&world, &record_key(RUN)), "{:?}", world.keys());
}

#[tokio::test]
async fn a_backup_is_kept_though_its_process_was_killed_right_after_it() {
    let world = world().await;
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let keys = world.keys();
    let stamp = keys[0].split('/').nth(1).unwrap();
    put_record(&world, &record(&dead(), Some(stamp), &[]));
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert!(keys.iter().all(|key| has(&world, key)), "{keys:?} of {:?}", world.keys());
    assert!(!has(&world, &record_key(RUN)));
}

#[tokio::test]
async fn a_record_of_a_newer_dumpcar_is_left_alone() {
    let world = world().await;
    let object = leave_object(&world, STAMP);
    let mut newer = record(&dead(), Some(STAMP), &[]);
    newer["version"] = 2.into();
    put_record(&world, &newer);
    world.write(".dumpcar/runs/shop/0123456789abcdef.json", b"not a record");
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert!(has(&world, &object) && has(&world, &record_key(RUN)), "{:?}", world.keys());
}

#[tokio::test]
async fn where_nothing_may_be_deleted_nothing_is_written_that_would_have_to_be() {
    let world = world().await.set("DUMPCAR_PRUNE", "false");
    let object = leave_object(&world, STAMP);
    put_record(&world, &record(&dead(), Some(STAMP), &[]));
    assert_eq!(world.run(&["backup"]).await.status, 0);
    assert!(has(&world, &object) && has(&world, &record_key(RUN)));
    let touched = world.s3.asked().into_iter().filter(|asked| asked.is_of_a_record()).count();
    assert_eq!(touched, 0);
}
