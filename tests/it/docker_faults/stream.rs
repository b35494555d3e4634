use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::{DUMP, backup_with};
use crate::dump_tool::assert_nothing_left;
use crate::support::docker::{Call, Delivery, Fault, Script, Step};
use crate::support::lab::Lab;
use crate::support::world::World;

/// More than is held back for fear of a trailer.
const FIRST: [u8; 100] = [b'a'; 100];

/// Standard output and error in turn.
fn small_script() -> Script {
    let steps = vec![
        Step::Stderr(b"hm\n".to_vec()),
        Step::Stdout(FIRST.to_vec()),
        Step::Stderr(b"oh\n".to_vec()),
        Step::Stdout(b"dump\n".to_vec()),
        Step::Trailer(0),
        Step::AwaitRelease,
    ];
    Script::plays(steps, Some(0))
}

#[tokio::test]
async fn a_dump_is_the_same_however_its_stream_is_split() {
    let lab = Lab::new("none", 300).await;
    let length = small_script().len(lab.marker());
    let deliveries = (1..length).map(Delivery::Split).chain([Delivery::ByteByByte]);
    for delivery in deliveries {
        let ran = lab.run(small_script().delivered(delivery)).await;
        ran.assert_done(&format!("{delivery:?}"));
        assert_eq!(lab.object(&ran), [&FIRST[..], b"dump\n"].concat(), "{delivery:?}");
    }
}

#[tokio::test]
async fn a_dump_is_the_same_wherever_a_frame_of_it_ends() {
    let lab = Lab::new("none", 150).await;
    // The trailer may be torn as well.
    let length = DUMP.len() + format!("\n{} 0\n", lab.marker()).len();
    for first in 0..=length {
        let steps = vec![Step::Torn(DUMP.to_vec(), 0, first), Step::AwaitRelease];
        let ran = lab.run(Script::plays(steps, Some(0))).await;
        ran.assert_done(&format!("{first}"));
        assert_eq!(lab.object(&ran), DUMP, "{first}");
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_at_any_byte_is_no_backup() {
    let lab = Lab::new("none", 300).await;
    let length = small_script().len(lab.marker());
    for at in 0..length {
        let what = format!("cut after {at} of {length} bytes");
        let ran = lab.run(small_script().delivered(Delivery::Cut(at))).await;
        ran.reason(&what);
        assert_nothing_left(&lab.world, &what);
    }
    // All of it is all of it, whatever becomes of the connection.
    lab.run(small_script().delivered(Delivery::Cut(length))).await.assert_done("not cut");
}

#[tokio::test]
async fn a_stream_that_stalls_at_any_frame_is_no_backup() {
    // Before and in the head of a frame, in the first piece of the dump, between two frames, in the trailer.
    let worlds = [0, 3, 20, 119, 170].map(async |at| {
        let world = World::new(move |_| small_script().delivered(Delivery::Stalled(at))).await.custom("shop");
        let world = world.set("DUMPCAR_STALL_TIMEOUT", "1s");
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 1, "{at}");
        assert!(ended.reason().contains("no output for 1s"), "{at}: {}", ended.reason());
        assert_nothing_left(&world, &format!("stalled after {at} bytes"));
    });
    join_all(worlds).await;
}

/// The trailer is the proof. Docker's own word can contradict it, and nothing else.
#[tokio::test]
async fn a_dump_with_its_trailer_is_a_backup_though_docker_cannot_say_how_it_ended() {
    let for_ever = async {
        let steps = vec![Step::Stdout(DUMP.to_vec()), Step::Trailer(0), Step::AwaitRelease];
        let world = World::new(move |_| Script::plays(steps.clone(), None)).await.custom("shop");
        let begun = Instant::now();
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "running for ever: {}", ended.stderr);
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
        assert_eq!(world.manifests().len(), 1);
    };
    let faults = [
        Fault::Refuse(404, "No such exec instance"),
        Fault::Refuse(500, "something is broken"),
        Fault::Page(403, "<html><body><h1>403 Forbidden</h1></body></html>"),
        Fault::Cut,
    ];
    let others = faults.map(async |fault| {
        let what = format!("{fault:?}");
        let (world, ended) =
            backup_with(move |call, _| (call == Call::InspectExec).then(|| fault.clone())).await;
        assert_eq!(ended.status, 0, "{what}: {}", ended.stderr);
        assert_eq!(world.manifests().len(), 1, "{what}");
    });
    tokio::join!(for_ever, join_all(others));
}

#[tokio::test]
async fn a_stream_that_ends_while_docker_says_for_ever_that_it_runs_is_a_failure() {
    let world = World::new(|exec| match exec.looks_for_leftovers() {
        true => Script::ends(b"", 0),
        false => Script::plays(vec![Step::Stdout(DUMP.to_vec())], None),
    });
    let world = world.await.custom("shop");
    let begun = Instant::now();
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.reason().contains("the output was cut before its end"), "{}", ended.reason());
    assert_eq!(ended.logged("a command in the target did not end when told to").len(), 1);
    // Five seconds for Docker's word, ten for the tool's end.
    assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());
    assert_nothing_left(&world, "running for ever");
}

#[tokio::test]
async fn a_container_that_stops_or_pauses_in_mid_dump_is_named() {
    for (state, delivery, reason) in [
        (
            "exited",
            Delivery::Cut(12),
            "dump the target: container shop is exited now: see `docker logs shop`",
        ),
        (
            "paused",
            Delivery::Stalled(12),
            "dump the target: container shop is paused now: `docker unpause shop`",
        ),
    ] {
        let world = World::new(move |_| Script::ends(DUMP, 0).delivered(delivery)).await.custom("shop");
        let world = world.set("DUMPCAR_STALL_TIMEOUT", "1s");
        world.docker.faults(move |call, _| (call == Call::StartExec).then_some(Fault::State(state)));
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.reason(), reason);
        assert_nothing_left(&world, state);
    }
}

#[tokio::test]
async fn a_second_trailer_is_a_failure() {
    let steps = vec![Step::Stdout(DUMP.to_vec()), Step::Trailer(0), Step::Trailer(0), Step::AwaitRelease];
    let world = World::new(move |_| Script::plays(steps.clone(), Some(0))).await.custom("shop");
    assert_eq!(world.run(&["backup"]).await.status, 1);
    assert_nothing_left(&world, "two trailers");
}

/// Why a tool failed is said, whatever a child of it goes on to print.
#[tokio::test]
async fn a_tool_that_failed_is_quoted_though_output_follows_its_trailer() {
    let more = Step::Stdout(b"more\n".to_vec());
    let steps = vec![Step::Stderr(b"disk full\n".to_vec()), Step::Trailer(1), more, Step::AwaitRelease];
    let world = World::new(move |_| Script::plays(steps.clone(), Some(1))).await.custom("shop");
    assert_eq!(world.run(&["backup"]).await.reason(), "dump the target: exit status 1: disk full");
    assert_nothing_left(&world, "output behind the trailer of a tool that failed");
}

/// Docker passes the two outputs on independently, and closes the connection when the wrapper has gone: what the tool said
/// may come behind its trailer, when there is nobody to be told that it arrived.
#[tokio::test]
async fn a_tool_that_failed_is_quoted_though_docker_has_hung_up() {
    let lab = Lab::new("none", 20).await;
    for _ in 0..20 {
        let steps = vec![Step::Trailer(1), Step::Stderr(b"disk full\n".to_vec())];
        let ran = lab.run(Script::plays(steps, Some(1))).await;
        assert_eq!(ran.reason("hung up"), "dump the target: exit status 1: disk full");
    }
}
