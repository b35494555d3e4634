//! `codecs FILE…`: how small each compression makes each dump and how fast, beside the programs of the scripts Dumpcar
//! replaces. `scripts/bench --codecs` has dumps for it, and one core.
#![allow(
    clippy::unwrap_used,
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

const OURS: [&str; 5] = ["xz:1", "xz:6", "zstd:3", "zstd:9", "gzip:6"];
const PROGRAMS: [&str; 2] = ["xz -1", "bzip2 --best"];

const ROUNDS: usize = 3;

/// What Dumpcar compresses at a time.
const PIECE: usize = 256 * 1024;

struct Measured {
    stored: u64,
    time: Duration,
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

fn program(words: &str, file: &Path) -> Measured {
    let mut words = words.split(' ');
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
    let names: Vec<&str> = OURS.into_iter().chain(PROGRAMS).collect();
    println!("plain to stored, and MB of the dump per second on one core: the best of {ROUNDS} rounds");
    println!("{:12}{}", "", names.iter().map(|name| format!("{name:>17}")).collect::<String>());
    for file in files {
        let plain = std::fs::metadata(&file).unwrap().len();
        let round = || {
            names
                .iter()
                .map(|name| if OURS.contains(name) { ours(name, &file) } else { program(name, &file) })
        };
        let rounds: Vec<Vec<Measured>> = (0..ROUNDS).map(|_| round().collect()).collect();
        let cell = |column: usize| {
            let best =
                rounds.iter().filter_map(|round| round.get(column)).min_by_key(|run| run.time).unwrap();
            #[expect(clippy::cast_precision_loss, reason = "for people")]
            let (ratio, speed) =
                (plain as f64 / best.stored as f64, plain as f64 / 1e6 / best.time.as_secs_f64());
            format!("{:>9.2}x {speed:>6.0}", ratio)
        };
        let cells: String = (0..names.len()).map(cell).collect();
        println!("{:12}{cells}", file.file_stem().unwrap().to_string_lossy());
    }
}
