//! A SQLite database, whatever it is and however it comes.

use crate::model::content::{Content, Counter, Dialect, NotWhole, Unread};

const PAGE: usize = 512;

/// An image of any pages, with a right header or without. In any pieces it is the same, and neither a part of it nor more than
/// it is whole.
///
/// The first byte is the size of the pieces. The second one says whether the rest gets a header.
pub fn sqlite(data: &[u8]) {
    let Some((&[size, around], rest)) = data.split_first_chunk::<2>() else { return };
    let has_header = around % 2 == 1;
    let image = if has_header { with_header(rest) } else { rest.to_vec() };
    let whole = read(image.chunks(image.len().max(1)));
    assert_eq!(read(image.chunks(usize::from(size) * 7 + 1)), whole);
    let (content, verdict, unread) = whole;
    match verdict {
        Ok(()) => {
            let behind = read([image.as_slice(), b"x"].into_iter());
            assert!(behind.1.is_err(), "something comes behind it");
            let cut = image.split_last().map_or(image.as_slice(), |(_, before)| before);
            let cut = read(std::iter::once(cut));
            assert!(cut.1.is_err() && cut.2.is_some(), "a part of it is whole");
        }
        Err(error) => {
            assert!(!has_header, "{error}");
            let is_cut = matches!(error, NotWhole::CutOff { .. });
            assert!(!is_cut || unread.is_some(), "what is cut off is read");
        }
    }
    let same = content.compare(&content, Dialect::Sqlite);
    assert!(same.differences.is_empty() && same.doubts.is_empty());
    let json = serde_json::to_vec(&content).expect("a content has only string keys");
    assert_eq!(serde_json::from_slice::<Content>(&json).expect("it was written by this version"), content);
}

/// Whole pages of 512 bytes with a right header, whose other fields are as they were.
fn with_header(rest: &[u8]) -> Vec<u8> {
    let mut image = rest.to_vec();
    image.resize(rest.len().next_multiple_of(PAGE).max(PAGE), 0);
    let pages = u32::try_from(image.len() / PAGE).unwrap_or(u32::MAX);
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(field) = image.get_mut(at..at + bytes.len()) {
            field.copy_from_slice(bytes);
        }
    };
    put(0, b"SQLite format 3\0\x02\0");
    put(20, &[0, 64, 32, 32, 0, 0, 0, 1]);
    put(28, &pages.to_be_bytes());
    put(56, &[0, 0, 0, 1]);
    put(92, &[0, 0, 0, 1]);
    image
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Content, Result<(), NotWhole>, Option<Unread>) {
    let mut counter = Counter::new(Dialect::Sqlite);
    pieces.for_each(|piece| counter.take(piece));
    let (whole, unread) = (counter.whole(), counter.unread());
    (counter.end(), whole, unread)
}
