//! What modules write: numbers and strings, each with what it is (`rdbLoadCheckModuleValue` in `rdb.c`).

use super::feed::Feed;
use super::text::hash;
use crate::model::content::rows::chain;
use crate::model::content::verdict::Unread;

/// `RDB_MODULE_OPCODE_…` in `rdb.h`.
const EOF: u64 = 0;
const SINT: u64 = 1;
pub(super) const UINT: u64 = 2;
const FLOAT: u64 = 3;
const DOUBLE: u64 = 4;
const STRING: u64 = 5;

/// Takes all that a module wrote, up to its end. Only the module knows what it means, so every bit of it counts.
pub(super) async fn module(feed: &mut Feed) -> Result<u64, Unread> {
    let mut sum = 0;
    loop {
        let opcode = feed.length().await?;
        let next = match opcode {
            EOF => return Ok(sum),
            SINT | UINT => feed.length().await?,
            FLOAT => u64::from(u32::from_le_bytes(feed.array().await)),
            DOUBLE => u64::from_le_bytes(feed.array().await),
            STRING => hash(feed).await?,
            _ => return Err(feed.malformed("a module wrote what is unknown")),
        };
        sum = chain(chain(sum, opcode), next);
    }
}

/// The name of a module's type, which its number says (`moduleTypeNameByID` in `module.c`).
pub(super) fn type_name(number: u64) -> String {
    const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let places = (0..9).rev().map(|place| usize::try_from((number >> (10 + 6 * place)) & 0x3f));
    places.filter_map(|place| CHARACTERS.get(place.ok()?).copied().map(char::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_module_is_its_name() {
        // `moduleTypeEncodeId` with version 3: J has the value 9, and so on.
        let number = b"ReJSON-RL".iter().fold(0_u64, |number, byte| {
            let all = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            (number << 6) | all.iter().position(|one| one == byte).unwrap() as u64
        });
        assert_eq!(type_name((number << 10) | 3), "ReJSON-RL");
    }
}
