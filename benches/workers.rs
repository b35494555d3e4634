//! How fast the pipeline is with more processors than this machine has: `cargo bench --features bench --bench workers`.
//!
//! What compresses waits for as long as its work would take. All else, which one thread does, is done: so the last lines, where
//! compressing takes no time, are what no further processor makes faster.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark that panics has failed, as it should"
)]

#[path = "common/input.rs"]
#[expect(dead_code, reason = "it has another dump as well")]
mod input;

use std::process::Command;
use std::time::Instant;

use bytes::Bytes;
use dumpcar::docker::Arrives;
use dumpcar::model::compression::Compression;
use dumpcar::model::content::Dialect;
use dumpcar::pipeline::simulation::{Workers, simulate};
use dumpcar::pipeline::stages;

/// A block of xz without a level.
const BLOCK: usize = 3 << 20;
const BLOCKS: usize = 400;

/// Compression, workers, and MB that each of them compresses in a second.
const WAYS: [(&str, u32, u64); 7] = [
    ("xz", 2, 10),
    ("xz", 4, 10),
    ("xz", 8, 10),
    ("xz", 16, 10),
    ("xz", 16, 100),
    ("xz", 16, 0),
    ("none", 16, 0),
];

/// The same block again and again, from memory: more than a gigabyte in a second.
async fn compress(arrives: Arrives, compression: &str, pieces: &[Bytes]) -> f64 {
    let compression: Compression = compression.parse().unwrap();
    let begun = Instant::now();
    let work = stages::compress(arrives, compression, Some(Dialect::Postgresql), pieces, drop);
    let made = work.await.unwrap();
    made.digests.plain_bytes as f64 / 1e6 / begun.elapsed().as_secs_f64()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let block = input::postgresql(BLOCK);
    // From itself; cargo passes `--bench`.
    let way = std::env::args().skip(1).find_map(|way| way.parse::<usize>().ok());
    let Some(way) = way else {
        println!("compression  workers  MB/s of each  MB/s of the pipeline");
        for way in 0..=WAYS.len() {
            // How many there are is settled once in a process.
            let this = std::env::current_exe().unwrap();
            assert!(Command::new(this).arg(way.to_string()).status().unwrap().success());
        }
        return;
    };
    let many =
        |pieces: &[Bytes]| pieces.iter().cloned().cycle().take(pieces.len() * BLOCKS).collect::<Vec<_>>();
    let Some((compression, count, speed)) = WAYS.get(way) else {
        let mut frames = Vec::new();
        let zstd: Compression = "zstd:3".parse().unwrap();
        stages::encode(zstd, &block, |out| frames.push(Bytes::copy_from_slice(out))).unwrap();
        let rate = runtime.block_on(compress(Arrives::Zstd, "zstd:3", &many(&frames)));
        println!("{:11}  {:>7}  {:>12}  {rate:20.0}", "zstd inside", "-", "-");
        return;
    };
    simulate(Workers { count: *count, bytes_per_second: speed * 1_000_000 });
    // What a block becomes is found out once.
    runtime.block_on(compress(Arrives::Plain, compression, &block));
    let rate = runtime.block_on(compress(Arrives::Plain, compression, &many(&block)));
    let speed = if *speed == 0 { "-".to_owned() } else { speed.to_string() };
    println!("{compression:11}  {count:>7}  {speed:>12}  {rate:20.0}");
}
