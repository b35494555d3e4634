use std::time::Duration;

use serde_json::json;

use super::support::docker::{Script, Step};
use super::support::lab::Lab;
use super::support::world::{World, noise};

const DUMP: &[u8] = b"-- a dump\n";

pub(super) fn assert_nothing_left(world: &World, what: &str) {
    assert_eq!(world.keys(), Vec::<String>::new(), "{what}");
    assert_eq!(world.s3.unfinished_uploads(), 0, "{what}");
}

fn megabytes_of_complaints() -> Step {
    Step::Stderr(b"tool: something is odd\n".repeat(100_000))
}

const PART: usize = 5 << 20;

/// Lengths of a dump at which something changes on its way to the store, and those next to them.
fn small_lengths(marker: &str) -> Vec<usize> {
    // As many bytes are held back as a trailer may have; small pieces are of less than twice that many.
    let held = format!("\n{marker} 255\n").len();
    // A frame, the read buffer, a piece of what comes out of the worker.
    let boundaries = [held, 2 * held, 32 << 10, 64 << 10, 128 << 10];
    [0, 1].into_iter().chain(boundaries.into_iter().flat_map(|at| at - 3..=at + 3)).collect()
}

/// Those at which a part is full: so many bytes were sent, or so many were printed.
fn large_lengths(marker: &str) -> Vec<usize> {
    let held = format!("\n{marker} 255\n").len();
    let boundaries = [PART, PART + held, 2 * PART, 2 * PART + held];
    boundaries.into_iter().flat_map(|at| at - 3..=at + 3).collect()
}

/// The tool dies with status 1, and once more without any word of it, while Docker says that it went well.
async fn a_tool_dies_at(lab: &Lab, lengths: Vec<usize>) {
    let dump = noise(2 * PART + 200);
    for length in lengths {
        let printed = || Step::Stdout(dump[..length].to_vec());
        let failed =
            vec![printed(), Step::Stderr(b"tool: died\n".to_vec()), Step::Trailer(1), Step::AwaitRelease];
        for (script, word) in [
            (Script::plays(failed, Some(1)), "exit status 1: tool: died"),
            (Script::plays(vec![printed()], Some(0)), "the output was cut before its end"),
        ] {
            let ran = lab.run(script).await;
            let reason = ran.reason(&format!("{length} bytes, {word}"));
            assert!(reason.contains(word), "{length} bytes: {reason}");
            assert_nothing_left(&lab.world, &format!("{length} bytes, {word}"));
        }
    }
    let operations = lab.world.s3.operations();
    let puts = lab.world.s3.asked().into_iter().filter(|asked| asked.operation() == "PutObject");
    assert_eq!(puts.filter(|asked| asked.path.contains("/dump.")).count(), 0);
    assert!(!operations.contains(&"CompleteMultipartUpload"));
}

/// Some die just when the upload begins: what the store is asked then has to be taken back, though nobody waits for the
/// answer any more.
#[tokio::test]
async fn a_tool_that_dies_at_any_byte_leaves_nothing() {
    let lab = Lab::new("none", 200).await;
    let lengths = [small_lengths(lab.marker()), large_lengths(lab.marker())].concat();
    a_tool_dies_at(&lab, lengths).await;
    let operations = lab.world.s3.operations();
    assert!(operations.contains(&"AbortMultipartUpload"), "some got as far as an upload");
}

/// What comes out of a compressor comes a mebibyte at a time, and xz takes seconds for a part of noise.
#[tokio::test]
async fn a_tool_that_dies_at_any_byte_leaves_nothing_of_an_archive() {
    let lab = Lab::new("xz:0", 100).await;
    let block = PART + (3 << 20);
    let lengths = [small_lengths(lab.marker()), vec![block - 1, block + 1]].concat();
    a_tool_dies_at(&lab, lengths).await;
}

/// The same bytes, and the tool's word that they are all.
#[tokio::test]
async fn a_dump_that_ends_at_any_byte_is_stored_whole() {
    let lab = Lab::new("none", 70).await;
    let dump = noise(2 * PART + 200);
    let lengths = [small_lengths(lab.marker()), large_lengths(lab.marker())].concat();
    for length in lengths.into_iter().skip(1) {
        let ran = lab.run(Script::ends(&dump[..length], 0)).await;
        ran.assert_done(&format!("{length} bytes"));
        assert!(lab.object(&ran) == dump[..length], "{length} bytes");
    }
}

#[tokio::test]
async fn megabytes_of_standard_error_do_no_harm_wherever_they_come() {
    let world = World::new(|_| {
        let steps = vec![
            megabytes_of_complaints(),
            Step::Stdout(b"one\n".to_vec()),
            megabytes_of_complaints(),
            Step::Stdout(b"two\n".to_vec()),
            megabytes_of_complaints(),
            Step::Trailer(0),
            megabytes_of_complaints(),
            Step::AwaitRelease,
            megabytes_of_complaints(),
        ];
        Script::plays(steps, Some(0))
    });
    let world = world.await.custom("shop").set("DUMPCAR_COMPRESSION", "none");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(world.read(&world.keys()[0]), b"one\ntwo\n");
    assert!(ended.stderr.len() < 10_000, "{} bytes of log", ended.stderr.len());
}

#[tokio::test]
async fn of_megabytes_of_standard_error_only_the_end_is_quoted() {
    for (trailer, exit_code) in [(true, 1), (false, 0)] {
        let world = World::new(move |_| {
            let mut steps = vec![megabytes_of_complaints(), Step::Stderr(b"tool: this is why\n".to_vec())];
            if trailer {
                steps.extend([Step::Trailer(1), Step::AwaitRelease]);
            }
            Script::plays(steps, Some(exit_code))
        });
        let world = world.await.custom("shop");
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 1);
        let reason = ended.reason();
        assert!(
            reason.ends_with("tool: this is why") && reason.len() < 9_000,
            "{} bytes: {reason}",
            reason.len()
        );
    }
}

/// Whether it meant it, nobody knows; somebody should see it.
#[tokio::test]
async fn a_custom_tool_that_exits_0_after_an_error_is_believed_and_its_words_are_shown() {
    let steps = vec![
        Step::Stdout(DUMP.to_vec()),
        Step::Stderr(b"connecting\nerror: cannot read block 7 as app:canary-password\n".to_vec()),
        Step::Trailer(0),
        Step::AwaitRelease,
    ];
    let world = World::new(move |_| Script::plays(steps.clone(), Some(0))).await;
    let labels = json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it" });
    world.docker.container("shop", labels, &["APP_PASSWORD=canary-password"]);
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let said = ended.logged("the dump tool succeeded with warnings");
    assert_eq!(said.len(), 1, "{}", ended.stderr);
    assert_eq!(
        (said[0]["level"].as_str(), said[0]["target"].as_str(), said[0]["said"].as_str()),
        (Some("WARN"), Some("shop"), Some("connecting | error: cannot read block 7 as app:***"))
    );
    assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
}

#[tokio::test]
async fn what_a_tool_says_every_night_is_not_shown() {
    let steps = vec![
        Step::Stderr(
            b"mysqldump: Deprecated program name. It will be removed in a future release\n".to_vec(),
        ),
        Step::Stdout(DUMP.to_vec()),
        Step::Trailer(0),
        Step::AwaitRelease,
    ];
    let world = World::new(move |_| Script::plays(steps.clone(), Some(0))).await.custom("shop");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0);
    assert!(!ended.stderr.contains("Deprecated") && !ended.stderr.contains("WARN"), "{}", ended.stderr);
}

/// What PostgreSQL's own tool never does, and a script around it may.
#[tokio::test]
async fn a_postgresql_dump_without_its_last_line_is_no_backup_whatever_the_exit_status() {
    let world = World::new(|exec| match exec.snippet() {
        script if script.contains("exec pg_dump ") || script.contains("pg_dumpall") => {
            let steps = vec![
                Step::Stdout(b"--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE t (i int);\n".to_vec()),
                Step::Stderr(b"pg_dump: error: query failed\n".to_vec()),
                Step::Trailer(0),
                Step::AwaitRelease,
            ];
            Script::plays(steps, Some(0))
        }
        _ => Script::ends(b"version 17.6\naccounts 0\ndatabase 617070 1000\n", 0),
    });
    let world = world.await;
    world.docker.container("shop", json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" }), &[]);
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    assert!(ended.reason().contains("it is cut off"), "{}", ended.reason());
    assert_nothing_left(&world, "no last line");
}

/// The limit is for silence, not for the time without a piece of the dump.
#[tokio::test]
async fn a_tool_that_reports_its_progress_is_not_stalled() {
    let mut steps = vec![Step::Stdout(b"one\n".to_vec())];
    for percent in 0..30 {
        steps.push(Step::Pause(Duration::from_millis(100)));
        steps.push(Step::Stderr(format!("{percent} %\n").into_bytes()));
    }
    steps.extend([Step::Stdout(b"two\n".to_vec()), Step::Trailer(0), Step::AwaitRelease]);
    let world = World::new(move |_| Script::plays(steps.clone(), Some(0))).await.custom("shop");
    let world = world.set("DUMPCAR_STALL_TIMEOUT", "2s").set("DUMPCAR_COMPRESSION", "none");
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(world.read(&world.keys()[0]), b"one\ntwo\n");
}

/// The wrapper waits for the tool, not for what the tool leaves behind.
#[tokio::test]
async fn a_child_that_holds_the_output_does_not_hold_up_the_trailer() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let lab = Lab::new("none", 1).await;
    let folder = tempfile::tempdir().unwrap();
    // The child lives until the test has seen the trailer, or has failed and removed the folder.
    let child = format!("while [ -d {0} ] && [ ! -e {0}/go ]; do sleep 0.1; done", folder.path().display());
    let tool = format!("echo dump; ({child}) & exit 0");
    // What a target is asked to run, but for the tool.
    let mut argv = lab.argv.clone();
    argv[5] = tool;
    let mut shell = tokio::process::Command::new(&argv[0])
        .args(&argv[1..])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (mut input, mut output) = (shell.stdin.take().unwrap(), shell.stdout.take().unwrap());
    let expected = format!("dump\n\n{} 0\n", lab.marker());
    let mut printed = vec![0; expected.len()];
    let read = tokio::time::timeout(Duration::from_secs(30), output.read_exact(&mut printed)).await;
    assert!(read.is_ok(), "no trailer while the child lives");
    assert_eq!(printed, expected.as_bytes());
    input.write_all(b"\n").await.unwrap();
    let status = tokio::time::timeout(Duration::from_secs(30), shell.wait()).await.expect("the wrapper ends");
    assert_eq!(status.unwrap().code(), Some(0));
    std::fs::write(folder.path().join("go"), "").unwrap();
    let mut rest = Vec::new();
    output.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"");
}
