//! Dumps to which something happened: each is told.

use proptest::prelude::*;

use super::*;

/// What a server without a file puts behind its dump.
const MARK: &[u8; 40] = b"0123456789abcdef0123456789abcdef01234567";

#[test]
fn no_beginning_of_a_dump_is_whole() {
    for (name, dump) in all() {
        let mut counter = Counter::new(Dialect::Rdb);
        for (at, byte) in dump.iter().enumerate() {
            assert_eq!(counter.whole(), Err(NotWhole::CutOff { at: at as u64 }), "{name}");
            assert_eq!(counter.unread().is_none(), at + 8 >= dump.len(), "{name}");
            counter.take(&[*byte]);
        }
        assert_eq!(counter.whole(), Ok(()), "{name}");
    }
}

/// Of a dump that ends with two bytes 0xff before a checksum whose last byte is 0, all but the last byte is as good by its
/// checksum alone.
#[test]
fn a_checksum_that_is_shifted_by_a_byte_proves_nothing() {
    let dump = (0..100_000_u32)
        .map(|number| by_hand::dump(&by_hand::string("a", &[&number.to_le_bytes()[..], &[0xff]].concat())))
        .find(|dump| dump.ends_with(&[0]))
        .unwrap();
    let cut = &dump[..dump.len() - 1];
    assert_eq!(read(cut, 7).whole, Err(NotWhole::CutOff { at: cut.len() as u64 }));
}

/// Places all over a dump: each of a small one, and of a larger one so many that a debug build has the time.
fn places(dump: &[u8], salt: usize) -> impl Iterator<Item = usize> {
    let step = dump.len().div_ceil(1500);
    (salt % step..dump.len()).step_by(step * step)
}

#[test]
fn each_flipped_byte_is_told() {
    for (salt, (name, dump)) in all().enumerate() {
        // Without a checksum, only what cannot be read is told.
        if name.contains("without checksum") {
            continue;
        }
        let mut dump = dump.to_vec();
        for at in places(&dump.clone(), salt) {
            let bit = 1 << (at % 8);
            dump[at] ^= bit;
            assert!(read(&dump, dump.len()).whole.is_err(), "{name}: byte {at}");
            dump[at] ^= bit;
        }
        assert_eq!(read(&dump, dump.len()).whole, Ok(()));
    }
}

#[test]
fn damage_is_named() {
    let (_, dump) = SAME[0];
    let end = dump.len() as u64;
    let whole = |dump: &[u8]| read(dump, 1000).whole;
    assert_eq!(whole(b""), Err(NotWhole::CutOff { at: 0 }));
    assert_eq!(whole(b"REDI"), Err(NotWhole::CutOff { at: 4 }));
    assert_eq!(whole(b"ERR no such thing"), Err(NotWhole::NoDump));
    assert_eq!(whole(b"REDIS0003 and so on"), Err(NotWhole::NoDump));
    let mut changed = dump.to_vec();
    changed[15] ^= 1;
    assert_eq!(whole(&changed), Err(NotWhole::Checksum));
    for (behind, bytes) in [(&b"x"[..], 1), (&MARK[1..], 39), (&[MARK.as_slice(), b"\n"].concat(), 41)] {
        assert_eq!(whole(&[dump, behind].concat()), Err(NotWhole::Trailing { end, bytes }));
    }
    assert_eq!(whole(&[dump, dump].concat()), Err(NotWhole::Trailing { end, bytes: end }));
}

#[test]
fn the_mark_of_a_server_without_a_file_belongs_to_the_dump() {
    for (name, dump) in all() {
        let marked = [dump, MARK].concat();
        for piece in [1, 40, 41, 49, marked.len()] {
            assert_eq!(read(&marked, piece), read(dump, piece), "{name}");
        }
        for end in dump.len() + 1..marked.len() {
            let bytes = (end - dump.len()) as u64;
            let told = NotWhole::Trailing { end: dump.len() as u64, bytes };
            assert_eq!(read(&marked[..end], end).whole, Err(told), "{name}");
        }
        let mut other = marked.clone();
        other[dump.len()] = b'g';
        assert!(read(&other, other.len()).whole.is_err());
    }
    // Also where only the last bytes can be read.
    let unknown = by_hand::dump(&[99, 1, b'a', 0]);
    assert_eq!(read(&[&unknown, MARK.as_slice()].concat(), 9).whole, Ok(()));
}

/// The largest lengths there are, wherever one may stand.
const HUGE: [&[u8]; 4] = [
    &[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    &[0x80, 0xff, 0xff, 0xff, 0xff],
    &[0x7f, 0xff],
    &[0xc3],
];

#[test]
fn no_length_reserves_memory_or_panics() {
    for (salt, (name, dump)) in all().enumerate() {
        for at in places(dump, salt).filter(|at| *at >= 9) {
            let huge = HUGE[at % HUGE.len()];
            let with = [&dump[..at], huge, &dump[at + 1..]].concat();
            let Known { whole, .. } = read(&with, with.len());
            assert!(with == dump || name.contains("without checksum") || whole.is_err(), "{name} at {at}");
        }
    }
}

#[test]
fn a_large_string_that_is_compressed_is_unpacked_as_it_passes() {
    let value: Vec<u8> = (0..=255_u8).cycle().step_by(3).take(64).collect::<Vec<_>>().repeat(5000);
    let one = by_hand::dump(&by_hand::compressed("a", &value));
    let other = by_hand::dump(&by_hand::string("a", &value));
    assert!(one.len() * 30 < other.len());
    for piece in [1, 100, 10_000, 1_000_000] {
        assert_eq!(read(&one, piece), read(&other, piece));
    }
    // A repetition of what was never there, and sizes that do not fit.
    for value in [
        &[0xc3, 2, 9, 0xe0, 1][..],
        &[0xc3, 3, 3, 1, b'a', b'b'],
        &[0xc3, 4, 1, 1, b'a', b'b', 9],
        &[0xc3, 0, 0],
    ] {
        let known = read(&by_hand::dump(&[&[0, 1, b'a'], value].concat()), 7);
        assert!(matches!(known.unread, Some(Unread::Malformed { .. })), "{value:?}: {known:?}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_has_one_content(body in proptest::collection::vec(any::<u8>(), 0..200), piece in 1_usize..20) {
        let dump = by_hand::dump(&body);
        prop_assert_eq!(read(&dump, piece), read(&dump, dump.len()));
    }

    #[test]
    fn whatever_changes_is_told(at in any::<proptest::sample::Index>(), new in proptest::collection::vec(any::<u8>(), 1..9)) {
        for (_, dump) in FIELDS {
            let (before, behind) = dump.split_at(at.index(dump.len()));
            let changed = [before, &new, behind.get(new.len()..).unwrap_or_default()].concat();
            if changed != *dump {
                prop_assert!(read(&changed, 50).whole.is_err());
            }
        }
    }
}
