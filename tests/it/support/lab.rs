//! Whole runs in this process, where hundreds of them are needed.

use std::sync::{Arc, Mutex};

use dumpcar::app::App;
use dumpcar::discovery::{Readiness, Target};
use dumpcar::jobs::backup::{self, Order};
use dumpcar::model::trigger::Trigger;
use dumpcar::outcome::Verdict;
use dumpcar::pipeline::Progress;
use tokio_util::sync::CancellationToken;

use super::docker::Script;
use super::world::World;

pub(crate) struct Lab {
    pub(crate) world: World,
    script: Arc<Mutex<Script>>,
    app: App,
    /// What the program runs in a target. Every marker is as long as the one in here.
    pub(crate) argv: Vec<String>,
    targets: Mutex<Vec<Target>>,
}

impl Lab {
    pub(crate) async fn new(compression: &str, runs: usize) -> Self {
        Self::with(&[("DUMPCAR_COMPRESSION", compression)], runs).await
    }

    pub(crate) async fn with(settings: &[(&str, &str)], runs: usize) -> Self {
        let script = Arc::new(Mutex::new(Script::ends(b"", 1)));
        let current = Arc::clone(&script);
        let mut world = World::new(move |_| current.lock().unwrap().clone()).await;
        world = settings.iter().fold(world, |world, (name, value)| world.set(name, value));
        world = world.set("DUMPCAR_S3_PART_SIZE", "5MiB");
        for number in 0..=runs {
            world = world.custom(&format!("t{number:04}"));
        }
        let app = world.app();
        let found = app.discover().await.unwrap();
        let targets = found.into_iter().map(|one| match one.state {
            Readiness::Ready(target) => *target,
            other @ (Readiness::Unavailable { .. } | Readiness::Misconfigured { .. }) => panic!("{other:?}"),
        });
        let targets = Mutex::new(targets.collect());
        let mut lab = Self { world, script, app, argv: Vec::new(), targets };
        let verdict = lab.run(Script::ends(b"", 1)).await.verdict;
        assert!(matches!(verdict, Verdict::Failed { .. }), "{verdict:?}");
        lab.argv = lab.world.docker.execs()[0].request.argv.clone();
        lab
    }

    pub(crate) fn marker(&self) -> &str {
        &self.argv[4]
    }

    /// Backs up a target whose tool does this.
    ///
    /// Each run has a target of its own. Two backups of one target are a second apart; and a child process that another
    /// test starts holds the lock of a run for a moment longer.
    pub(crate) async fn run(&self, script: Script) -> Ran {
        *self.script.lock().unwrap() = script;
        let target = self.targets.lock().unwrap().pop().expect("as many targets as runs");
        let (stop, progress) = (CancellationToken::new(), Progress::default());
        let verdict =
            Box::pin(backup::run(&self.app, &target, Order::of(Trigger::Manual), &stop, &progress)).await;
        Ran { target: target.name.to_string(), verdict }
    }

    /// What is stored as the only object of the only backup that a run made.
    pub(crate) fn object(&self, ran: &Ran) -> Vec<u8> {
        let keys = self.world.keys();
        let is_its = |key: &&String| key.starts_with(&format!("{}/", ran.target)) && key.contains("/dump.");
        self.world.read(keys.iter().find(is_its).unwrap())
    }
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    target: String,
    pub(crate) verdict: Verdict,
}

impl Ran {
    #[track_caller]
    pub(crate) fn assert_done(&self, what: &str) {
        assert!(matches!(self.verdict, Verdict::Done(_)), "{what}: {:?}", self.verdict);
    }

    /// Why there is no backup.
    #[track_caller]
    pub(crate) fn reason(&self, what: &str) -> &str {
        let Verdict::Failed { reason } = &self.verdict else { panic!("{what}: {:?}", self.verdict) };
        reason
    }
}
