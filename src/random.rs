//! Random names that nobody else has.

use ring::rand::SecureRandom;

/// `bytes` random bytes as hexadecimal digits.
pub(crate) fn hex(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    ring::rand::SystemRandom::new().fill(&mut random).expect("the kernel's random source works");
    ::hex::encode(random)
}

/// So many random bytes, of which a key may be made.
pub(crate) fn bytes<const COUNT: usize>() -> [u8; COUNT] {
    let mut random = [0; COUNT];
    ring::rand::SystemRandom::new().fill(&mut random).expect("the kernel's random source works");
    random
}

/// One random byte: to wait for another while than others do.
pub(crate) fn byte() -> u8 {
    let [random] = bytes();
    random
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same() {
        assert_eq!(hex(16).len(), 32);
        assert_ne!(hex(16), hex(16));
    }
}
