use serde_json::json;

use super::{DUMP, assert_nothing_left};
use crate::support::docker::{ExecRequest, Script};
use crate::support::world::{World, noise};

/// A target with two hooks.
async fn with_hooks(play: impl Fn(&ExecRequest) -> Script + Send + Sync + 'static, user: &str) -> World {
    let world = World::new(play).await;
    let labels = json!({
        "dumpcar.enable": "true", "dumpcar.command": "dump-it", "dumpcar.before": "freeze", "dumpcar.after": "thaw",
        "dumpcar.exec-user": user,
    });
    world.docker.container("shop", labels, &[]);
    world
}

#[tokio::test]
async fn hooks_run_around_the_dump_and_the_second_one_always() {
    let play = |exec: &ExecRequest| match exec.snippet() {
        snippet if snippet.contains("freeze") || snippet.contains("thaw") => Script::ends(b"", 0),
        _ => Script::ends(b"half", 1),
    };
    let world = with_hooks(play, "").await;
    assert_eq!(world.run(&["backup"]).await.status, 1);
    let ran: Vec<String> =
        world.docker.execs().iter().map(|exec| exec.request.snippet().to_owned()).collect();
    assert!(ran[0].contains("freeze") && ran[1].contains("dump-it") && ran[2].contains("thaw"), "{ran:?}");
    assert_nothing_left(&world);
}

#[tokio::test]
async fn the_second_hook_runs_after_a_first_one_that_failed() {
    let play = |exec: &ExecRequest| match exec.snippet() {
        snippet if snippet.contains("freeze") => Script::ends(b"", 1),
        _ => Script::ends(b"", 0),
    };
    let world = with_hooks(play, "").await;
    let ended = world.run(&["backup"]).await;
    assert_eq!(ended.status, 1);
    assert_eq!(ended.reason(), "the before command (label dumpcar.before): exit status 1");
    let ran: Vec<String> =
        world.docker.execs().iter().map(|exec| exec.request.snippet().to_owned()).collect();
    assert!(ran.len() == 2 && ran[1].contains("thaw"), "{ran:?}");
}

#[tokio::test]
async fn every_command_runs_as_the_user_the_label_names() {
    let world = with_hooks(|_| Script::ends(DUMP, 0), "70:70").await;
    assert_eq!(world.run(&["backup"]).await.status, 0);
    let users: Vec<_> = world.docker.execs().into_iter().map(|exec| exec.request.user).collect();
    assert_eq!(users, vec![Some("70:70".to_owned()); 3]);
}

/// What nobody reads is kept in memory all the same.
#[tokio::test]
async fn a_hook_may_print_a_mebibyte() {
    for (bytes, status) in [(1 << 20, 0), ((1 << 20) + 1, 1), (3 << 20, 1)] {
        let world = with_hooks(move |_| Script::ends(&noise(bytes), 0), "").await;
        let ended = world.run(&["backup"]).await;
        assert_eq!(ended.status, status, "{bytes}: {}", ended.stderr);
        if status == 1 {
            let reason = "the before command (label dumpcar.before): more than 1048576 bytes of output";
            assert_eq!(ended.reason(), reason);
            assert_nothing_left(&world);
        }
    }
}

/// As a hook that calls a monitor, or thaws only what was frozen, needs it.
#[tokio::test]
async fn hooks_learn_what_they_run_around_and_how_it_ended() {
    let names = ["DUMPCAR_TARGET", "DUMPCAR_BACKUP", "DUMPCAR_OUTCOME", "DUMPCAR_REASON"];
    for (status, outcome, reason) in
        [(0, "success", ""), (1, "failed", "dump the target: exit status 1: nothing on stderr")]
    {
        let play = move |exec: &ExecRequest| match exec.snippet().contains("dump-it") {
            true => Script::ends(DUMP, status),
            false => Script::ends(b"", 0),
        };
        let world = with_hooks(play, "").await;
        world.run(&["backup"]).await;
        let told = |index: usize| {
            let env = world.docker.execs()[index].request.env.clone();
            names.map(|name| {
                env.iter().find_map(|pair| Some(pair.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
            })
        };
        let [target, stamp, ..] = told(0);
        assert_eq!(target.as_deref(), Some("shop"));
        let stamp = stamp.unwrap();
        if status == 0 {
            assert!(world.keys().iter().all(|key| key.starts_with(&format!("shop/{stamp}/"))), "{stamp}");
        }
        let before = [Some("shop"), Some(stamp.as_str()), None, None];
        let after = [Some("shop"), Some(stamp.as_str()), Some(outcome), Some(reason)];
        assert_eq!(told(0), before.map(|value| value.map(str::to_owned)));
        assert_eq!(told(2), after.map(|value| value.map(str::to_owned)));
    }
}
