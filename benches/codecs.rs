//! `codecs FILE…`: how small each compression makes each dump and how fast, beside the programs of the scripts Dumpcar
//! replaces. `scripts/bench --codecs` has dumps for it, and one core.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark that panics has failed, as it should"
)]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use dumpcar::model::compression::Compression;
use dumpcar::pipeline::stages;

/// By their names: a compression of Dumpcar's, or a program of others.
const WAYS: [(&str, Way); 9] = [
    ("xz (auto: small)", Way::Ours("xz")),
    ("zstd:9 (… large)", Way::Ours("zstd:9")),
    ("xz:1", Way::Ours("xz:1")),
    ("xz:6", Way::Ours("xz:6")),
    ("zstd (zstd:3)", Way::Ours("zstd:3")),
    ("zstd:15", Way::Ours("zstd:15")),
    ("gzip:6", Way::Ours("gzip:6")),
    ("bzip2 --best", Way::Program("bzip2 --best")),
    ("xz -1", Way::Program("xz -1")),
];

#[derive(Clone, Copy)]
enum Way {
    Ours(&'static str),
    Program(&'static str),
}

/// What Dumpcar compresses at a time.
const PIECE: usize = 256 * 1024;

struct Measured {
    stored: u64,
    time: Duration,
    /// To read it back.
    back: Duration,
}

impl Way {
    fn run(self, file: &Path) -> Measured {
        match self {
            Self::Ours(compression) => ours(compression, file),
            Self::Program(words) => program(words, file),
        }
    }
}

fn ours(compression: &str, file: &Path) -> Measured {
    let compression: Compression = compression.parse().unwrap();
    let dump = Bytes::from(std::fs::read(file).unwrap());
    let pieces: Vec<Bytes> = (0..dump.len())
        .step_by(PIECE)
        .map(|start| dump.slice(start..dump.len().min(start + PIECE)))
        .collect();
    let (start, mut stored) = (processor_time(), Vec::new());
    stages::encode(compression, &pieces, |out| stored.extend_from_slice(out)).unwrap();
    let time = processor_time() - start;
    let start = processor_time();
    stages::decode(compression, &stored, |_| {}).unwrap();
    Measured { stored: stored.len() as u64, time, back: processor_time() - start }
}

fn program(command: &str, file: &Path) -> Measured {
    let run = |arguments: &str, file: &Path| {
        let start = processor_time();
        let mut child = Command::new(command.split(' ').next().unwrap())
            .args(arguments.split(' '))
            .arg(file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut out).unwrap();
        assert!(child.wait().unwrap().success());
        (out, processor_time() - start)
    };
    let (stored, time) = run(&format!("{} -c", command.split_once(' ').unwrap().1), file);
    let archive = file.with_extension(if command.starts_with("xz") { "xz" } else { "bz2" });
    std::fs::write(&archive, &stored).unwrap();
    let (_, back) = run("-dc", &archive);
    std::fs::remove_file(archive).unwrap();
    Measured { stored: stored.len() as u64, time, back }
}

/// What this process and those that it has waited for have used. Other work on the machine does not count.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<u64> = stat
        .rsplit(") ")
        .next()
        .unwrap()
        .split(' ')
        .skip(11)
        .take(4)
        .map(|ticks| ticks.parse().unwrap())
        .collect();
    // 100 ticks a second, as everywhere on Linux.
    Duration::from_millis(fields.iter().sum::<u64>() * 10)
}

/// What a compression's encoder takes of memory, in a process of its own. It goes through `file`.
fn memory(compression: &str, file: &Path) -> u64 {
    let own = std::env::current_exe().unwrap();
    let said = Command::new(own).args(["--memory", compression]).arg(file).output().unwrap();
    assert!(said.status.success());
    String::from_utf8(said.stdout).unwrap().trim().parse().unwrap()
}

/// The most that this process ever took, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if let [_, word, compression, file] = words.as_slice()
        && word == "--memory"
    {
        let dump = Bytes::from(std::fs::read(file).unwrap());
        let pieces: Vec<Bytes> =
            (0..dump.len()).step_by(PIECE).map(|at| dump.slice(at..dump.len().min(at + PIECE))).collect();
        let before = peak();
        stages::encode(compression.parse().unwrap(), &pieces, |_| {}).unwrap();
        println!("{}", peak() - before);
        return;
    }
    // Cargo says `--bench` to each benchmark.
    let files: Vec<PathBuf> =
        std::env::args_os().skip(1).filter(|word| word != "--bench").map(PathBuf::from).collect();
    if files.is_empty() {
        println!("codecs: name the files to compress");
        return;
    }
    println!(
        "plain to stored, and MB of the dump for a second of processor time; for all of it also read back,"
    );
    println!("and MiB that the encoder takes");
    let kinds = files.iter().map(|file| file.file_stem().unwrap().to_string_lossy());
    let head: String = kinds.chain(["all".into()]).map(|kind| format!("{kind:>15}")).collect();
    println!("{:17}{head}   back  MiB", "");
    let plain: Vec<u64> = files.iter().map(|file| std::fs::metadata(file).unwrap().len()).collect();
    for (name, way) in &WAYS {
        let mut all = Measured { stored: 0, time: Duration::ZERO, back: Duration::ZERO };
        let mut cells = String::new();
        for (file, plain) in files.iter().zip(&plain) {
            let Measured { stored, time, back } = way.run(file);
            all.stored += stored;
            all.time += time;
            all.back += back;
            cells += &cell(*plain, stored, time);
        }
        let whole = cell(plain.iter().sum(), all.stored, all.time);
        println!(
            "{name:17}{cells}{whole} {:>6.0}{}",
            rate(plain.iter().sum(), all.back),
            memory_of(*way, &files)
        );
    }
}

/// For the largest file, so that every buffer is full.
fn memory_of(way: Way, files: &[PathBuf]) -> String {
    match way {
        Way::Ours(compression) => {
            let largest = files.iter().max_by_key(|file| std::fs::metadata(file).unwrap().len()).unwrap();
            format!(" {:>4}", memory(compression, largest) / 1024)
        }
        Way::Program(_) => "    -".to_owned(),
    }
}

fn cell(plain: u64, stored: u64, time: Duration) -> String {
    format!("{:>9.2}x {:>4.0}", ratio(plain, stored), rate(plain, time))
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn ratio(plain: u64, stored: u64) -> f64 {
    plain as f64 / stored as f64
}

/// MB in a second.
#[expect(clippy::cast_precision_loss, reason = "for people")]
fn rate(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / 1e6 / time.as_secs_f64()
}
