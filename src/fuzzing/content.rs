//! What a dump has in it, whatever it is and however it comes.

use crate::model::content::{Content, Counter, Dialect};

/// A dump of any content: in any pieces it has the same content, and that is compared, written and read back.
///
/// The first byte says what it is a dump of, the second the size of the pieces.
pub fn content(data: &[u8]) {
    let Some((&[dialect, size], dump)) = data.split_first_chunk::<2>() else { return };
    let dialect = match dialect % 3 {
        0 => Dialect::Postgresql,
        1 => Dialect::Mysql,
        _ => Dialect::Globals,
    };
    let (mut whole, mut pieces) = (Counter::new(dialect), Counter::new(dialect));
    whole.take(dump);
    dump.chunks(usize::from(size) + 1).for_each(|piece| pieces.take(piece));
    let (whole, pieces) = (whole.end(), pieces.end());
    assert_eq!(whole, pieces);
    let same = whole.compare(&pieces, dialect);
    assert!(same.differences.is_empty() && same.doubts.is_empty());
    let json = serde_json::to_vec(&whole).expect("a content has only string keys");
    let again: Content = serde_json::from_slice(&json).expect("it was written by this version");
    assert_eq!(again, whole);
    let nothing = Content::default();
    let told = [whole.differences(&nothing), nothing.differences(&whole)].concat();
    assert!(told.len() <= 12 && told.iter().all(|one| !one.to_string().is_empty()));
}
