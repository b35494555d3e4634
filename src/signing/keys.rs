//! Ed25519 keys in OpenSSH's forms.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::digest::{SHA256, digest};
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::wire::{Fields, armor, disarm, put_string, strings};
use crate::secret::Secret;

/// The name of the only type of key there is here.
pub(super) const TYPE: &str = "ssh-ed25519";

const PRIVATE: &str = "OPENSSH PRIVATE KEY";
const MAGIC: &[u8] = b"openssh-key-v1\0";
/// What the private part is filled up to a multiple of, when it is not encrypted.
const BLOCK: usize = 8;

/// Whose signatures can be checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(pub(super) [u8; 32]);

impl PublicKey {
    /// As it stands in signatures and private keys, and, in base64, in lines.
    pub(super) fn blob(self) -> Vec<u8> {
        strings(&[TYPE.as_bytes(), &self.0])
    }

    pub(super) fn from_blob(blob: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(blob);
        fields.expect_string(TYPE.as_bytes())?;
        let key = fields.string()?.try_into().ok()?;
        fields.end()?;
        Some(Self(key))
    }

    /// From the base64 of a line.
    pub(super) fn from_base64(text: &str) -> Option<Self> {
        Self::from_blob(&STANDARD.decode(text).ok()?)
    }

    /// The short name of the key, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(digest(&SHA256, &self.blob())))
    }
}

impl fmt::Display for PublicKey {
    /// The line of an `authorized_keys` or `.pub` file, without a comment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{TYPE} {}", STANDARD.encode(self.blob()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fingerprint())
    }
}

/// A private key that can sign.
#[derive(Debug, Clone)]
pub struct Signer {
    pub(super) pair: Arc<Ed25519KeyPair>,
    public: PublicKey,
}

/// The text is no private key that can be used. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error(
        "must be an OpenSSH private key (-----BEGIN OPENSSH PRIVATE KEY-----), as `dumpcar keygen` prints it"
    )]
    NoKey,
    #[error("is a public key; the private one belongs here, as `dumpcar keygen` prints it")]
    Public,
    #[error("is encrypted with a passphrase, which nobody could enter; remove it with `ssh-keygen -p -N ''`")]
    Encrypted,
    #[error("must be an Ed25519 key; make one with `dumpcar keygen` or `ssh-keygen -t ed25519 -N ''`")]
    OtherType,
    #[error("is damaged; copy the key again, all lines of it")]
    Damaged,
}

impl Signer {
    /// The key pair that follows from 32 random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("32 bytes are a seed");
        Self::new(pair)
    }

    fn new(pair: Ed25519KeyPair) -> Self {
        let public = pair.public_key().as_ref().try_into().expect("a public key has 32 bytes");
        Self { pair: Arc::new(pair), public: PublicKey(public) }
    }

    pub fn public_key(&self) -> PublicKey {
        self.public
    }
}

/// The file of the key pair that follows from `seed`, as `ssh-keygen -t ed25519 -N ''` writes it. Of `check`, OpenSSH wants
/// any number.
pub fn private_key_file(seed: &[u8; 32], check: u32, comment: &str) -> Secret {
    let public = Signer::from_seed(seed).public_key();
    let mut private = [check.to_be_bytes(); 2].concat();
    for field in [TYPE.as_bytes(), &public.0, &[*seed, public.0].concat(), comment.as_bytes()] {
        put_string(&mut private, field);
    }
    private.extend((1..).take(private.len().next_multiple_of(BLOCK) - private.len()));
    let mut file = [MAGIC, &strings(&[b"none", b"none", b""])].concat();
    file.extend(1_u32.to_be_bytes());
    put_string(&mut file, &public.blob());
    put_string(&mut file, &private);
    Secret::new(armor(PRIVATE, &file))
}

impl FromStr for Signer {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.starts_with("ssh-") {
            return Err(KeyError::Public);
        }
        if !text.starts_with("-----BEGIN ") {
            return Err(KeyError::NoKey);
        }
        if text.contains("ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        if !text.starts_with(&format!("-----BEGIN {PRIVATE}-----")) {
            return Err(if text.contains("PRIVATE KEY-----") {
                KeyError::OtherType
            } else {
                KeyError::NoKey
            });
        }
        let file = disarm(PRIVATE, text).ok_or(KeyError::Damaged)?;
        let (public, private) = parts(&file)?;
        let seed = seed(private, public).ok_or(KeyError::Damaged)?;
        let pair =
            Ed25519KeyPair::from_seed_and_public_key(seed, &public.0).map_err(|_| KeyError::Damaged)?;
        Ok(Self::new(pair))
    }
}

/// The public key, and what an encryption would cover.
fn parts(file: &[u8]) -> Result<(PublicKey, &[u8]), KeyError> {
    let mut fields = Fields::new(file);
    let cipher = fields.expect(MAGIC).and_then(|()| fields.string()).ok_or(KeyError::Damaged)?;
    if cipher != b"none" {
        return Err(KeyError::Encrypted);
    }
    let mut next = || {
        fields.expect_string(b"none")?;
        fields.expect_string(b"")?;
        (fields.number()? == 1).then_some(())?;
        let (public, private) = (fields.string()?, fields.string()?);
        fields.end()?;
        Some((public, private))
    };
    let (public, private) = next().ok_or(KeyError::Damaged)?;
    match (Fields::new(public).string(), PublicKey::from_blob(public)) {
        (_, Some(public)) => Ok((public, private)),
        (Some(name), None) if name != TYPE.as_bytes() => Err(KeyError::OtherType),
        (_, None) => Err(KeyError::Damaged),
    }
}

/// What the key pair follows from; that it does is not checked yet.
fn seed(private: &[u8], public: PublicKey) -> Option<&[u8]> {
    let mut fields = Fields::new(private);
    (fields.number()? == fields.number()?).then_some(())?;
    fields.expect_string(TYPE.as_bytes())?;
    fields.expect_string(&public.0)?;
    let (seed, again) = fields.string()?.split_at_checked(32)?;
    (again == public.0).then_some(())?;
    // The comment, and what fills it up.
    fields.string()?;
    let filling = fields.rest();
    let is_filled = filling.len() < BLOCK && filling.iter().copied().eq((1..).take(filling.len()));
    is_filled.then_some(seed)
}

#[cfg(test)]
mod tests;
