//! A dump from its first byte to its end (`rdbLoadRioWithLoadingCtx` in `rdb.c`).

use std::pin::Pin;

use super::brand::{Brand, brand};
use super::feed::{Feed, NEVER};
use super::kind::Value;
use super::module::{UINT, module};
use super::text::{bytes, hash, skip};
use super::value::value;
use crate::model::content::rows::chain;
use crate::model::content::verdict::Unread;
use xxhash_rust::xxh3::xxh3_64;

/// What reads a dump. It is given up at the end of the dump, or where it cannot be read on.
pub(super) type Parser = Pin<Box<dyn Future<Output = Result<u64, Unread>> + Send>>;

/// What stands where a value's type may stand (`RDB_OPCODE_…` in `rdb.h`).
mod opcode {
    /// Redis: what modules keep of a key (`rdbSaveKeyMetadata` in `keymeta.c`). Valkey: slots that are on their way to this
    /// node (`clusterRDBLoadSlotImport` in `cluster_migrateslots.c`).
    pub(super) const KEY_META_OR_SLOT_IMPORT: u8 = 243;
    pub(super) const SLOT_INFO: u8 = 244;
    pub(super) const FUNCTION2: u8 = 245;
    pub(super) const MODULE_AUX: u8 = 247;
    pub(super) const IDLE: u8 = 248;
    pub(super) const FREQ: u8 = 249;
    pub(super) const AUX: u8 = 250;
    pub(super) const RESIZEDB: u8 = 251;
    pub(super) const EXPIRETIME_MS: u8 = 252;
    pub(super) const EXPIRETIME: u8 = 253;
    pub(super) const SELECTDB: u8 = 254;
    pub(super) const EOF: u8 = 255;
}

/// Who wants to know what is in a dump.
pub(super) trait Visitor: Send {
    /// How many bytes of a name or a value are wanted themselves; 0: none of them, and only what they hash to.
    const BYTES: usize;

    /// By how many milliseconds times are put off in these bytes.
    fn later(&self) -> u64 {
        0
    }

    fn key(&mut self, key: Key);

    /// `code`: `None` if it has more bytes than are wanted.
    fn library(&mut self, hash: u64, code: Option<Vec<u8>>);

    /// What belongs to no key: by what it hashes to.
    fn module(&mut self, hash: u64);

    /// What a key has besides its value.
    fn metadata(&mut self) {}
}

/// A key, with the bytes of its name and its value if they are wanted and not too many.
pub(super) struct Key {
    pub(super) database: u64,
    /// [`NEVER`] if it does not expire.
    pub(super) expiry: u64,
    pub(super) value: Value,
    /// Of all of it.
    pub(super) hash: u64,
    pub(super) name: Option<Vec<u8>>,
    /// With its type before it.
    pub(super) bytes: Option<Vec<u8>>,
}

/// A string by its hash, and itself if it is wanted.
async fn string<V: Visitor>(feed: &mut Feed) -> Result<(u64, Option<Vec<u8>>), Unread> {
    if V::BYTES == 0 {
        return Ok((hash(feed).await?, None));
    }
    let bytes = bytes(feed, V::BYTES).await?;
    Ok((bytes.as_deref().map_or(0, xxh3_64), bytes))
}

/// Takes the whole dump, and returns where its checksum begins.
pub(super) async fn file<V: Visitor>(mut feed: Feed, mut visitor: V) -> Result<u64, Unread> {
    let feed = &mut feed;
    let Some(brand) = brand(feed.array().await) else {
        return Err(feed.malformed("it does not begin like a dump"));
    };
    let mut database = 0;
    let (mut expiry, mut metadata) = (NEVER, 0);
    loop {
        match feed.byte().await {
            opcode::EOF => break,
            opcode::SELECTDB => database = feed.length().await?,
            opcode::EXPIRETIME_MS => {
                let time = u64::from_le_bytes(feed.array().await);
                expiry = feed.time(time);
            }
            opcode::EXPIRETIME => {
                let seconds = i64::from(i32::from_le_bytes(feed.array().await));
                expiry = feed.time((seconds * 1000).cast_unsigned());
            }
            opcode::AUX => {
                skip(feed).await?;
                skip(feed).await?;
            }
            // How large a table becomes, and what was used when: hints.
            opcode::RESIZEDB => lengths::<2>(feed).await?,
            opcode::SLOT_INFO => lengths::<3>(feed).await?,
            opcode::IDLE => lengths::<1>(feed).await?,
            opcode::FREQ => {
                feed.byte().await;
            }
            opcode::FUNCTION2 => {
                let (hash, code) = string::<V>(feed).await?;
                visitor.library(hash, code);
            }
            opcode::MODULE_AUX => {
                let number = feed.length().await?;
                if feed.length().await? != UINT {
                    return Err(feed.malformed("a module wrote what is unknown"));
                }
                let when = feed.length().await?;
                visitor.module(chain(chain(chain(1, number), when), module(feed).await?));
            }
            opcode::KEY_META_OR_SLOT_IMPORT if brand == Brand::Redis => {
                for _ in 0..feed.length().await? {
                    let class = u64::from(u32::from_le_bytes(feed.array().await));
                    metadata = chain(metadata, chain(class, module(feed).await?));
                }
                visitor.metadata();
            }
            opcode::KEY_META_OR_SLOT_IMPORT => {
                skip(feed).await?;
                for _ in 0..feed.length().await? {
                    lengths::<2>(feed).await?;
                }
            }
            kind => {
                let (hash, name) = string::<V>(feed).await?;
                if V::BYTES > 0 {
                    feed.begin(kind, V::BYTES);
                }
                let value = value(feed, brand, kind, visitor.later()).await?;
                let bytes = feed.end();
                if !value.is_empty {
                    let hash = chain(chain(chain(chain(1, hash), expiry), metadata), value.hash);
                    visitor.key(Key { database, expiry, value, hash, name, bytes });
                }
                (expiry, metadata) = (NEVER, 0);
            }
        }
    }
    Ok(feed.offset())
}

async fn lengths<const NUMBER: usize>(feed: &mut Feed) -> Result<(), Unread> {
    for _ in 0..NUMBER {
        feed.length().await?;
    }
    Ok(())
}
