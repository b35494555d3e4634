//! With dumps that servers wrote: `dumps/fill.redis` was run on Redis 6.0, which saved it; each other server loaded that file and
//! saved its own. `-unpacked` and `-packed` are of servers whose limits for small values were none or high. The same was done
//! with `dumps/fields.redis`, whose fields expire.

mod by_hand;
mod damage;

use crate::model::content::{Content, Counter, Dialect, NotWhole, Unread};

/// The same keys, by each server.
const SAME: &[(&str, &[u8])] = &[
    ("Redis 6.0", include_bytes!("tests/dumps/redis-6.0.rdb")),
    ("Redis 6.0, unpacked", include_bytes!("tests/dumps/redis-6.0-unpacked.rdb")),
    ("Redis 7.0", include_bytes!("tests/dumps/redis-7.0.rdb")),
    ("Redis 7.0, unpacked, without checksum", include_bytes!("tests/dumps/redis-7.0-unpacked.rdb")),
    ("Redis 8.0", include_bytes!("tests/dumps/redis-8.0.rdb")),
    ("Redis 8.0, packed", include_bytes!("tests/dumps/redis-8.0-packed.rdb")),
    ("Valkey 8.1", include_bytes!("tests/dumps/valkey-8.1.rdb")),
    ("Valkey 9.1", include_bytes!("tests/dumps/valkey-9.1.rdb")),
];

/// Fields that expire, which Redis and Valkey write in ways of their own.
const FIELDS: &[(&str, &[u8])] = &[
    ("Redis 8.0", include_bytes!("tests/dumps/redis-8.0-fields.rdb")),
    ("Redis 8.0, again and unpacked", include_bytes!("tests/dumps/redis-8.0-fields-again.rdb")),
    ("Redis 8.0, again and packed", include_bytes!("tests/dumps/redis-8.0-fields-packed.rdb")),
    ("Valkey 9.1", include_bytes!("tests/dumps/valkey-9.1-fields.rdb")),
    ("Valkey 9.1, again", include_bytes!("tests/dumps/valkey-9.1-fields-again.rdb")),
];

pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    SAME.iter().chain(FIELDS).copied()
}

/// What is known of a dump.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    content: Content,
    whole: Result<(), NotWhole>,
    unread: Option<Unread>,
}

fn read(dump: &[u8], piece: usize) -> Known {
    let mut counter = Counter::new(Dialect::Rdb);
    dump.chunks(piece).for_each(|piece| counter.take(piece));
    let (whole, unread) = (counter.whole(), counter.unread());
    Known { content: counter.end(), whole, unread }
}

fn content(dump: &[u8]) -> Content {
    let known = read(dump, dump.len());
    assert_eq!((known.whole, known.unread), (Ok(()), None));
    known.content
}

#[test]
fn every_server_and_every_encoding_has_the_same_content() {
    for dumps in [SAME, FIELDS] {
        let (_, first) = dumps[0];
        let first = content(first);
        for (name, dump) in dumps {
            let found = content(dump);
            assert_eq!(first.differences(&found), [], "{name}");
            assert_eq!(found, first, "{name}");
        }
    }
}

#[test]
fn the_rows_of_a_table_are_the_keys_of_a_database_with_one_type() {
    let rows = |dump| {
        let rows_of = content(dump).rows_of;
        rows_of.iter().map(|(name, rows)| format!("{name}: {}", rows.rows)).collect::<Vec<_>>()
    };
    let expected =
        ["0 hash: 4", "0 list: 3", "0 set: 5", "0 stream: 3", "0 string: 17", "0 zset: 3", "15 hash: 1"];
    let (_, dump) = SAME[0];
    assert_eq!(rows(dump), [&expected[..], &["3 list: 1", "3 string: 1"]].concat());
    let (_, dump) = FIELDS[0];
    assert_eq!(rows(dump), ["0 hash: 3", "functions: 2"]);
}

#[test]
fn pieces_of_any_size_have_the_same_content() {
    for (name, dump) in all() {
        let whole = read(dump, dump.len());
        for piece in [1, 2, 3, 7, 13, 48, 49, 50, 101, 1009, 4096] {
            assert_eq!(read(dump, piece), whole, "{name} in pieces of {piece}");
        }
    }
}

#[test]
fn a_counter_takes_more_after_it_knows_enough() {
    let mut counter = Counter::new(Dialect::Rdb);
    counter.take(b"HTTP/1.1 200 OK");
    counter.take(&[0; 100]);
    assert_eq!(counter.whole(), Err(NotWhole::NoDump));
    assert_eq!(counter.end(), Content::default());
}

/// How fast a dump is read, in one thread: `cargo test --release -- --ignored how_fast --nocapture`.
#[test]
#[ignore = "measures"]
fn how_fast() {
    let mut noise = 1_u64;
    let mut text = |bytes: usize, alphabet: u64| {
        let next = || {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            u8::try_from((noise >> 33) % alphabet).unwrap()
        };
        std::iter::repeat_with(next).take(bytes).collect::<Vec<_>>()
    };
    let large = by_hand::string("large", &text(1 << 20, 256)).repeat(256);
    let small = (0..1000).flat_map(|key| by_hand::string(&format!("session:{key}"), &text(200, 256)));
    let small = small.collect::<Vec<_>>().repeat(1000);
    let packed = by_hand::hash_listpack(&(0..60).map(|field| (field, text(40, 256))).collect::<Vec<_>>());
    let compressed = by_hand::compressed("page", &text(64, 256).repeat(4096)).repeat(10_000);
    let literal = by_hand::compressed("noise", &text(1 << 20, 256)).repeat(200);
    for (name, body) in [
        ("large strings", large),
        ("strings of 200 bytes", small),
        ("hashes of 60 fields of 40 bytes", packed.repeat(100_000)),
        ("compressed well", compressed),
        ("compressed badly", literal),
    ] {
        let dump = by_hand::dump(&body);
        let mut counter = Counter::new(Dialect::Rdb);
        let start = std::time::Instant::now();
        dump.chunks(1 << 18).for_each(|piece| counter.take(piece));
        let seconds = start.elapsed().as_secs_f64();
        assert_eq!((counter.whole(), counter.unread()), (Ok(()), None));
        println!("{name}: {:.0} MB/s", dump.len() as f64 / 1e6 / seconds);
    }
}
