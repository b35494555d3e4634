use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::{DUMP, backup_with, world};
use crate::dump_tool::assert_nothing_left;
use crate::support::docker::{Call, ExecRequest, Fault, Script, Step};
use crate::support::hostile::Siege;
use crate::support::world::{World, finish, noise, signal, until};

#[tokio::test]
async fn a_late_answer_is_an_answer() {
    let (world, ended) =
        backup_with(|_, count| (count == 1).then_some(Fault::Slow(Duration::from_secs(1)))).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(world.read(&world.keys()[0]), DUMP);
}

/// Docker goes on with what nobody waits for any more, and does not know a container by its name before it is done.
#[tokio::test]
async fn a_drill_that_is_stopped_while_its_container_is_made_leaves_none() {
    let Siege { world, witness: _witness } = Siege::quiet().await;
    let before = world.docker.names();
    world.docker.faults(|call, count| match (call, count) {
        (Call::Create, _) => Some(Fault::DoneInSilence),
        (Call::Remove, 1) => Some(Fault::Refuse(404, "No such container")),
        _ => None,
    });
    let drill = world.start(&["drill", "pg"]);
    until("a container is made", || world.docker.names().len() > before.len()).await;
    signal(&drill, "TERM");
    let ended = finish(drill).await;
    assert_eq!(ended.status, 143, "{}", ended.stderr);
    assert_eq!(world.docker.names(), before);
}

#[tokio::test]
async fn an_exec_that_is_made_twice_runs_once() {
    let (world, ended) = backup_with(|call, _| (call == Call::CreateExec).then_some(Fault::Twice)).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let execs = world.docker.execs();
    assert_eq!(execs.iter().map(|exec| exec.released).collect::<Vec<_>>(), [false, true]);
    assert_eq!(world.read(&world.keys()[0]), DUMP);
}

/// Docker refuses a version that it does not know; a path without one is always right.
#[tokio::test]
async fn an_engine_of_any_api_version_makes_a_backup() {
    for (oldest, newest) in [(12, 24), (12, 41), (44, 53), (90, 99)] {
        let world = world().await.set("DUMPCAR_SCHEDULE", "off").set("DUMPCAR_ON_START", "true");
        world.docker.understands(oldest, newest);
        // The daemon makes every call there is.
        let daemon = world.daemon();
        daemon.logs("backup committed", 1).await;
        until("events are watched", || world.docker.calls(Call::Events) > 0).await;
        let ended = daemon.stop().await;
        assert_eq!(ended.logged("Docker answers").len(), 1, "1.{oldest} to 1.{newest}: {}", ended.stderr);
        let requests = world.docker.requests();
        assert!(!requests.iter().any(|request| request.contains("/v1.")), "{requests:?}");
        for call in [Call::Create, Call::Start, Call::Logs, Call::Remove, Call::Services, Call::Other] {
            assert_eq!(world.docker.calls(call), 0, "{requests:?}");
        }
    }
}

const TOO_NEW: &str = "client version 1.53 is too new. Maximum supported API version is 1.41";
const TOO_OLD: &str = "client version 1.24 is too old. Minimum supported API version is 1.44, please upgrade your client to a newer version";

#[tokio::test]
async fn an_engine_that_refuses_the_api_version_all_the_same_is_quoted() {
    for words in [TOO_NEW, TOO_OLD] {
        let (_world, ended) = backup_with(move |_, _| Some(Fault::Refuse(400, words))).await;
        assert_eq!(ended.status, 1);
        let error = &ended.logged("cannot look at the containers")[0]["error"];
        assert_eq!(*error, format!("Docker refused to list containers (status 400): {words}"));

        let world = world().await;
        world.docker.faults(move |_, _| Some(Fault::Refuse(400, words)));
        let ended = world.daemon().ended().await;
        assert_eq!(ended.status, 1, "the daemon does not wait for what will not change");
        let error = &ended.logged("cannot use Docker")[0]["error"];
        assert_eq!(*error, format!("Docker refused to tell its version (status 400): {words}"));
    }
}

/// A server that runs this survey, and what then dumps a database `app`.
fn postgresql(exec: &ExecRequest, survey: Script) -> Script {
    let whole =
        |what: &str| Script::ends(format!("--\n-- PostgreSQL {what} dump complete\n--\n").as_bytes(), 0);
    match exec.snippet() {
        script if script.contains("pg_dumpall") => whole("database cluster"),
        script if script.contains("exec pg_dump") => whole("database"),
        _ => survey,
    }
}

fn fails(stderr: &str, status: u8) -> Script {
    let steps = vec![Step::Stderr(stderr.as_bytes().to_vec()), Step::Trailer(status), Step::AwaitRelease];
    Script::plays(steps, Some(status.into()))
}

#[tokio::test]
async fn what_docker_refuses_for_a_while_is_tried_again_as_a_whole() {
    let cases = [
        (
            Call::CreateExec,
            Fault::Refuse(409, "Container 12 is paused, unpause the container before exec"),
            "is paused",
        ),
        (Call::CreateExec, Fault::Refuse(404, "No such container: 12"), "No such container"),
        (Call::CreateExec, Fault::Refuse(500, "layer does not exist"), "layer does not exist"),
        (
            Call::CreateExec,
            Fault::Page(503, "<html><h1>503 Service Unavailable</h1>\nNo server.\n</html>"),
            "503 Service Unavailable No server.",
        ),
        (Call::CreateExec, Fault::Cut, "the connection to Docker broke"),
        (Call::StartExec, Fault::Refuse(409, "Container 12 is not running"), "is not running"),
        (Call::StartExec, Fault::Refuse(500, "OCI runtime exec failed"), "OCI runtime exec failed"),
        (Call::StartExec, Fault::Cut, "the connection to Docker broke"),
    ];
    let runs = cases.map(async |(faulty, fault, words)| {
        let world = world().await.set("DUMPCAR_RETRIES", "1");
        world.docker.faults(move |call, count| (call == faulty && count == 1).then(|| fault.clone()));
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "{faulty:?}, {words}: {}", ended.stderr);
        let again = ended.logged("trying again");
        assert_eq!(again.len(), 1, "{faulty:?}, {words}: {}", ended.stderr);
        assert!(again[0]["reason"].as_str().unwrap().contains(words), "{faulty:?}: {}", again[0]["reason"]);
        // Without an answer the first tool may be at work: it is looked for.
        let looked = world.docker.execs().iter().filter(|exec| exec.request.looks_for_leftovers()).count();
        assert_eq!(looked == 1, faulty == Call::StartExec && words.ends_with("broke"), "{faulty:?}, {words}");
        assert_eq!(world.docker.calls(Call::CreateExec), 2 + looked, "{faulty:?}, {words}");
        assert_eq!(world.read(&world.keys()[0]), DUMP);
        assert_eq!(world.keys().len(), 2);
    });
    join_all(runs).await;
}

#[tokio::test]
async fn what_a_target_cannot_do_for_a_while_is_tried_again_as_a_whole() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let once = |first: Script, then: Script| {
        let is_first = AtomicBool::new(true);
        move || if is_first.swap(false, Ordering::Relaxed) { first.clone() } else { then.clone() }
    };
    // The container was restarted: its tool is gone, and it runs again.
    let restarted = async {
        let half = Script::plays(vec![Step::Stdout(noise(9 << 20))], Some(137));
        let play = once(half, Script::ends(DUMP, 0));
        let world = World::new(move |_| play()).await.custom("shop").set("DUMPCAR_COMPRESSION", "none");
        (world, "the output was cut before its end", 2)
    };
    let starting = async {
        let words = "psql: error: connection to server failed: FATAL:  the database system is starting up\n";
        let survey =
            once(fails(words, 2), Script::ends(b"version 17.6\naccounts 1\ndatabase 617070 1000\n", 0));
        let world = World::new(move |exec| postgresql(exec, survey())).await;
        world.docker.container(
            "shop",
            json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" }),
            &[],
        );
        (world, "the server takes no connection now", 4)
    };
    // The first exec is the hook's.
    let hook = async {
        let world = World::new(|exec| match exec.snippet().contains("freeze") {
            true => Script::ends(b"", 0),
            false => Script::ends(DUMP, 0),
        });
        let world = world.await;
        let labels =
            json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it", "dumpcar.before": "freeze" });
        world.docker.container("shop", labels, &[]);
        let is_hook = |call, count| call == Call::CreateExec && count == 1;
        world.docker.faults(move |call, count| is_hook(call, count).then_some(Fault::Refuse(503, "busy")));
        (world, "(label dumpcar.before): Docker refused", 3)
    };
    let (restarted, starting, hook) = tokio::join!(restarted, starting, hook);
    let runs = [restarted, starting, hook].map(async |(world, words, execs)| {
        let world = world.set("DUMPCAR_RETRIES", "1");
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 0, "{words}: {}", ended.stderr);
        let again = ended.logged("trying again");
        assert!(again[0]["reason"].as_str().unwrap().contains(words), "{words}: {}", again[0]["reason"]);
        assert_eq!(world.docker.calls(Call::CreateExec), execs, "{words}");
        assert_eq!(world.manifests().len(), 1, "{words}");
    });
    join_all(runs).await;
}

const FORBIDDEN: &str =
    "<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n";

#[tokio::test]
async fn what_docker_refuses_for_good_is_asked_once() {
    for (faulty, fault, words) in [
        (
            Call::CreateExec,
            Fault::Page(403, FORBIDDEN),
            "may not be asked to create an exec: the proxy (or plugin) in front of it has to allow it (status 403: \
             403 Forbidden Request forbidden by administrative rules.)",
        ),
        (Call::StartExec, Fault::Page(403, FORBIDDEN), "may not be asked to start an exec"),
        (Call::CreateExec, Fault::Refuse(400, TOO_NEW), TOO_NEW),
        (Call::StartExec, Fault::NoUpgrade, "the proxy in between does not pass on `Upgrade: tcp`"),
    ] {
        let world = world().await.set("DUMPCAR_RETRIES", "2");
        world.docker.faults(move |call, _| (call == faulty).then(|| fault.clone()));
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 1);
        assert!(ended.reason().contains(words), "{}", ended.reason());
        assert_eq!(ended.logged("trying again").len(), 0, "{words}: {}", ended.stderr);
        assert_eq!(world.docker.calls(Call::CreateExec), 1, "{words}");
        assert_nothing_left(&world, words);
    }
}

#[tokio::test]
async fn what_a_target_will_never_do_is_asked_once() {
    let no_shell = b"OCI runtime exec failed: exec: \"sh\": executable file not found in $PATH\n".to_vec();
    let refused = "psql: error: FATAL:  password authentication failed for user \"postgres\"\n";
    let custom = json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it" });
    let postgres = json!({ "dumpcar.enable": "true", "dumpcar.engine": "postgres" });
    for (labels, script, words) in [
        (&custom, Script::plays(vec![Step::Stdout(no_shell)], Some(127)), "needs `sh` in the image"),
        (&custom, fails("tool: no such option\n", 1), "exit status 1: tool: no such option"),
        (&postgres, fails(refused, 2), "the server refused user \"postgres\""),
    ] {
        let world = World::new(move |_| script.clone()).await.set("DUMPCAR_RETRIES", "2");
        world.docker.container("shop", labels.clone(), &[]);
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, 1);
        assert!(ended.reason().contains(words), "{}", ended.reason());
        assert_eq!(world.docker.calls(Call::CreateExec), 1, "{words}: {}", ended.stderr);
        assert_nothing_left(&world, words);
    }
}
