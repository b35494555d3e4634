//! Who wrote a dump.

/// Who wrote a dump: from 22 on, a number means one thing to Redis and another to Valkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brand {
    Redis,
    Valkey,
}

/// The first version with a checksum. Redis 2.6 wrote version 6.
const OLDEST: u16 = 5;

/// What every dump begins with: a name and the version of the format, 9 bytes together.
pub(super) const HEAD: usize = 9;

/// Tells whose dump begins like this. No dump does with `None`.
pub(super) fn brand(head: [u8; HEAD]) -> Option<Brand> {
    let (brand, version) = match head {
        [b'R', b'E', b'D', b'I', b'S', version @ ..] => (Brand::Redis, version),
        [b'V', b'A', b'L', b'K', b'E', b'Y', a, b, c] => (Brand::Valkey, [b'0', a, b, c]),
        _ => return None,
    };
    let is_number = version.iter().all(u8::is_ascii_digit);
    let version = version.iter().fold(0, |sum, digit| 10 * sum + u16::from(digit & 0x0f));
    (is_number && version >= OLDEST).then_some(brand)
}
