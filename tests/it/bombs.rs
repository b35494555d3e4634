use std::io::Write;
use std::time::Duration;

use super::support::docker::Script;
use super::support::stored::{Object, compress, encoding};
use super::support::world::{Ended, World, finish};

const NEW: &str = "2026-01-02T23-00-00Z";
const WHOLE: &str = "CREATE TABLE t (a int);\n--\n-- PostgreSQL database dump complete\n--\n\n";

const MIB: u64 = 1 << 20;

/// What a bomb may take more than an ordinary small backup.
const MORE: u64 = 32 * MIB;

/// A frame of blocks of 128 KiB, four bytes each, after RFC 8878.
fn zstd(window_log: u8, blocks: usize) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, (window_log - 10) << 3];
    for block in 1..=blocks {
        let header = u32::from(block == blocks) | 1 << 1 | (128 << 10) << 3;
        frame.extend(&header.to_le_bytes()[..3]);
        frame.push(b'x');
    }
    frame
}

fn zeros(mib: u64, mut encoder: impl Write) {
    let piece = vec![0; 1 << 20];
    (0..mib).for_each(|_| encoder.write_all(&piece).unwrap());
}

fn gzip(mib: u64) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    zeros(mib, &mut encoder);
    encoder.finish().unwrap()
}

fn xz(level: u32, mib: u64) -> Vec<u8> {
    let mut encoder = xz2::write::XzEncoder::new(Vec::new(), level);
    zeros(mib, &mut encoder);
    encoder.finish().unwrap()
}

/// A file whose only filter asks for this dictionary: "Dictionary Size" of LZMA2, whose header has a CRC-32.
fn xz_with_dictionary(size: u8) -> Vec<u8> {
    let mut file = compress("xz", WHOLE.as_bytes());
    let header = &mut file[12..24];
    assert_eq!(header[..4], [2, 0, 0x21, 1], "a header of twelve bytes with one filter");
    header[4] = size;
    let mut crc = flate2::Crc::new();
    crc.update(&header[..8]);
    header[8..].copy_from_slice(&crc.sum().to_le_bytes());
    file
}

/// Runs the program to its end: how it ended, how much it printed, and its memory at its most.
async fn run(world: &World, args: &[&str]) -> (Ended, u64, u64) {
    let mut child = world.start(args);
    let (pid, mut stdout) = (child.id().unwrap(), child.stdout.take().unwrap());
    let printing = tokio::spawn(async move { tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await });
    let watching = std::thread::spawn(move || {
        let mut most = 0;
        // A process that has ended has no memory to tell of.
        while let Some(kib) = std::fs::read_to_string(format!("/proc/{pid}/status")).ok().and_then(of_memory)
        {
            most = kib;
            std::thread::sleep(Duration::from_millis(1));
        }
        most * 1024
    });
    let ended = finish(child).await;
    (ended, printing.await.unwrap().unwrap(), watching.join().unwrap())
}

fn of_memory(status: String) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse().unwrap())
}

/// What a bomb's manifest says of it, and how that ends.
struct Bomb {
    what: &'static str,
    compression: &'static str,
    stored: Vec<u8>,
    plain_bytes: u64,
    /// Of what `verify` says.
    says: &'static str,
}

fn bombs() -> Vec<Bomb> {
    let bomb =
        |what, compression, stored, plain_bytes, says| Bomb { what, compression, stored, plain_bytes, says };
    let (surplus, refused) = ("its size after decompression", "it cannot be decompressed");
    vec![
        bomb("5 GB of zstd, said to be 1000 bytes", "zstd", zstd(17, 40_000), 1000, surplus),
        bomb("393 MB of zstd, said to be more", "zstd", zstd(17, 3000), 1 << 50, surplus),
        bomb("zstd with a window of 8 MiB", "zstd", zstd(23, 3000), 1 << 50, surplus),
        bomb("zstd with a window of 128 MiB", "zstd", zstd(27, 3000), 1000, refused),
        bomb("… said to be more", "zstd", zstd(27, 3000), 1 << 50, refused),
        bomb("… said to be 1000 bytes of level 22", "zstd:27", zstd(27, 3000), 1000, surplus),
        bomb("… said to be more of level 22", "zstd:27", zstd(27, 3000), 1 << 50, surplus),
        bomb("zstd with a window of 2 GiB", "zstd:27", zstd(31, 3000), 1 << 50, refused),
        bomb("256 MiB of xz, said to be 1000 bytes", "xz", xz(6, 256), 1000, surplus),
        bomb("256 MiB of xz, said to be more", "xz", xz(6, 256), 1 << 50, surplus),
        bomb("xz with a dictionary of 64 MiB", "xz", xz(9, 256), 1 << 50, refused),
        bomb("xz with a dictionary of 1 GiB", "xz:26", xz_with_dictionary(36), 1 << 50, refused),
        bomb("256 MiB of gzip, said to be 1000 bytes", "gzip", gzip(256), 1000, surplus),
        bomb("256 MiB of gzip, said to be more", "gzip", gzip(256), 1 << 50, surplus),
    ]
}

#[tokio::test]
async fn a_bomb_costs_no_more_than_a_backup_and_is_damaged() {
    let world = World::new(|_| Script::ends(b"", 0)).await;
    let mut ordinary = Vec::new();
    for args in [&["verify"][..], &["cat", "shop"]] {
        let mut most = 0;
        for compression in ["zstd", "xz", "gzip"] {
            let object = Object::database("shop", compression, WHOLE.as_bytes());
            world.store_backup("shop", NEW, "postgresql", &[object]);
            let (ended, _, memory) = run(&world, args).await;
            assert_eq!(ended.status, 0, "{}", ended.stderr);
            most = most.max(memory);
        }
        println!("{args:?} of a small backup: {} MiB", most / MIB);
        ordinary.push(most);
    }
    println!("{:42}{:>12}{:>10}{:>10}{:>14}", "", "stored", "verify", "cat", "cat printed");
    let mut wrong = Vec::new();
    for Bomb { what, compression, stored, plain_bytes, says } in bombs() {
        let bytes = stored.len();
        let codec = compression.split(':').next().unwrap();
        let object = Object::database("shop", codec, WHOLE.as_bytes());
        let object =
            object.holds(stored).says("encoding", encoding(compression)).says("plain_bytes", plain_bytes);
        world.store_backup("shop", NEW, "postgresql", &[object]);
        let (verify, _, of_verify) = run(&world, &["verify"]).await;
        let (cat, printed, of_cat) = run(&world, &["cat", "shop"]).await;
        println!("{what:42}{bytes:12}{:>6} MiB{:>6} MiB{printed:14}", of_verify / MIB, of_cat / MIB);
        let reasons = verify.logged("the backup is not good");
        let reason = reasons.first().and_then(|line| line["reason"].as_str()).unwrap_or_default();
        if verify.status != 1 || !reason.starts_with("damaged: ") || !reason.contains(says) {
            wrong.push(format!("{what}: verify ends with {}: {reason:?}", verify.status));
        }
        if cat.status != 1 || printed > plain_bytes || !cat.stderr.contains("do not use what was printed") {
            wrong.push(format!("{what}: cat ends with {} after {printed} bytes: {}", cat.status, cat.stderr));
        }
        // A backup of level 22 has this window of 2^27 bytes, and nothing tells it from a bomb of that size.
        let window = if compression == "zstd:27" && plain_bytes > 128 * MIB { 128 * MIB } else { 0 };
        for (memory, ordinary) in [of_verify, of_cat].into_iter().zip(&ordinary) {
            if memory > ordinary + window + MORE {
                wrong.push(format!("{what}: {} MiB", memory / MIB));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
