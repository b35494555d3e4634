//! What a value hashes to: the same however it is written (`rdbLoadObject` in `rdb.c`).

use super::brand::Brand;
use super::feed::{Feed, NEVER};
use super::kind::{Type, Value};
use super::module::module;
use super::pack::{Entry, Format, Pack, parse_score};
use super::stream::stream;
use super::text::{Text, hash};
use crate::model::content::rows::chain;
use crate::model::content::verdict::Unread;
use xxhash_rust::xxh3::xxh3_64;

/// Takes the value of this kind (`RDB_TYPE_…` in `rdb.h`).
///
/// `later`: by how many milliseconds times are put off in what [`Feed::begin`] keeps.
pub(super) async fn value(feed: &mut Feed, brand: Brand, kind: u8, later: u64) -> Result<Value, Unread> {
    let (of, members) = match (kind, brand) {
        (0, _) => return Ok(Value { of: Type::String, hash: hash(feed).await?, is_empty: false }),
        (1, _) => (Type::List, list(feed).await?),
        (2, _) => (Type::Set, set(feed).await?),
        (3, _) => (Type::SortedSet, sorted_set(feed, Scores::Text).await?),
        (4, _) => (Type::Hash, fields(feed, Expiry::None, later).await?),
        (5, _) => (Type::SortedSet, sorted_set(feed, Scores::Binary).await?),
        (7, _) => {
            let number = feed.length().await?;
            let hash = chain(number, module(feed).await?);
            return Ok(Value { of: Type::Module(number), hash, is_empty: false });
        }
        (9, _) => (Type::Hash, packed_fields(feed, Format::Zipmap).await?),
        (10, _) => (Type::List, packed_list(feed, Format::Ziplist).await?),
        (11, _) => (Type::Set, packed_set(feed, Format::Intset).await?),
        (12, _) => (Type::SortedSet, packed_sorted_set(feed, Format::Ziplist).await?),
        (13, _) => (Type::Hash, packed_fields(feed, Format::Ziplist).await?),
        (14, _) => (Type::List, nodes(feed, Format::Ziplist).await?),
        (15, _) => return stream(feed, 1).await,
        (16, _) => (Type::Hash, packed_fields(feed, Format::Listpack).await?),
        (17, _) => (Type::SortedSet, packed_sorted_set(feed, Format::Listpack).await?),
        (18, _) => (Type::List, nodes(feed, Format::Listpack).await?),
        (19, _) => return stream(feed, 2).await,
        (20, _) => (Type::Set, packed_set(feed, Format::Listpack).await?),
        (21, _) => return stream(feed, 3).await,
        (22, Brand::Valkey) => (Type::Hash, fields(feed, Expiry::Behind, later).await?),
        (22, Brand::Redis) => (Type::Hash, fields(feed, Expiry::Before, later).await?),
        (23, Brand::Redis) => (Type::Hash, packed_expiring_fields(feed).await?),
        (24, Brand::Redis) => {
            let earliest = u64::from_le_bytes(feed.array().await);
            feed.put_off_last(later);
            (Type::Hash, fields(feed, Expiry::Since(earliest), later).await?)
        }
        (25, Brand::Redis) => {
            // The earliest expiry of a field.
            feed.array::<8>().await;
            if later == 0 {
                (Type::Hash, packed_expiring_fields(feed).await?)
            } else {
                return unpacked(feed, later).await;
            }
        }
        _ => return Err(Unread::Unknown { kind, at: feed.offset() }),
    };
    Ok(Value { of, hash: members.sum, is_empty: members.count == 0 })
}

#[derive(Default)]
struct Members {
    sum: u64,
    count: u64,
}

impl Members {
    /// Another one, wherever it stands.
    fn add(&mut self, member: u64) {
        self.sum = self.sum.wrapping_add(chain(1, member));
        self.count += 1;
    }

    /// The next one.
    fn push(&mut self, member: u64) {
        self.sum = chain(self.sum, member);
        self.count += 1;
    }

    fn add_field(&mut self, field: u64, value: u64, expiry: u64) {
        self.add(chain(chain(field, value), expiry));
    }

    fn add_score(&mut self, member: u64, score: f64) {
        // A small set keeps 0 where a large one keeps -0, and both are the same score.
        self.add(chain(member, (score + 0.0).to_bits()));
    }
}

async fn list(feed: &mut Feed) -> Result<Members, Unread> {
    let mut members = Members::default();
    for _ in 0..feed.length().await? {
        members.push(hash(feed).await?);
    }
    Ok(members)
}

async fn set(feed: &mut Feed) -> Result<Members, Unread> {
    let mut members = Members::default();
    for _ in 0..feed.length().await? {
        members.add(hash(feed).await?);
    }
    Ok(members)
}

#[derive(Clone, Copy)]
enum Scores {
    /// `rdbLoadDoubleValue` in `rdb.c`.
    Text,
    Binary,
}

async fn sorted_set(feed: &mut Feed, scores: Scores) -> Result<Members, Unread> {
    let mut members = Members::default();
    for _ in 0..feed.length().await? {
        let member = hash(feed).await?;
        let score = match scores {
            Scores::Text => text_score(feed).await?,
            Scores::Binary => f64::from_le_bytes(feed.array().await),
        };
        members.add_score(member, score);
    }
    Ok(members)
}

async fn text_score(feed: &mut Feed) -> Result<f64, Unread> {
    let length = match feed.byte().await {
        255 => return Ok(f64::NEG_INFINITY),
        254 => return Ok(f64::INFINITY),
        253 => return Err(feed.malformed("a score is no number")),
        length => length,
    };
    let mut digits = [0; 255];
    let (digits, _) = digits.split_at_mut(length.into());
    for digit in digits.iter_mut() {
        *digit = feed.byte().await;
    }
    parse_score(digits).ok_or(feed.malformed("a score is no number"))
}

/// Where a hash has the expiry of each of its fields.
#[derive(Clone, Copy)]
enum Expiry {
    None,
    /// Before the field, in milliseconds.
    Before,
    /// Before the field, in milliseconds since one before the earliest one.
    Since(u64),
    /// Behind the value, in milliseconds.
    Behind,
}

async fn fields(feed: &mut Feed, place: Expiry, later: u64) -> Result<Members, Unread> {
    let mut members = Members::default();
    for _ in 0..feed.length().await? {
        let before = match place {
            Expiry::None | Expiry::Behind => NEVER,
            Expiry::Before => expiry(feed.length().await?),
            Expiry::Since(earliest) => match feed.length().await? {
                0 => NEVER,
                later => earliest.wrapping_add(later - 1),
            },
        };
        let (field, value) = (hash(feed).await?, hash(feed).await?);
        let expiry = match place {
            Expiry::Behind => {
                let time = u64::from_le_bytes(feed.array().await);
                feed.put_off_last(later);
                time
            }
            Expiry::None | Expiry::Before | Expiry::Since(_) => before,
        };
        members.add_field(field, value, feed.time(expiry));
    }
    Ok(members)
}

/// Where 0 says that a field does not expire.
fn expiry(time: u64) -> u64 {
    if time == 0 { NEVER } else { time }
}

async fn open(feed: &mut Feed, format: Format) -> Result<Pack<'_>, Unread> {
    Pack::open(Text::next(feed).await?, format).await
}

async fn packed_list(feed: &mut Feed, format: Format) -> Result<Members, Unread> {
    let mut members = Members::default();
    push_all(open(feed, format).await?, &mut members).await?;
    Ok(members)
}

async fn push_all(mut pack: Pack<'_>, members: &mut Members) -> Result<(), Unread> {
    while let Some(entry) = pack.next().await? {
        members.push(pack.hash(entry).await?);
    }
    Ok(())
}

/// A list in parts (`quicklist.c`): of some elements, or since Redis 7 of a single large one.
async fn nodes(feed: &mut Feed, format: Format) -> Result<Members, Unread> {
    const PLAIN: u64 = 1;
    let mut members = Members::default();
    for _ in 0..feed.length().await? {
        if format == Format::Listpack && feed.length().await? == PLAIN {
            members.push(hash(feed).await?);
        } else {
            push_all(open(feed, format).await?, &mut members).await?;
        }
    }
    Ok(members)
}

async fn packed_set(feed: &mut Feed, format: Format) -> Result<Members, Unread> {
    let (mut members, mut pack) = (Members::default(), open(feed, format).await?);
    while let Some(entry) = pack.next().await? {
        members.add(pack.hash(entry).await?);
    }
    Ok(members)
}

async fn packed_sorted_set(feed: &mut Feed, format: Format) -> Result<Members, Unread> {
    let (mut members, mut pack) = (Members::default(), open(feed, format).await?);
    while let Some(entry) = pack.next().await? {
        members.add_score(pack.hash(entry).await?, pack.score().await?);
    }
    Ok(members)
}

async fn packed_fields(feed: &mut Feed, format: Format) -> Result<Members, Unread> {
    let (mut members, mut pack) = (Members::default(), open(feed, format).await?);
    while let Some(entry) = pack.next().await? {
        let (field, value) = field(&mut pack, entry).await?;
        members.add_field(field, value, NEVER);
    }
    Ok(members)
}

/// Fields, values, and the time in milliseconds at which each field expires.
async fn packed_expiring_fields(feed: &mut Feed) -> Result<Members, Unread> {
    let (mut members, mut pack) = (Members::default(), open(feed, Format::Listpack).await?);
    while let Some(entry) = pack.next().await? {
        let (field, value) = field(&mut pack, entry).await?;
        let time = expiry(pack.number().await?.cast_unsigned());
        members.add_field(field, value, pack.feed().time(time));
    }
    Ok(members)
}

/// A packed hash whose fields expire, with their times put off: as the server writes a large one (24).
async fn unpacked(feed: &mut Feed, later: u64) -> Result<Value, Unread> {
    const KIND: u8 = 24;
    let (mut members, mut earliest, mut fields) = (Members::default(), NEVER, Vec::new());
    let most = feed.room();
    feed.end();
    let mut left = most;
    let mut pack = open(feed, Format::Listpack).await?;
    while let Some(entry) = pack.next().await? {
        let name = pack.bytes(entry, &mut left).await?;
        let value = pack.must().await?;
        let value = pack.bytes(value, &mut left).await?;
        let time = expiry(pack.number().await?.cast_unsigned());
        members.add_field(xxh3_64(&name), xxh3_64(&value), time);
        earliest = earliest.min(time);
        fields.push((name, value, time));
    }
    let mut bytes = vec![KIND];
    bytes.extend_from_slice(&earliest.saturating_add(later).to_le_bytes());
    put_length(&mut bytes, fields.len() as u64);
    for (name, value, time) in fields {
        put_length(&mut bytes, if time == NEVER { 0 } else { time - earliest + 1 });
        for text in [name, value] {
            put_length(&mut bytes, text.len() as u64);
            bytes.extend_from_slice(&text);
        }
    }
    feed.replace(bytes, most);
    Ok(Value { of: Type::Hash, hash: members.sum, is_empty: members.count == 0 })
}

/// In the longest way: it may be any number.
fn put_length(bytes: &mut Vec<u8>, length: u64) {
    bytes.push(0x81);
    bytes.extend_from_slice(&length.to_be_bytes());
}

async fn field(pack: &mut Pack<'_>, entry: Entry) -> Result<(u64, u64), Unread> {
    let field = pack.hash(entry).await?;
    let value = pack.must().await?;
    Ok((field, pack.hash(value).await?))
}
