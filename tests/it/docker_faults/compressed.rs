use serde_json::json;

use super::DUMP;
use crate::dump_tool::assert_nothing_left;
use crate::support::docker::{Delivery, Script, Step};
use crate::support::lab::Lab;
use crate::support::world::World;

const AGAIN: &str = "dumping again, without compressing inside the container";
const ON: &[(&str, &str)] = &[("DUMPCAR_COMPRESSION", "zstd"), ("DUMPCAR_TRANSPORT", "on")];

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(plain, 3).unwrap()
}

/// What the wrapper prints for a dump that zstd has compressed.
fn compressed(dump: &[u8]) -> Vec<Step> {
    vec![Step::Opening, Step::Stdout(zstd(dump)), Step::Trailers(0, 0), Step::AwaitRelease]
}

#[tokio::test]
async fn frames_are_stored_as_they_are_however_their_stream_is_split() {
    let lab = Lab::with(ON, 300).await;
    let script = || Script::plays(compressed(DUMP), Some(0));
    let deliveries = (1..script().len(lab.marker())).map(Delivery::Split).chain([Delivery::ByteByByte]);
    for delivery in deliveries {
        let ran = lab.run(script().delivered(delivery)).await;
        ran.assert_done(&format!("{delivery:?}"));
        assert_eq!(lab.object(&ran), zstd(DUMP), "{delivery:?}");
    }
    let manifest = lab.world.manifests().pop().unwrap();
    assert_eq!(manifest["objects"][0]["plain_bytes"], DUMP.len());
}

#[tokio::test]
async fn a_compressed_stream_that_is_cut_at_any_byte_is_no_backup() {
    let lab = Lab::with(ON, 300).await;
    let script = || Script::plays(compressed(DUMP), Some(0));
    for at in 0..script().len(lab.marker()) {
        let what = format!("cut after {at} bytes");
        lab.run(script().delivered(Delivery::Cut(at))).await.reason(&what);
        assert_nothing_left(&lab.world, &what);
    }
}

/// Whether the tool fails, and zstd does not, or both.
#[tokio::test]
async fn a_tool_that_fails_behind_zstd_is_quoted() {
    let lab = Lab::with(ON, 1).await;
    let said = Step::Stderr(b"disk full\n".to_vec());
    let steps = vec![Step::Opening, said, Step::Stdout(zstd(DUMP)), Step::Trailers(1, 0), Step::AwaitRelease];
    let ran = lab.run(Script::plays(steps, Some(1))).await;
    assert_eq!(ran.reason("a failed tool"), "dump the target: exit status 1: disk full");
    assert_nothing_left(&lab.world, "a failed tool");
}

/// It was no part of what was asked for, so it costs no backup; and what did not come through whole is none.
#[tokio::test]
async fn what_zstd_spoils_is_dumped_again_without_it() {
    let frames = zstd(DUMP);
    let steps = |output: &[u8], end: Step| {
        vec![Step::Opening, Step::Stdout(output.to_vec()), end, Step::AwaitRelease]
    };
    let cases = [
        ("zstd fails", steps(&frames, Step::Trailers(0, 1))),
        ("both fail", steps(&frames[..5], Step::Trailers(1, 137))),
        ("zstd leaves early", steps(&frames, Step::Trailers(141, 0))),
        ("nobody says how zstd ended", steps(&frames, Step::Trailer(0))),
        ("a frame is cut", steps(&frames[..frames.len() - 1], Step::Trailers(0, 0))),
        ("no frame", steps(b"-- a dump\n", Step::Trailers(0, 0))),
        ("nothing", steps(b"", Step::Trailers(0, 0))),
        ("something behind it", steps(&[&frames[..], b"x"].concat(), Step::Trailers(0, 0))),
    ];
    for (what, spoilt) in cases {
        let world = World::new(move |exec| match exec.level() {
            Some(_) => Script::plays(spoilt.clone(), Some(0)),
            None => Script::ends(DUMP, 0),
        });
        let mut world = world.await.custom("shop");
        for (name, value) in ON {
            world = world.set(name, value);
        }
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "{what}: {}", ended.stderr);
        assert_eq!(ended.logged(AGAIN).len(), 1, "{what}: {}", ended.stderr);
        assert_eq!(world.run(&["cat", "shop"]).await.stdout.as_bytes(), DUMP, "{what}");
        assert_eq!(world.keys().len(), 2, "{what}");
    }
}

/// A silence may be that of zstd, which prints nothing before it has a block of a slow tool's output.
#[tokio::test]
async fn a_second_attempt_does_without() {
    let world = World::new(move |exec| match exec.level() {
        Some(_) => Script::plays(compressed(DUMP), Some(0)).delivered(Delivery::Stalled(90)),
        None => Script::ends(DUMP, 0),
    });
    let mut world = world.await.custom("shop").set("DUMPCAR_STALL_TIMEOUT", "1s").set("DUMPCAR_RETRIES", "1");
    for (name, value) in ON {
        world = world.set(name, value);
    }
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(ended.logged("trying again").len(), 1, "{}", ended.stderr);
}

#[tokio::test]
async fn it_takes_no_more_than_half_of_a_targets_processors() {
    for (transport, compression, host, level) in [
        ("auto", "xz", json!({}), Some("1")),
        ("auto", "zstd:9", json!({}), Some("1")),
        ("auto", "zstd", json!({}), Some("3")),
        ("auto", "zstd:2", json!({ "NanoCpus": 2_000_000_000_u64 }), Some("2")),
        ("auto", "zstd", json!({ "NanoCpus": 1_900_000_000 }), None),
        ("auto", "zstd", json!({ "CpuQuota": 100_000, "CpuPeriod": 100_000 }), None),
        ("auto", "zstd", json!({ "CpusetCpus": "1" }), None),
        ("on", "zstd", json!({ "CpusetCpus": "1" }), Some("3")),
        ("off", "zstd", json!({}), None),
    ] {
        let world = World::new(|exec| match exec.snippet() {
            snippet if snippet.contains("pg_dumpall") => {
                Script::ends(b"-- PostgreSQL database cluster dump complete\n", 0)
            }
            snippet if snippet.contains("exec pg_dump") => {
                Script::ends(b"-- PostgreSQL database dump complete\n", 0)
            }
            _ => Script::ends(b"version 17.6\naccounts 1\ndatabase 73686f70 1000\n", 0),
        });
        let world = world.await.set("DUMPCAR_TRANSPORT", transport).set("DUMPCAR_COMPRESSION", compression);
        world.docker.container(
            "shop",
            json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" }),
            &[],
        );
        world.docker.set_host_config("shop", host.clone());
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let execs = world.docker.execs();
        let is_dump = |snippet: &str| snippet.contains("exec pg_dump") || snippet.contains("pg_dumpall");
        let levels_of = |dumps: bool| {
            let chosen = execs.iter().filter(move |exec| is_dump(exec.request.snippet()) == dumps);
            chosen.map(|exec| exec.request.level()).collect::<Vec<_>>()
        };
        assert_eq!(levels_of(true), [level; 2], "{transport} {compression} {host}");
        // Nothing but a dump is worth it.
        assert!(levels_of(false).iter().all(Option::is_none));
    }
}

/// What may be compressed already.
#[tokio::test]
async fn a_custom_command_is_left_alone_unless_somebody_asks_for_it() {
    for (transport, level) in [("auto", None), ("on", Some("1")), ("off", None)] {
        let world =
            World::new(|_| Script::ends(DUMP, 0)).await.custom("shop").set("DUMPCAR_TRANSPORT", transport);
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        // Whoever asks for it hears that there is no zstd in there.
        let hint = "container shop has no zstd that works: its dumps come as they are";
        assert_eq!(ended.logged(hint).len(), usize::from(transport == "on"), "{}", ended.stderr);
        assert!(world.docker.execs().iter().all(|exec| exec.request.level() == level), "{transport}");
    }
}
