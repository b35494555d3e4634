//! SplitMix64: <https://prng.di.unimi.it/splitmix64.c>.

/// What is added for each next number.
pub const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// Spreads a hash over all 64 bits, so that a sum of such hashes tells which belong together.
pub const fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
