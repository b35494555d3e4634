//! What has to hold for any input: the bodies of the fuzz targets (`fuzz/`, `scripts/fuzz`). Here, tests replay the inputs
//! that are kept.
#![allow(clippy::panic, reason = "an input that breaks what has to hold ends the run")]

mod bucket;
mod content;
mod docker;
pub mod engine;
mod frames;
mod rdb;
mod sqlite;

pub use bucket::{drill, manifest, record, scratch};
pub use content::content;
pub use docker::container;
pub use frames::frames;
pub use rdb::rdb;
pub use sqlite::sqlite;

use std::collections::HashMap;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::labels::TargetLabels;
use crate::docker::{Statuses, TrailerStripper};
use crate::engine::Engine;
use crate::model::schedule::Schedule;
use crate::signing::{Namespace, Signature, Signer, TrustedSigners, open, seal};

const MARKER: &str = "dumpcar-0123456789abcdef0123456789abcdef";

/// Longest text behind the marker.
const STATUS: usize = " 255 255\n".len();

/// A dump in pieces of any size, cut off or not: what comes out is what was put in, and no status comes before its end.
///
/// The input's first bytes are the exit status and where the stream is cut; the rest is the dump, and at the same time
/// the sizes of the pieces.
pub fn trailer(data: &[u8]) {
    let Some((&[status, cut_low, cut_high], dump)) = data.split_first_chunk::<3>() else { return };
    let needle = format!("\n{MARKER}");
    let dump = with_false_starts(dump, &needle);
    let contains_marker = dump.windows(needle.len()).any(|window| window == needle.as_bytes());
    if contains_marker {
        // No dump contains 128 random bits by chance. It must not be taken for a whole one with other bytes, though.
        let (mut stripper, mut got) = (TrailerStripper::new(MARKER), Vec::new());
        for piece in pieces(&dump) {
            match stripper.push(piece) {
                Ok(parts) => got.extend(parts.concat()),
                Err(_) => break,
            }
            assert!(dump.starts_with(&got), "bytes were changed or lost");
        }
        return;
    }
    let compressor = (cut_high >= 0x80).then_some(cut_low);
    let second = compressor.map(|status| format!(" {status}")).unwrap_or_default();
    let stream = [dump.as_slice(), format!("{needle} {status}{second}\n").as_bytes()].concat();
    let (mut stripper, mut got, mut pushed) = (TrailerStripper::new(MARKER), Vec::new(), 0);
    for piece in pieces(&stream) {
        pushed += piece.len();
        got.extend(stripper.push(piece).expect("nothing is behind the trailer").concat());
        assert!(dump.starts_with(&got), "bytes were changed or lost");
        assert!(pushed - got.len() <= needle.len() + STATUS, "more is held back than has to be");
        assert_eq!(
            stripper.statuses().is_some(),
            pushed == stream.len(),
            "a status before the end, or none at it"
        );
    }
    assert_eq!((got, stripper.statuses()), (dump.clone(), Some(Statuses { tool: status, compressor })));
    assert!(stripper.push(Bytes::new()).is_ok(), "an empty piece is no output");
    assert!(stripper.push(Bytes::from_static(b"x")).is_err(), "output behind the trailer");

    let cut = usize::from(u16::from_le_bytes([cut_low, cut_high])) % stream.len();
    let (cut_off, _) = stream.split_at(cut);
    let (mut stripper, mut got) = (TrailerStripper::new(MARKER), Vec::new());
    for piece in pieces(cut_off) {
        got.extend(stripper.push(piece).expect("nothing is behind the trailer").concat());
    }
    assert_eq!(stripper.statuses(), None, "a cut dump has no status");
    assert!(dump.starts_with(&got), "bytes were changed or lost");
}

/// The input with the beginning of a trailer wherever it has a byte 0xff, as long as the byte behind it says.
fn with_false_starts(data: &[u8], needle: &str) -> Vec<u8> {
    let mut dump = Vec::new();
    let mut bytes = data.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte == 0xff {
            let length = usize::from(bytes.next().unwrap_or_default()) % needle.len();
            dump.extend(needle.bytes().take(length));
        } else {
            dump.push(byte);
        }
    }
    dump
}

/// Cuts the stream into pieces of sizes that its own bytes say, the larger ones larger than what is held back.
fn pieces(stream: &[u8]) -> Vec<Bytes> {
    let (mut pieces, mut rest) = (Vec::new(), stream);
    let mut sizes = stream.iter().rev();
    while !rest.is_empty() {
        let size = match usize::from(sizes.next().copied().unwrap_or_default()) {
            small @ 0..200 => small % 60,
            large => large * 8,
        };
        let (piece, behind) = rest.split_at(size.min(rest.len()));
        pieces.push(Bytes::copy_from_slice(piece));
        // Empty frames exist; for ever they do not.
        rest = if pieces.len() > 4 * stream.len() { &[] } else { behind };
        if rest.is_empty() && !behind.is_empty() {
            pieces.push(Bytes::copy_from_slice(behind));
        }
    }
    pieces
}

/// Labels, a line of `name=value` for each: they are read the same way each time, and no error shows a value.
pub fn labels(data: &[u8]) {
    const CANARY: &str = "c4n4ry";
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lines = || text.lines().map(|line| line.split_once('=').unwrap_or((line, "")));
    let parse = |before: &str| {
        let labels = lines().map(|(name, value)| (format!("dumpcar.{name}"), format!("{before}{value}")));
        let labels: HashMap<String, String> =
            labels.chain([("dumpcar.enable".into(), "true".into())]).collect();
        let (result, again) =
            (TargetLabels::parse(&labels, "dumpcar"), TargetLabels::parse(&labels, "dumpcar"));
        assert_eq!(result, again, "the order of labels decides");
        result
    };
    match parse("") {
        Ok(None) => panic!("it has opted in"),
        Ok(Some(labels)) => {
            assert_eq!(labels.engine == Some(Engine::CUSTOM), labels.custom.is_some());
            assert!(labels.databases.iter().all(|name| !name.is_empty()));
            assert!(labels.password_file.is_none_or(|path| path.starts_with('/')));
            assert!(labels.timeout.is_none_or(|limit| !limit.is_zero()));
        }
        Err(errors) => {
            assert!(errors.iter().count() > 0);
            for error in errors.iter() {
                assert!(error.name.starts_with("dumpcar."), "{error:?}");
                assert!(!error.problem.is_empty() && !error.problem.contains('\n'), "{error:?}");
            }
        }
    }
    if !text.contains(CANARY)
        && let Err(errors) = parse(CANARY)
    {
        assert!(!format!("{errors} {errors:?}").contains(CANARY), "{errors}");
    }
}

/// A schedule: the time it comes from, then its text. What it shows is what it is, and its times lie ahead.
pub fn schedule(data: &[u8]) {
    let Some((seconds, text)) = data.split_first_chunk::<4>() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let schedule: Schedule = match text.parse() {
        Ok(schedule) => schedule,
        Err(error) => {
            assert!(!error.to_string().contains('\n'));
            return;
        }
    };
    let shown = schedule.to_string();
    let again: Schedule = shown.parse().expect("what is shown can be read");
    assert_eq!((&again, again.to_string()), (&schedule, shown));
    // Two decades, and zones with all there is: none, an hour, half an hour, a day left out.
    let start = Timestamp::from_second(1_500_000_000 + i64::from(u32::from_le_bytes(*seconds)) / 8)
        .expect("it is in range");
    for zone in ["UTC", "Europe/Stockholm", "Australia/Lord_Howe", "Pacific/Apia"] {
        let zone = TimeZone::get(zone).expect("it is in the database");
        let mut now = start;
        for _ in 0..4 {
            let Some(next) = schedule.next_after(now, &zone) else { break };
            assert!(next > now, "{schedule} in {zone:?}: {next} after {now}");
            assert_eq!(again.next_after(now, &zone), Some(next));
            let shift = std::time::Duration::from_secs(u64::from(seconds[0]) * 60);
            let shifted = schedule.next_after_shifted(now, &zone, shift);
            assert!(
                shifted.is_none_or(|shifted| shifted > now),
                "{schedule} in {zone:?} by {shift:?} after {now}"
            );
            now = next;
        }
    }
}

/// A signature, keys, or JSON with a signature in it: read or refused, and what was read is written back the same.
pub fn signature(data: &[u8]) {
    if let Ok(signature) = Signature::from_armor(data) {
        assert_eq!(Signature::from_armor(signature.to_armor().as_bytes()), Ok(signature.clone()));
        assert_eq!(Signature::from_base64(&signature.to_base64()), Ok(signature));
    }
    let signer = Signer::from_seed(&[1; 32]);
    let trusted: TrustedSigners = signer.public_key().to_string().parse().expect("a public key");
    if let Ok(opened) = open(Namespace::Record, data, &trusted) {
        assert_eq!(open(Namespace::Record, &seal(Namespace::Record, &opened, &signer), &trusted), Ok(opened));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<Signer>() {
        Ok(signer) => {
            let signature = signer.sign(Namespace::Drill, data);
            assert_eq!(signature.check(Namespace::Drill, data), Ok(()));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    match text.parse::<TrustedSigners>() {
        Ok(trusted) => {
            let lines: Vec<String> = trusted.keys().iter().map(ToString::to_string).collect();
            assert_eq!(lines.join("\n").parse(), Ok(trusted.clone()));
            assert_eq!(lines.join(",").parse(), Ok(trusted));
        }
        Err(error) => assert!(!error.to_string().contains('\n')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replay(name: &str, body: fn(&[u8])) {
        let folder = format!("{}/fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
        let files: Vec<_> = std::fs::read_dir(folder).unwrap().collect();
        assert!(files.len() > 1, "the corpus of {name} is empty");
        for file in files {
            body(&std::fs::read(file.unwrap().path()).unwrap());
        }
    }

    #[test]
    fn kept_inputs_of_the_trailer_hold() {
        replay("trailer", trailer);
    }

    #[test]
    fn kept_inputs_of_the_frames_hold() {
        replay("frames", frames);
    }

    #[test]
    fn kept_inputs_of_the_labels_hold() {
        replay("labels", labels);
    }

    #[test]
    fn kept_inputs_of_the_schedule_hold() {
        replay("schedule", schedule);
    }

    #[test]
    fn kept_inputs_of_the_signature_hold() {
        replay("signature", signature);
    }

    #[test]
    fn kept_inputs_of_the_manifest_hold() {
        replay("manifest", manifest);
    }

    #[test]
    fn kept_inputs_of_the_record_hold() {
        replay("record", record);
    }

    #[test]
    fn kept_inputs_of_the_scratch_label_hold() {
        replay("scratch", scratch);
    }

    #[test]
    fn kept_inputs_of_the_container_hold() {
        replay("container", container);
    }

    #[test]
    fn kept_inputs_of_the_content_hold() {
        replay("content", content);
    }

    #[test]
    fn kept_inputs_of_redis_dumps_hold() {
        replay("rdb", rdb);
    }

    #[test]
    fn kept_inputs_of_sqlite_databases_hold() {
        replay("sqlite", sqlite);
    }

    #[test]
    fn kept_inputs_of_the_drill_result_hold() {
        replay("drill", drill);
    }
}
