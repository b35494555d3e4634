//! Whose signatures count.

use std::str::FromStr;

use super::keys::TYPE;
use super::{Namespace, PublicKey, Signature, Unsigned};

/// The keys of `DUMPCAR_TRUSTED_SIGNERS`; there is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedSigners(Vec<PublicKey>);

/// The text does not name keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrustedSignersError {
    #[error("must have a public key, like ssh-ed25519 AAAA… as `dumpcar keygen` prints it")]
    Empty,
    #[error("is a private key; the public one belongs here, which `ssh-keygen -y` prints")]
    Private,
    #[error("key {0} must be an Ed25519 key, like ssh-ed25519 AAAA…")]
    OtherType(usize),
    #[error(
        "key {0} has options (namespaces=, valid-before=, cert-authority), which are not supported; remove them"
    )]
    Options(usize),
    #[error("key {0} is damaged; copy it again")]
    Damaged(usize),
}

impl TrustedSigners {
    pub fn contains(&self, key: PublicKey) -> bool {
        self.0.contains(&key)
    }

    pub fn keys(&self) -> &[PublicKey] {
        &self.0
    }

    /// Whether `message` is of this kind and signed by one of them.
    ///
    /// # Errors
    /// Why it does not count as signed.
    pub fn verify(&self, kind: Namespace, message: &[u8], signature: &Signature) -> Result<(), Unsigned> {
        if !self.contains(signature.key()) {
            return Err(Unsigned::Untrusted(signature.key()));
        }
        signature.check(kind, message)
    }
}

impl FromStr for TrustedSigners {
    type Err = TrustedSignersError;

    /// Reads lines of a `.pub` or an `allowed_signers` file, whose names are not looked at. Where there is only one line,
    /// a comma may stand between two keys.
    fn from_str(text: &str) -> Result<Self, TrustedSignersError> {
        if text.contains("PRIVATE KEY-----") {
            return Err(TrustedSignersError::Private);
        }
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys = lines.flat_map(split);
        let keys: Vec<_> =
            keys.enumerate().map(|(index, key)| parse(index + 1, key)).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(TrustedSignersError::Empty) } else { Ok(Self(keys)) }
    }
}

/// Splits a line at the commas behind which a key begins: names may have commas, too.
fn split(line: &str) -> Vec<&str> {
    let mut keys = Vec::new();
    let mut rest = line;
    let mut from = 0;
    while let Some((at, behind)) = rest
        .split_at_checked(from)
        .and_then(|(_, tail)| tail.split_once(',').map(|(head, behind)| (from + head.len(), behind)))
    {
        if behind.trim_start().starts_with("ssh-") {
            keys.extend(rest.get(..at));
            rest = behind.trim_start();
            from = 0;
        } else {
            from = at + 1;
        }
    }
    keys.push(rest);
    keys
}

fn parse(number: usize, text: &str) -> Result<PublicKey, TrustedSignersError> {
    let mut words = text.split_whitespace();
    let mut word = words.next().unwrap_or_default();
    if !is_type(word) {
        // Whose key it is.
        word = words.next().unwrap_or_default();
    }
    if word.contains('=') || word.eq_ignore_ascii_case("cert-authority") {
        return Err(TrustedSignersError::Options(number));
    }
    if word != TYPE {
        return Err(TrustedSignersError::OtherType(number));
    }
    words.next().and_then(PublicKey::from_base64).ok_or(TrustedSignersError::Damaged(number))
}

/// Whether a key's type has such a name.
fn is_type(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-"].iter().any(|start| word.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::super::Signer;
    use super::*;

    fn key(number: u8) -> PublicKey {
        Signer::from_seed(&[number; 32]).public_key()
    }

    #[test]
    fn keys_are_read_in_each_of_their_forms() {
        let (a, b) = (key(1), key(2));
        for text in [
            format!("{a}\n{b}"),
            format!("# ours\n\n  {a} host-a, in the cellar\r\n{b}\thost-b\n"),
            format!("dumpcar,*@example.com {a} x\n* {b}"),
            format!("{a},{b}"),
            format!("{a} host-a, {b} host-b"),
            format!("{a} one, two,{b}"),
        ] {
            assert_eq!(text.parse(), Ok(TrustedSigners(vec![a, b])), "{text}");
        }
        let file = include_str!("fixtures/ed25519.pub");
        let trusted: TrustedSigners = file.parse().unwrap();
        assert_eq!(trusted.keys()[0].fingerprint(), "SHA256:um9aepnOuy5Xf3Ud3/2vgK+H5cu7F7TqtOJFxIEecbI");
    }

    #[test]
    fn what_is_no_key_is_refused_with_its_number() {
        use TrustedSignersError::{Damaged, Empty, Options, OtherType, Private};
        let (a, rest) = (key(1), key(2).to_string());
        let base64 = rest.strip_prefix("ssh-ed25519 ").unwrap();
        for (text, error) in [
            (String::new(), Empty),
            ("# nothing\n".into(), Empty),
            (include_str!("fixtures/ed25519").into(), Private),
            (format!("{a}\nssh-rsa AAAAB3Nz"), OtherType(2)),
            (format!("{a}\nx"), OtherType(2)),
            (format!("{a}\nsk-ssh-ed25519@openssh.com AAAA"), OtherType(2)),
            (format!("me namespaces=\"git\" ssh-ed25519 {base64}"), Options(1)),
            (format!("me cert-authority ssh-ed25519 {base64}"), Options(1)),
            ("ssh-ed25519".into(), Damaged(1)),
            (format!("ssh-ed25519 {}", base64.get(..base64.len() - 4).unwrap()), Damaged(1)),
            (format!("ssh-ed25519 {base64}AAAA"), Damaged(1)),
            (format!("ssh-ed25519 {}", base64.replace("ssh", "rsa").replace('C', "D")), Damaged(1)),
        ] {
            assert_eq!(text.parse::<TrustedSigners>(), Err(error), "{text}");
        }
    }

    #[test]
    fn only_a_listed_key_counts() {
        let (ours, other) = (Signer::from_seed(&[1; 32]), Signer::from_seed(&[2; 32]));
        let trusted: TrustedSigners = ours.public_key().to_string().parse().unwrap();
        let verify =
            |signer: &Signer| trusted.verify(Namespace::Record, b"x", &signer.sign(Namespace::Record, b"x"));
        assert_eq!(verify(&ours), Ok(()));
        assert_eq!(verify(&other), Err(Unsigned::Untrusted(other.public_key())));
    }
}
