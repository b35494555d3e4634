use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::{DUMP, RUN, STAMP, dead, has, leave_object, put_record, record, record_key, world};
use crate::support::docker::{Call, Fault, Script, Step, id_of};
use crate::support::world::{World, finish, signal, until};

/// Found in review: the record went although the tool was still there, and nobody would have looked again.
#[tokio::test]
async fn a_tool_that_cannot_be_ended_keeps_its_record_and_the_bucket_is_cleaned_all_the_same() {
    let world = World::new(|exec| match exec.looks_for_leftovers() {
        true => Script::ends(b"", 1),
        false => Script::ends(DUMP, 0),
    });
    let world = world.await.custom("shop");
    let object = leave_object(&world, STAMP);
    let mut left = record(&dead(), Some(STAMP), &[]);
    left["container"] = id_of("shop").into();
    put_record(&world, &left);
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(!has(&world, &object) && has(&world, &record_key(RUN)), "{:?}", world.keys());
    let warned = ended.logged("cannot clean up after a run that was killed; the next run tries again");
    assert!(warned[0]["left"].as_str().unwrap().starts_with("end its dump tool in the target"), "{warned:?}");
}

/// Found in review: a run that failed forgot the tool it could not end, and nobody would have looked again.
#[tokio::test]
async fn a_failed_run_whose_tool_goes_on_keeps_its_record_until_the_tool_has_ended() {
    let is_stuck = Arc::new(AtomicBool::new(true));
    let stuck = Arc::clone(&is_stuck);
    let world = World::new(move |exec| match (exec.looks_for_leftovers(), stuck.load(Ordering::SeqCst)) {
        (true, is_stuck) => Script::ends(b"", u8::from(is_stuck)),
        // Without a trailer, and Docker says for ever that it runs.
        (false, true) => Script::plays(vec![Step::Stdout(b"half".to_vec())], None),
        (false, false) => Script::ends(DUMP, 0),
    });
    let world = world.await.custom("shop");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(ended.reason().contains("the output was cut"), "{}", ended.stderr);
    let warned = ended.logged("cannot clean up after a failed run");
    assert!(warned[0]["left"].as_str().unwrap().starts_with("end its dump tool in the target"), "{warned:?}");
    let keys = world.keys();
    let [record] = keys.as_slice() else { panic!("the record and nothing else: {keys:?}") };
    let asked: Vec<_> = world.docker.execs().into_iter().map(|exec| exec.request).collect();
    let looked = asked.iter().find(|exec| exec.looks_for_leftovers()).unwrap();
    assert_eq!(*record, record_key(looked.argv.last().unwrap()), "the run it looked for");

    is_stuck.store(false, Ordering::SeqCst);
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(!has(&world, record) && world.keys().len() == 2, "{:?}", world.keys());
}

/// Whoever stops does not wait for the command it drops; whether that ended is found out before the record goes.
#[tokio::test]
async fn a_command_that_is_dropped_by_a_stop_is_looked_for() {
    let world = World::new(|exec| match exec.looks_for_leftovers() {
        true => Script::ends(b"", 0),
        false => Script::plays(vec![Step::AwaitClose], Some(143)),
    });
    let world = world.await;
    world.docker.container("shop", json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" }), &[]);
    let child = world.start(&["backup"]);
    until("the server is asked", || world.docker.execs().len() == 1).await;
    signal(&child, "TERM");
    let ended = finish(child).await;
    assert_eq!(ended.status, 143, "{}", ended.stderr);
    assert!(world.docker.execs()[1].request.looks_for_leftovers());
    assert_eq!(world.keys(), Vec::<String>::new());
}

/// Docker refuses a command in both; the processes of a paused container are still there.
#[tokio::test]
async fn a_paused_container_may_have_a_tool_and_a_stopped_one_has_none() {
    for (refusal, may_have) in [
        ("Container 1234 is paused, unpause the container before exec", true),
        ("Container 1234 is not running", false),
    ] {
        let world = world().await;
        world.docker.faults(move |call, nth| {
            (call == Call::CreateExec && nth == 1).then_some(Fault::Refuse(409, refusal))
        });
        let mut left = record(&dead(), Some(STAMP), &[]);
        left["container"] = id_of("shop").into();
        put_record(&world, &left);
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert_eq!(has(&world, &record_key(RUN)), may_have, "{refusal}: {}", ended.stderr);
    }
}
