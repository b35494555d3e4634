//! A backup of a PostgreSQL server: one database that goes up in parts, a small one, the roles, and old backups that
//! the run prunes. Of those who take part, one at a time ends without any warning, at every instant there is.

mod events;
mod scene;
mod table;
pub(super) mod verify;

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::support::docker::{docker, until};
use super::support::random::{Random, instants};
use super::support::s3_server::S3Server;
use super::support::world::{Ended, Running};
use scene::{NextStart, Scene, Settings};
use table::{Outcome, Table};

/// So many at a time, because a part of each turn is waiting.
const LANES: usize = 2;

/// Takes turns in several scenes until each instant, a fraction of a run's time, had its turn.
fn at_every_instant(
    what: &'static str,
    settings: impl Fn(usize) -> Settings + Sync,
    turn: impl Fn(&mut Scene, &mut Table, f64, usize) + Sync,
) {
    let start = Instant::now();
    let mut random = Random::announced(what);
    let waiting: Vec<_> = random.spread(instants()).into_iter().enumerate().collect();
    let (waiting, table) = (Mutex::new(waiting), Mutex::new(Table::new(what)));
    thread::scope(|scope| {
        for lane in 0..LANES {
            let (waiting, table, settings, turn) = (&waiting, &table, &settings, &turn);
            scope.spawn(move || {
                let mut scene = Scene::new(settings(lane));
                let mut own = Table::new(what);
                let next = || waiting.lock().unwrap().pop();
                while let Some((number, at)) = next() {
                    scene.fill_up();
                    turn(&mut scene, &mut own, at, number);
                }
                scene.assert_verified();
                own.undisturbed(scene.takes());
                table.lock().unwrap().add(own);
            });
        }
    });
    table.into_inner().unwrap().print(start.elapsed());
}

/// Starts a backup and waits for the instant. Whether it was over before.
fn begin(scene: &mut Scene, at: f64) -> (Running, bool) {
    let instant = scene.takes().mul_f64(at * 1.1);
    let (mut dumpcar, start) = (scene.start(), Instant::now());
    while start.elapsed() < instant {
        if dumpcar.has_ended() {
            scene.took(start.elapsed());
            return (dumpcar, true);
        }
        thread::sleep(Duration::from_millis(2));
    }
    (dumpcar, false)
}

/// What a run has to show for itself that was not killed itself: a backup, or one clear failure and nothing left.
fn judge(scene: &Scene, ended: &Ended) -> Outcome {
    scene.assert_verified();
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    let reasons = ended.reasons();
    match ended.status {
        0 => {
            assert!(scene.has_new_backup(), "a success without a backup: {}", ended.stderr);
            Outcome::Done
        }
        // The backup is there; what came after it failed.
        3 => {
            assert!(scene.has_new_backup(), "a success without a backup: {}", ended.stderr);
            assert_eq!(reasons.len(), 1, "{}", ended.stderr);
            Outcome::DoneWithProblem
        }
        1 => {
            assert!(!scene.has_new_backup(), "a failure with a backup: {}", ended.stderr);
            assert_eq!(reasons.len(), 1, "{}", ended.stderr);
            Outcome::Failed
        }
        status => panic!("status {status}: {}", ended.stderr),
    }
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_sidecar_that_is_killed_at_any_instant_leaves_nothing_after_the_next_start() {
    at_every_instant("the sidecar", Settings::of_lane, |scene, table, at, number| {
        let (mut dumpcar, is_over) = begin(scene, at);
        dumpcar.kill();
        let stage = scene.stage(&dumpcar.log(), is_over);
        scene.assert_verified();
        let left = scene.left();
        let next = if number % 5 == 0 { NextStart::Run } else { NextStart::Daemon };
        scene.next_start(next);
        table.count(stage, if is_over { Outcome::Done } else { Outcome::Killed }, &left);
    });
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_target_that_is_killed_at_any_instant_makes_a_backup_or_a_failure_and_nothing_else() {
    let settings = |lane| Settings { lasting_target: true, ..Settings::of_lane(lane) };
    at_every_instant("the target", settings, |scene, table, at, _| {
        let (dumpcar, is_over) = begin(scene, at);
        let stage = scene.stage(&dumpcar.log(), is_over);
        docker(&["kill", &scene.server.container.id]);
        let ended = dumpcar.end();
        let outcome = judge(scene, &ended);
        for reason in ended.reasons() {
            let name = &scene.server.container.name;
            // Which of them it is depends on who notices first: Docker, the tool, or the end of the output.
            let is_clear = [
                name.as_str(),
                "is not running",
                "takes no connection",
                "did the container stop",
                "OCI runtime exec failed",
                "code 137",
            ];
            assert!(is_clear.iter().any(|words| reason.contains(words)), "{reason}");
        }
        scene.assert_nothing_left_in_the_bucket(&ended);
        docker(&["start", &scene.server.container.id]);
        scene.server.wait_until_it_answers();
        table.count(stage, outcome, &[]);
        table.reasons(&ended, scene);
    });
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_connection_to_docker_that_is_cut_at_any_instant_makes_a_backup_or_a_failure_and_nothing_else() {
    let settings = |lane| Settings { docker_by_proxy: true, ..Settings::of_lane(lane) };
    at_every_instant("the connection to Docker", settings, |scene, table, at, number| {
        let (dumpcar, is_over) = begin(scene, at);
        let stage = scene.stage(&dumpcar.log(), is_over);
        if number % 2 == 0 {
            scene.hold_tools();
        }
        scene.docker.as_ref().unwrap().cut();
        let ended = dumpcar.end();
        let outcome = judge(scene, &ended);
        scene.assert_nothing_left_in_the_bucket(&ended);
        scene.assert_nothing_left_in_the_target();
        table.count(stage, outcome, &[]);
        table.reasons(&ended, scene);
    });
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn an_s3_server_that_is_killed_at_any_instant_makes_a_backup_or_a_failure_and_nothing_else() {
    let settings = |lane| Settings { s3_server: Some(S3Server::lasting()), ..Settings::of_lane(lane) };
    at_every_instant("the S3 server", settings, |scene, table, at, _| {
        let (dumpcar, is_over) = begin(scene, at);
        let stage = scene.stage(&dumpcar.log(), is_over);
        scene.world.bucket.server.kill_and_start();
        let ended = dumpcar.end();
        scene.world.bucket.server.wait();
        let outcome = judge(scene, &ended);
        scene.assert_nothing_left_in_the_target();
        // What it was told in the moment of its death, nobody else knows.
        let left = scene.left();
        if !left.is_empty() {
            scene.next_start(NextStart::Daemon);
        }
        table.count(stage, outcome, &left);
        table.reasons(&ended, scene);
    });
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_backup_that_is_tried_again_outlives_its_target_its_docker_and_its_store() {
    thread::scope(|scope| {
        scope.spawn(|| {
            let settings = Settings { lasting_target: true, ..Settings::of_lane(0) };
            tried_again(settings, |scene| {
                docker(&["kill", &scene.server.container.id]);
                docker(&["start", &scene.server.container.id]);
                scene.server.wait_until_it_answers();
            });
        });
        scope.spawn(|| {
            let settings = Settings { docker_by_proxy: true, ..Settings::of_lane(0) };
            tried_again(settings, |scene| scene.docker.as_ref().unwrap().cut());
        });
        scope.spawn(|| {
            let settings = Settings { s3_server: Some(S3Server::lasting()), ..Settings::of_lane(0) };
            tried_again(settings, |scene| {
                scene.world.bucket.server.kill_and_start();
                scene.world.bucket.server.wait();
            });
        });
    });
}

/// In the middle of the large database.
fn tried_again(settings: Settings, disturb: impl Fn(&Scene)) {
    let mut scene = Scene::new(Settings { retries: 2, ..settings });
    scene.fill_up();
    let dumpcar = scene.start();
    until("parts are sent", || scene.world.bucket.unfinished_uploads() > 0);
    disturb(&scene);
    let ended = dumpcar.end();
    assert_eq!(judge(&scene, &ended), Outcome::Done, "{}", ended.stderr);
    scene.assert_nothing_left_in_the_target();
    let left = scene.left();
    assert!(left.is_empty(), "{left:?}: {}", ended.stderr);
}
