//! A dump of Redis or Valkey, whatever it is and however it comes.

use crc::{CRC_64_REDIS, Crc};

use crate::model::content::{Content, Counter, Dialect, NotWhole, Unread};

/// A dump of any content, with a right beginning and end or without. In any pieces it is the same, and no part of a dump is a
/// whole one.
///
/// The first byte is the size of the pieces. The second one says what is put around the rest.
pub fn rdb(data: &[u8]) {
    let Some((&[size, around], rest)) = data.split_first_chunk::<2>() else { return };
    let dump = match around % 3 {
        0 => rest.to_vec(),
        1 => sealed(b"REDIS0011", rest),
        _ => sealed(b"VALKEY080", rest),
    };
    let whole = read(dump.chunks(dump.len().max(1)));
    assert_eq!(read(dump.chunks(usize::from(size) + 1)), whole);
    let (content, verdict, unread) = whole;
    match verdict {
        Ok(()) => {
            let behind = read([dump.as_slice(), b"x"].into_iter());
            assert!(behind.1.is_err(), "something comes behind it");
            let cut = dump.split_last().map_or(dump.as_slice(), |(_, before)| before);
            // What cannot be read may as well have ended before.
            if unread.is_none() {
                assert!(read(std::iter::once(cut)).1.is_err(), "a part of it is whole");
            }
        }
        // What was put around it is right, so an end must stand in the middle, or in the checksum behind what goes on there.
        Err(error) => {
            let is_early = matches!(error, NotWhole::Trailing { .. } | NotWhole::CutOff { .. });
            assert!(around % 3 == 0 || is_early, "{error}");
        }
    }
    let same = content.compare(&content, Dialect::Rdb);
    assert!(same.differences.is_empty() && same.doubts.is_empty());
    let json = serde_json::to_vec(&content).expect("a content has only string keys");
    assert_eq!(serde_json::from_slice::<Content>(&json).expect("it was written by this version"), content);
}

fn sealed(head: &[u8], body: &[u8]) -> Vec<u8> {
    let mut dump = [head, body, &[0xff]].concat();
    let sum = Crc::<u64>::new(&CRC_64_REDIS).checksum(&dump);
    dump.extend(sum.to_le_bytes());
    dump
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Content, Result<(), NotWhole>, Option<Unread>) {
    let mut counter = Counter::new(Dialect::Rdb);
    pieces.for_each(|piece| counter.take(piece));
    let (whole, unread) = (counter.whole(), counter.unread());
    (counter.end(), whole, unread)
}
