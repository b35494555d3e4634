use std::io::Write;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::support::docker::{Container, tools, unique, until};
use super::support::proxy::Proxy;
use super::support::random::{Random, instants};
use super::support::s3_server::S3Server;
use super::support::world::{Running, World};

/// The parts of an upload: large enough for the store, small enough that a dump has several.
const PART: &str = "5MiB";

/// How many dumps are stalled for each instant of the other tests: by default 200 in all.
const STALLS_EACH: u32 = 4;

/// How many of them at a time.
const LANES: usize = 50;

/// The longest stall.
const LONGEST: Duration = Duration::from_secs(30);

/// How long Docker goes on copying after a command has ended.
const DOCKERS_PATIENCE: Duration = Duration::from_secs(2);

/// What dumps are the beginning of: more than any needs, and nothing compresses it.
const NOISE: usize = 28_000_000;

/// Where in an upload the store begins to stall.
#[derive(Debug, Clone, Copy)]
enum Stall {
    /// When the first part is full, or with a small dump at its end.
    FirstRequest,
    /// This many bytes into the upload, in the middle of a part.
    After(u64),
}

impl Stall {
    fn begin(self, proxy: &Proxy) {
        match self {
            Self::FirstRequest => proxy.hold_writes(),
            Self::After(bytes) => proxy.hold_after(bytes),
        }
    }
}

fn world() -> World {
    World::new()
        .set("DUMPCAR_COMPRESSION", "none")
        .set("DUMPCAR_S3_PART_SIZE", PART)
        .set("DUMPCAR_KEEP_LAST", "1")
}

/// How much a tool gets rid of before it waits for a store that stalls there.
fn bytes_until_the_tool_waits(stall: Stall) -> u64 {
    let proxy = Proxy::to(S3Server::shared().port);
    let world = world().set("AWS_ENDPOINT_URL", &format!("http://127.0.0.1:{}", proxy.port));
    // Its process id, and then bytes without end.
    let target = world.custom("t", "exec sh -c 'echo $$ >/tmp/pid; exec cat /dev/zero'");
    stall.begin(&proxy);
    let dumpcar = world.start(&["backup"]);
    until("the store is stalled", || proxy.held() > 0);
    let written = || {
        let io = target.exec(&["sh", "-c", "cat /proc/$(cat /tmp/pid)/io"]);
        let line = io.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap();
        line.parse::<u64>().unwrap()
    };
    let mut last = 0;
    until("the tool waits", || {
        let before = std::mem::replace(&mut last, written());
        thread::sleep(Duration::from_millis(500));
        last == before && last > 5 << 20
    });
    proxy.let_go();
    drop(dumpcar);
    last
}

/// A target with a line of its own to the store. All are one container, under different label prefixes.
struct Lane {
    prefix: String,
    size: u64,
    stall: Stall,
    transport: &'static str,
    proxy: Proxy,
}

impl Lane {
    /// Ends that lie everywhere in what is still in pipes and sockets when the tool has ended: Docker alone holds 1 MB.
    fn all(room: u64, room_in_parts: u64) -> Vec<Self> {
        let mut transports = ["off", "on"].into_iter().cycle();
        let mut lane = |size, stall| Self {
            prefix: unique(),
            size,
            stall,
            transport: transports.next().unwrap(),
            proxy: Proxy::to(S3Server::shared().port),
        };
        let at_first = (0..32).map(|n| (room - 5_000 - n * 45_000, Stall::FirstRequest));
        let in_parts = (1..=10).map(|n| (room_in_parts - n * 140_000, Stall::After(n * 400_000)));
        // One that fits into a part, or just does not, or goes on long after the stall.
        let anywhere =
            [1, 100_000, 4 << 20, 5 << 20, (5 << 20) + 1, 6 << 20, room + 1_000_000, room + 9_000_000];
        let anywhere = anywhere.map(|size| (size, Stall::FirstRequest));
        at_first.chain(in_parts).chain(anywhere).map(|(size, stall)| lane(size, stall)).collect()
    }

    /// Prints the first bytes of the noise, and leaves a note of when it had done so.
    fn labels(&self) -> Vec<String> {
        let Self { prefix, size, transport, .. } = self;
        let command = format!("head -c {size} /tmp/noise && date +'{prefix} %s%N' >>/tmp/over");
        let labels = [
            format!("{prefix}.enable=true"),
            format!("{prefix}.name=t"),
            format!("{prefix}.transport={transport}"),
            format!("{prefix}.command={command}"),
        ];
        labels.into_iter().flat_map(|label| ["--label".to_owned(), label]).collect()
    }

    fn back_up(&self, world: &World) -> Running {
        let mut command = world.command(&["backup"]);
        command.env("DUMPCAR_LABEL_PREFIX", &self.prefix);
        command.env("DUMPCAR_STORE", format!("s3://{}/{}", world.bucket.name, self.prefix));
        command.env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.proxy.port));
        Running::start(command)
    }

    /// The dumps that count as complete.
    fn dumps(&self, world: &World) -> Vec<Vec<u8>> {
        let keys = world.bucket.keys();
        let committed: Vec<_> = keys.iter().filter_map(|key| key.strip_suffix("manifest.json")).collect();
        let is_dump = |key: &&String| {
            let folder = committed.iter().find(|folder| key.starts_with(**folder));
            folder.is_some() && key.starts_with(&self.prefix) && !key.ends_with("/manifest.json")
        };
        keys.iter().filter(is_dump).map(|key| world.bucket.read(key)).collect()
    }
}

/// One backup whose store stalled.
struct Stalled {
    prefix: String,
    began: Duration,
    let_go: Duration,
    is_done: bool,
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_store_that_stalls_at_the_end_of_a_dump_does_not_cut_it() {
    let mut random = Random::announced("stalls");
    let room = bytes_until_the_tool_waits(Stall::FirstRequest);
    let room_in_parts = bytes_until_the_tool_waits(Stall::After(1_000_000));
    assert!(room_in_parts < NOISE as u64);
    let world = world();
    let lanes = Lane::all(room, room_in_parts);
    assert_eq!(lanes.len(), LANES);
    let labels: Vec<_> = lanes.iter().flat_map(Lane::labels).collect();
    let labels: Vec<_> = labels.iter().map(String::as_str).collect();
    let container = Container::run(&[labels.as_slice(), &[tools().as_str(), "sleep", "infinity"]].concat());
    container.exec(&["sh", "-c", &format!("head -c {NOISE} /dev/urandom >/tmp/noise")]);
    let noise = container.feed(&["cat", "/tmp/noise"], b"").0.unwrap();

    // The longest first: so all lanes are done at about the same time.
    let mut stalls: Vec<_> =
        random.spread(STALLS_EACH * instants()).into_iter().map(|part| LONGEST.mul_f64(part)).collect();
    stalls.sort();
    let (stalls, results) = (Mutex::new(stalls), Mutex::new(Vec::new()));
    let start = Instant::now();
    thread::scope(|scope| {
        for lane in &lanes {
            let (world, noise, stalls, results) = (&world, noise.as_slice(), &stalls, &results);
            scope.spawn(move || {
                let next = || stalls.lock().unwrap().pop();
                while let Some(stall) = next() {
                    let result = stalled(world, lane, stall, noise);
                    results.lock().unwrap().push(result);
                }
            });
        }
    });
    let results = results.into_inner().unwrap();

    // Those that say anything: the tool had ended, and Docker would have lost its patience, before the store went on.
    let over = container.exec(&["cat", "/tmp/over"]);
    let over: Vec<_> = over.lines().filter_map(|line| line.split_once(' ')).collect();
    let is_telling = |stalled: &&Stalled| {
        over.iter().any(|(prefix, at)| {
            let at = Duration::from_nanos(at.parse().unwrap());
            *prefix == stalled.prefix && at > stalled.began && at + DOCKERS_PATIENCE < stalled.let_go
        })
    };
    let telling = results.iter().filter(is_telling).count();
    let done = results.iter().filter(|stalled| stalled.is_done).count();
    let took = start.elapsed().as_secs_f64();
    let said = format!(
        "{} dumps with a stalled store (in {took:.0} s): {done} backups, all of them complete; {telling} had ended 2 s before the store went on\n",
        results.len()
    );
    drop(std::io::stderr().write_all(said.as_bytes()));
    assert!(telling >= results.len() / 4, "only {telling} tools ended in time: next to nothing is tested");
    assert_eq!(done, results.len(), "a stalled store is no reason to fail");
}

/// One backup with one stall. What it calls complete has to be.
fn stalled(world: &World, lane: &Lane, stall: Duration, noise: &[u8]) -> Stalled {
    let began = now();
    lane.stall.begin(&lane.proxy);
    let mut dumpcar = lane.back_up(world);
    until("the store is stalled", || lane.proxy.held() > 0 || dumpcar.has_ended());
    thread::sleep(stall);
    let let_go = now();
    lane.proxy.let_go();
    let ended = dumpcar.end();
    let is_done = ended.status == 0;
    let dumps = lane.dumps(world);
    let expected = &noise[..usize::try_from(lane.size).unwrap()];
    for dump in &dumps {
        assert!(
            dump == expected,
            "a stall of {stall:?}: {} of {} bytes are called complete",
            dump.len(),
            lane.size
        );
    }
    assert!(!is_done || dumps.len() == 1, "{} backups: {}", dumps.len(), ended.stderr);
    if !is_done {
        println!("{}: {}", lane.size, ended.stderr);
    }
    Stalled { prefix: lane.prefix.clone(), began, let_go, is_done }
}

/// As the tools in the container note it.
fn now() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap()
}
