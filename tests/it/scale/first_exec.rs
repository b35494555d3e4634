use std::time::{Duration, Instant};

use super::{TRIES, since};
use crate::support::docker::{Call, Script, Step};
use crate::support::fault::Fault as StoreFault;
use crate::support::s3::{Asked, FakeS3};
use crate::support::world::{World, finish, until};

/// Before the first exec comes only what has to, and what can wait for its answers together does.
#[tokio::test]
async fn little_comes_before_the_first_exec() {
    // Late enough for Docker to be asked meanwhile.
    let late = StoreFault::Late(Duration::from_secs(2));
    let is_first = |asked: &Asked| asked.operation() == "ListObjects" && asked.nth == 1;
    let s3 = FakeS3::with_faults(move |asked| is_first(asked).then_some(late)).await;
    let steps =
        vec![Step::AwaitTest, Step::Stdout(b"-- a dump\n".into()), Step::Trailer(0), Step::AwaitRelease];
    let world = World::with_s3(s3, move |_| Script::plays(steps.clone(), Some(0))).custom("shop");
    let child = world.start(&["backup"]);
    until("Docker is asked who it is", || world.docker.calls(Call::Info) == 1).await;
    until("the store as well", || !since(&world, 0).is_empty()).await;
    assert_eq!(since(&world, 0), ["ListObjects target"], "which has no answer yet");
    until("the first exec", || world.docker.calls(Call::StartExec) == 1).await;
    assert_eq!(since(&world, 0), ["ListObjects target", "PutObject record", "ListObjects records"]);
    // The second list looks for containers of drills that were killed; and there is the image's digest.
    let calls = [Call::List, Call::Inspect, Call::Info].map(|call| world.docker.calls(call));
    assert_eq!((calls, world.docker.requests().len()), ([2, 1, 1], 7), "{:?}", world.docker.requests());
    world.docker.let_go();
    assert_eq!(finish(child).await.status, 0);
}

#[tokio::test]
async fn the_first_exec_comes_at_once() {
    // Against what the shortest command takes, which asks the store once: a busy machine makes both slower.
    let (mut best, mut least) = (Duration::MAX, Duration::MAX);
    for nth in 1..=TRIES {
        let world = World::new(|_| Script::ends(b"-- a dump\n", 0)).await.custom("shop");
        let (sender, exec) = std::sync::mpsc::channel();
        world.docker.faults(move |call, _| {
            if call == Call::CreateExec {
                sender.send(Instant::now()).unwrap();
            }
            None
        });
        let start = Instant::now();
        assert_eq!(world.run(&["backup"]).await.status, 0);
        best = best.min(exec.recv().unwrap() - start);
        let start = Instant::now();
        assert_eq!(world.run(&["list"]).await.status, 0);
        least = least.min(start.elapsed());
        // Both have had their chance.
        if nth >= TRIES / 4 && best < 2 * least + Duration::from_millis(30) {
            return;
        }
    }
    panic!("{best:?}, and {least:?} for a list");
}
