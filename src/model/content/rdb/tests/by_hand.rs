//! Dumps that no test could have a server write: each difference on its own, and what a server of another version would write.

use crc::{CRC_64_REDIS, Crc};

use super::*;

fn byte(number: usize) -> u8 {
    u8::try_from(number).unwrap()
}

/// A length as short as it can be.
fn length(length: usize) -> Vec<u8> {
    match length {
        0..0x40 => vec![byte(length)],
        0x40..0x4000 => vec![0x40 | byte(length >> 8), byte(length & 0xff)],
        _ => [&[0x80], u32::try_from(length).unwrap().to_be_bytes().as_slice()].concat(),
    }
}

fn text(text: &[u8]) -> Vec<u8> {
    [length(text.len()).as_slice(), text].concat()
}

fn texts(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|one| text(one.as_bytes())).collect()
}

fn key(kind: u8, name: &str, value: &[u8]) -> Vec<u8> {
    [&[kind], text(name.as_bytes()).as_slice(), value].concat()
}

pub(super) fn string(name: &str, value: &[u8]) -> Vec<u8> {
    key(0, name, &text(value))
}

/// A string as `lzf_compress` would write it that knows only one distance.
pub(super) fn compressed(name: &str, value: &[u8]) -> Vec<u8> {
    let (mut packed, mut at, period) = (Vec::new(), 0, 64);
    while at < value.len() {
        let same =
            (at..value.len()).take_while(|at| *at >= period && value[*at] == value[at - period]).count();
        if same >= 9 {
            let size = same.min(264);
            packed.extend([7 << 5, byte(size - 9), byte(period - 1)]);
            at += size;
        } else {
            let size = (value.len() - at).min(32);
            packed.push(byte(size - 1));
            packed.extend_from_slice(&value[at..at + size]);
            at += size;
        }
    }
    let value = [&[0xc3], length(packed.len()).as_slice(), &length(value.len()), &packed].concat();
    key(0, name, &value)
}

pub(super) fn hash_listpack(fields: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let entries = fields.iter().flat_map(|(field, value)| {
        let head = [*field, 1, 0x80 | byte(value.len())];
        [&head, value.as_slice(), &[byte(value.len() + 1)]].concat()
    });
    key(16, "user", &text(&listpack(&entries.collect::<Vec<_>>())))
}

fn listpack(entries: &[u8]) -> Vec<u8> {
    let size = u32::try_from(entries.len() + 7).unwrap();
    [&size.to_le_bytes(), [0xff, 0xff].as_slice(), entries, &[0xff]].concat()
}

pub(super) fn dump_of(head: &[u8], body: &[u8]) -> Vec<u8> {
    let dump = [head, body, &[0xff]].concat();
    let sum = Crc::<u64>::new(&CRC_64_REDIS).checksum(&dump);
    [dump, sum.to_le_bytes().to_vec()].concat()
}

pub(super) fn dump(body: &[u8]) -> Vec<u8> {
    dump_of(b"REDIS0011", body)
}

fn sums(body: &[u8]) -> Vec<(String, u64, u64)> {
    let rows_of = content(&dump(body)).rows_of;
    rows_of.iter().map(|(name, rows)| (name.to_string(), rows.rows, rows.sum.0)).collect()
}

#[test]
fn each_difference_is_seen() {
    let second = 1000_i32.to_le_bytes();
    let time = |kind: &[u8], time: &[u8]| [kind, time, &string("a", b"1")].concat();
    let score = |score: f64| {
        key(5, "a", &[texts(&["x"]), score.to_le_bytes().to_vec()].concat().as_slice().with_count(1))
    };
    let expiring = |since: u8| {
        key(24, "a", &[&5000_u64.to_le_bytes(), [1, since].as_slice(), &texts(&["x", "y"])].concat())
    };
    let all = [
        string("a", b"1"),
        string("b", b"1"),
        string("a", b"2"),
        string("a", b""),
        string("", b"a1"),
        [&[0xfe, 1], string("a", b"1").as_slice()].concat(),
        time(&[0xfd], &second),
        time(&[0xfc], &1_000_001_u64.to_le_bytes()),
        key(1, "a", &texts(&["x", "y"]).with_count(2)),
        key(1, "a", &texts(&["y", "x"]).with_count(2)),
        key(1, "a", &texts(&["xy"]).with_count(1)),
        key(1, "a", &texts(&["x"]).with_count(1)),
        key(1, "a", &texts(&["x", "x"]).with_count(2)),
        key(2, "a", &texts(&["x", "y"]).with_count(2)),
        key(2, "a", &texts(&["x", "z"]).with_count(2)),
        key(4, "a", &texts(&["x", "y"]).with_count(1)),
        key(4, "a", &texts(&["y", "x"]).with_count(1)),
        key(4, "a", &texts(&["x", "y", "z", ""]).with_count(2)),
        key(4, "a", &texts(&["x", "", "z", "y"]).with_count(2)),
        score(1.0),
        score(1.0 + f64::EPSILON),
        score(f64::INFINITY),
        expiring(1),
        expiring(2),
        key(7, "a", &[0x0b, 1, 7, 0]),
        key(7, "a", &[0x0b, 2, 7, 0]),
        key(7, "a", &[0x0b, 1, 8, 0]),
        [&[243, 1, 1, 2, 3, 4, 1, 7, 0], string("a", b"1").as_slice()].concat(),
        [&[0xf5], text(b"#!lua name=a").as_slice()].concat(),
        [&[0xf5], text(b"#!lua name=b").as_slice()].concat(),
        vec![0xf7, 0x0b, 2, 1, 5, 1, b'x', 0],
        vec![0xf7, 0x0b, 2, 1, 5, 1, b'y', 0],
    ];
    let mut seen = std::collections::HashSet::new();
    for one in &all {
        assert!(seen.insert(sums(one)), "{one:?} is like another");
    }
}

/// So many members come.
trait WithCount {
    fn with_count(&self, count: u8) -> Vec<u8>;
}

impl WithCount for [u8] {
    fn with_count(&self, count: u8) -> Vec<u8> {
        [&[count], self].concat()
    }
}

#[test]
fn what_is_no_difference_is_none() {
    let plain = string("a", b"12");
    let same = [
        // As a number of 8, 16 and 32 bits.
        key(0, "a", &[0xc0, 12]),
        key(0, "a", &[0xc1, 12, 0]),
        key(0, "a", &[0xc2, 12, 0, 0, 0]),
        // With a long length.
        key(0, "a", &[0x40, 2, b'1', b'2']),
        key(0, "a", &[0x80, 0, 0, 0, 2, b'1', b'2']),
        key(0, "a", &[0x81, 0, 0, 0, 0, 0, 0, 0, 2, b'1', b'2']),
        key(0, "a", &[0xc3, 3, 2, 1, b'1', b'2']),
        // Behind hints and notes.
        [&[0xfa], texts(&["redis-ver", "6.0"]).as_slice(), &[0xfe, 0, 0xfb, 1, 0, 0xf8, 9, 0xf9, 7], &plain]
            .concat(),
        [&[0xf4, 1, 2, 3], plain.as_slice()].concat(),
        // Beside a set that is empty.
        [plain.as_slice(), &key(2, "b", &[0])].concat(),
    ];
    for one in &same {
        assert_eq!(sums(one), sums(&plain), "{one:?}");
    }
    let orders = |kind, one: &[&str], other: &[&str], count| {
        assert_eq!(
            sums(&key(kind, "a", &texts(one).with_count(count))),
            sums(&key(kind, "a", &texts(other).with_count(count)))
        );
    };
    orders(2, &["x", "y"], &["y", "x"], 2);
    orders(4, &["x", "1", "y", "2"], &["y", "2", "x", "1"], 2);
    let [one, other] = [string("a", b"1"), string("b", b"2")];
    assert_eq!(sums(&[one.as_slice(), &other].concat()), sums(&[other, one].concat()));
}

#[test]
fn old_encodings_are_those_of_today() {
    let is = |old: Vec<u8>, new: Vec<u8>| assert_eq!(sums(&old), sums(&new), "{old:?}");
    let scores = [&[1, b'x', 3][..], b"0.1", &[1, b'y', 254, 1, b'z', 255]].concat();
    let binary = [
        [&[1, b'x'], &0.1_f64.to_le_bytes()[..]].concat(),
        [&[1, b'y'], &f64::INFINITY.to_le_bytes()[..]].concat(),
        [&[1, b'z'], &f64::NEG_INFINITY.to_le_bytes()[..]].concat(),
    ];
    is(key(3, "a", &scores.with_count(3)), key(5, "a", &binary.concat().with_count(3)));
    // The example in `zipmap.c`, once with free bytes.
    let hash = || key(4, "a", &texts(&["foo", "bar", "hello", "world"]).with_count(2));
    is(key(9, "a", &text(b"\x02\x03foo\x03\0bar\x05hello\x05\0world\xff")), hash());
    is(key(9, "a", &text(b"\x02\x03foo\x03\x02bar__\xfe\x05\0\0\0hello\x05\0world\xff")), hash());
    // The example in `ziplist.c`, and with each other kind of number.
    let ziplist = b"\x0f\0\0\0\x0c\0\0\0\x02\0\0\xf3\x02\xf6\xff";
    is(key(10, "a", &text(ziplist)), key(1, "a", &texts(&["2", "5"]).with_count(2)));
    let numbers = b"\0\0\0\0\0\0\0\0\0\0\0\xfe\x80\0\xc0\0\x80\0\xf0\xff\xff\xff\0\xd0\0\0\0\x80\0\xe0\0\0\0\0\0\0\0\x80\0\x02hi\xff";
    let expected = ["-128", "-32768", "-1", "-2147483648", "-9223372036854775808", "hi"];
    is(key(10, "a", &text(numbers)), key(1, "a", &texts(&expected).with_count(6)));
    let numbers = b"\xdf\xff\x02\xd0\0\x02\xf1\0\x80\x03\xf2\xff\xff\xff\x04\xf3\0\0\0\x80\x05\xf4\0\0\0\0\0\0\0\x80\x09\x7f\x01";
    let expected = ["-1", "-4096", "-32768", "-1", "-2147483648", "-9223372036854775808", "127"];
    let list = [&[1, 2][..], &text(&listpack(numbers))].concat();
    is(key(18, "a", &list), key(1, "a", &texts(&expected).with_count(7)));
    // Fields that expire, as the candidates of Redis 7.4 had them: with the time itself.
    let fields = texts(&["x", "y"]);
    let early = key(22, "a", &[&[1, 0x40, 200], fields.as_slice()].concat());
    let late = key(24, "a", &[&200_u64.to_le_bytes(), [1, 1].as_slice(), &fields].concat());
    is(early, late);
}

#[test]
fn a_type_means_what_the_brand_says() {
    let fields = [&[1][..], &texts(&["x", "y"]), &u64::MAX.to_le_bytes()].concat();
    let valkey = dump_of(b"VALKEY080", &key(22, "a", &fields));
    assert_eq!(
        content(&valkey).rows_of,
        content(&dump(&key(4, "a", &texts(&["x", "y"]).with_count(1)))).rows_of
    );
    // Slots on their way to this node.
    let slots = [&[243][..], &text(&[b'a'; 40]), &[1, 3, 0x40, 200], &string("a", b"1")].concat();
    let slots = content(&dump_of(b"VALKEY080", &slots));
    assert_eq!(slots, content(&dump(&string("a", b"1"))));
}

#[test]
fn what_is_unknown_is_not_skipped_and_no_fault_of_the_dump() {
    let body = [string("a", b"1"), key(26, "b", b"whatever"), string("c", b"1")].concat();
    let known = read(&dump(&body), 5);
    assert_eq!(known.whole, Ok(()));
    let unread = known.unread.unwrap();
    assert_eq!(unread.to_string(), "type 26 at byte 17 is unknown: the server is newer than Dumpcar knows");
    let mut without_sum = dump(&body);
    let end = without_sum.len();
    without_sum[end - 8..].fill(0);
    assert_eq!(read(&without_sum, 5).whole, Ok(()));
    let cut = &dump(&body)[..end - 1];
    assert_eq!(
        read(cut, 5).whole.unwrap_err().to_string(),
        format!("{unread}, and its last bytes do not prove that it is whole")
    );
    // A value that cannot be read, and one that goes on where the dump ends: the server's checksum says that it wrote them so.
    let no_listpack = dump(&key(16, "a", &text(b"no listpack")));
    let known = read(&no_listpack, 5);
    assert!(known.whole.is_ok() && matches!(known.unread, Some(Unread::Malformed { .. })), "{known:?}");
    let known = read(&dump(&key(0, "a", &[40])), 5);
    assert!(known.whole.is_ok() && matches!(known.unread, Some(Unread::Ended { .. })), "{known:?}");
}
