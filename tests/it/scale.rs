/// What comes before the first exec.
mod first_exec;
/// A bucket with a hundred thousand objects.
mod objects;
/// What a backup asks the store.
mod requests;
/// Many targets: how they are found, and what they cost while nothing is due.
mod targets;

use super::support::s3::Asked;
use super::support::world::World;

/// A request in two or three words: the operation, and what it is about.
fn words(world: &World, asked: &Asked) -> String {
    let key = asked.parameter("prefix").unwrap_or_else(|| asked.key());
    let key = key.strip_prefix(world.prefix()).unwrap().trim_matches('/');
    let what = match key.split('/').collect::<Vec<_>>().as_slice() {
        [".dumpcar", "runs"] => "all records",
        [".dumpcar", "runs", _] => "records",
        [".dumpcar", "runs", _, _] => "record",
        [""] => "everything",
        [_] => "target",
        [_, _] => "backup",
        [.., file] => file,
        [] => unreachable!("there is always a part"),
    };
    format!("{} {what}", asked.operation())
}

/// What the store was asked from the request of this number on.
fn since(world: &World, first: usize) -> Vec<String> {
    world.s3.asked()[first..].iter().map(|asked| words(world, asked)).collect()
}

/// What a process has had until now.
#[derive(Debug)]
struct Spent {
    /// Of a processor: hundredths of a second.
    ticks: u64,
    most_kib: u64,
    /// Now, without the program's file, whose pages the kernel takes back when it wants them.
    own_kib: u64,
}

impl Spent {
    fn by(pid: u32) -> Self {
        Self::while_it_runs(pid).unwrap()
    }

    /// `None` once it has ended.
    fn while_it_runs(pid: u32) -> Option<Self> {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
        let (stat, status) = (read("stat")?, read("status")?);
        // The name before it may have spaces.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let kib = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim().trim_end_matches(" kB").parse().unwrap())
        };
        let (user, system): (u64, u64) = (fields[11].parse().unwrap(), fields[12].parse().unwrap());
        Some(Self { ticks: user + system, most_kib: kib("VmHWM:")?, own_kib: kib("RssAnon:")? })
    }
}

/// On a busy machine it takes longer, so there are several tries; what always takes longer fails in each.
const TRIES: usize = 20;
