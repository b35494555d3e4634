//! Streams: entries, and groups of consumers with what is pending (`rdbLoadObject` in `rdb.c`, `streamAppendItem` in
//! `t_stream.c`).
//!
//! Content is what a client put there. A server counts along how many entries there ever were, which was the last one deleted,
//! how many a group has read, and when a consumer was last active. Older versions do not write that, and newer ones guess it
//! when they load: it is not content.

use super::feed::Feed;
use super::kind::{Type, Value};
use super::pack::{Entry, Format, Pack};
use super::text::{Text, hash};
use crate::model::content::rows::chain;
use crate::model::content::verdict::Unread;

/// How many names of fields are kept, for 8 MiB. No command of a server before Redis 7 has more arguments.
const MOST_FIELDS: usize = 1 << 20;

/// The flags of an entry (`STREAM_ITEM_FLAG_…` in `t_stream.c`).
const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;

/// Takes a stream as `RDB_TYPE_STREAM_LISTPACKS_…` of this version has it.
pub(super) async fn stream(feed: &mut Feed, version: u8) -> Result<Value, Unread> {
    let mut sum = 0;
    for _ in 0..feed.length().await? {
        sum = node(feed, sum).await?;
    }
    // How many entries there are, which were read just now.
    feed.length().await?;
    sum = chain(sum, id(feed).await?);
    if version >= 2 {
        let (_first, _last_deleted) = (id(feed).await?, id(feed).await?);
        let _ever_added = feed.length().await?;
    }
    for _ in 0..feed.length().await? {
        sum = group(feed, version, sum).await?;
    }
    Ok(Value { of: Type::Stream, hash: sum, is_empty: false })
}

async fn id(feed: &mut Feed) -> Result<u64, Unread> {
    Ok(chain(chain(1, feed.length().await?), feed.length().await?))
}

async fn raw_id(feed: &mut Feed) -> u64 {
    let (milliseconds, sequence) = (feed.array().await, feed.array().await);
    chain(chain(1, u64::from_be_bytes(milliseconds)), u64::from_be_bytes(sequence))
}

async fn group(feed: &mut Feed, version: u8, sum: u64) -> Result<u64, Unread> {
    let mut sum = chain(chain(sum, hash(feed).await?), id(feed).await?);
    if version >= 2 {
        let _entries_read = feed.length().await?;
    }
    let pending = feed.length().await?;
    sum = chain(sum, pending);
    for _ in 0..pending {
        sum = chain(sum, raw_id(feed).await);
        let delivered = u64::from_le_bytes(feed.array().await);
        sum = chain(chain(sum, delivered), feed.length().await?);
    }
    let consumers = feed.length().await?;
    sum = chain(sum, consumers);
    for _ in 0..consumers {
        sum = chain(sum, hash(feed).await?);
        let _seen = feed.array::<8>().await;
        if version >= 3 {
            let _active = feed.array::<8>().await;
        }
        let pending = feed.length().await?;
        sum = chain(sum, pending);
        for _ in 0..pending {
            sum = chain(sum, raw_id(feed).await);
        }
    }
    Ok(sum)
}

/// Some entries, behind what they have in common. How a server divides them is not content.
async fn node(feed: &mut Feed, mut sum: u64) -> Result<u64, Unread> {
    let mut first = Text::next(feed).await?;
    let [milliseconds, sequence] = [first.array().await?, first.array().await?].map(u64::from_be_bytes);
    if !first.is_empty() {
        return Err(first.malformed("the number of a stream's entry is too long"));
    }
    let mut pack = Pack::open(Text::next(feed).await?, Format::Listpack).await?;
    let (_entries, _deleted) = (pack.number().await?, pack.number().await?);
    let mut common = Vec::new();
    for _ in 0..pack.number().await? {
        if common.len() == MOST_FIELDS {
            return Err(pack.malformed());
        }
        let name = pack.must().await?;
        common.push(pack.hash(name).await?);
    }
    pack.number().await?;
    while let Some(flags) = pack.next().await? {
        let Entry::Number(flags) = flags else { return Err(pack.malformed()) };
        let since = [pack.number().await?, pack.number().await?].map(i64::cast_unsigned);
        let [milliseconds, sequence] = [milliseconds.wrapping_add(since[0]), sequence.wrapping_add(since[1])];
        let is_same = flags & SAME_FIELDS != 0;
        let fields = if is_same { common.len() as u64 } else { pack.number().await?.cast_unsigned() };
        let mut entry = chain(chain(chain(1, milliseconds), sequence), fields);
        let mut names = common.iter();
        for _ in 0..fields {
            let name = match names.next() {
                Some(name) if is_same => *name,
                _ => {
                    let name = pack.must().await?;
                    pack.hash(name).await?
                }
            };
            let value = pack.must().await?;
            entry = chain(chain(entry, name), pack.hash(value).await?);
        }
        if flags & DELETED == 0 {
            sum = chain(sum, entry);
        }
        // How many entries of the listpack it has.
        pack.number().await?;
    }
    Ok(sum)
}
