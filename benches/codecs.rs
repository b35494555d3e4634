//! `codecs FILE…`: how small each compression makes each dump and how fast, beside the programs of the scripts Dumpcar
//! replaces. `scripts/bench --codecs` has dumps for it, and one core.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark that panics has failed, as it should"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use dumpcar::model::compression::Compression;
use dumpcar::pipeline::stages;

/// By their names: a compression of Dumpcar's, or a program of others.
const WAYS: [(&str, Way); 12] = [
    ("xz:1 (default)", Way::Ours("xz:1")),
    ("xz:6", Way::Ours("xz:6")),
    ("zstd (zstd:3)", Way::Ours("zstd:3")),
    ("zstd:9", Way::Ours("zstd:9")),
    ("zstd:15", Way::Ours("zstd:15")),
    ("gzip:6", Way::Ours("gzip:6")),
    ("bzip2 --best", Way::Program("bzip2 --best")),
    ("xz -1", Way::Program("xz -1")),
    ("… for text", Way::Program("xz --lzma2=preset=1,lc=4,pb=0")),
    ("… and depth 4", Way::Program("xz --lzma2=preset=1,lc=4,pb=0,depth=4")),
    ("… and 512 KiB", Way::Program("xz --lzma2=preset=1,lc=4,pb=0,depth=4,dict=512KiB")),
    ("… or 256 KiB", Way::Program("xz --lzma2=preset=1,lc=4,pb=0,depth=4,dict=256KiB")),
];

#[derive(Clone, Copy)]
enum Way {
    Ours(&'static str),
    Program(&'static str),
}

const ROUNDS: usize = 3;

/// What Dumpcar compresses at a time.
const PIECE: usize = 256 * 1024;

struct Measured {
    stored: u64,
    time: Duration,
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
    let (start, mut stored) = (Instant::now(), 0);
    stages::encode(compression, &pieces, |out| stored += out.len() as u64).unwrap();
    Measured { stored, time: start.elapsed() }
}

fn program(command: &str, file: &Path) -> Measured {
    let mut words = command.split(' ');
    let start = Instant::now();
    let mut child = Command::new(words.next().unwrap())
        .args(words)
        .arg("-c")
        .arg(file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stored = std::io::copy(&mut child.stdout.take().unwrap(), &mut std::io::sink()).unwrap();
    assert!(child.wait().unwrap().success());
    Measured { stored, time: start.elapsed() }
}

fn main() {
    // Cargo says `--bench` to each benchmark.
    let files: Vec<PathBuf> =
        std::env::args_os().skip(1).filter(|word| word != "--bench").map(PathBuf::from).collect();
    if files.is_empty() {
        println!("codecs: name the files to compress");
        return;
    }
    println!("plain to stored, and MB of the dump per second on one core: the best of {ROUNDS} rounds");
    let kinds = files.iter().map(|file| file.file_stem().unwrap().to_string_lossy());
    let head: String = kinds.chain(["all".into()]).map(|kind| format!("{kind:>15}")).collect();
    println!("{:14}{head}", "");
    let round = || WAYS.map(|(_, way)| files.iter().map(|file| way.run(file)).collect::<Vec<_>>());
    let rounds: Vec<_> = (0..ROUNDS).map(|_| round()).collect();
    let plain: Vec<u64> = files.iter().map(|file| std::fs::metadata(file).unwrap().len()).collect();
    for (row, (name, _)) in WAYS.iter().enumerate() {
        let best = |column: usize| {
            let runs = rounds.iter().map(|round: &[Vec<Measured>; WAYS.len()]| &round[row][column]);
            runs.min_by_key(|run| run.time).unwrap()
        };
        let mut all = Measured { stored: 0, time: Duration::ZERO };
        let mut cells = String::new();
        for (column, plain) in plain.iter().enumerate() {
            let Measured { stored, time } = best(column);
            all.stored += stored;
            all.time += *time;
            cells += &cell(*plain, *stored, *time);
        }
        println!("{name:14}{cells}{}", cell(plain.iter().sum(), all.stored, all.time));
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn cell(plain: u64, stored: u64, time: Duration) -> String {
    format!("{:>9.2}x {:>4.0}", plain as f64 / stored as f64, plain as f64 / 1e6 / time.as_secs_f64())
}
