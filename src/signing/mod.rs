//! Signatures of what Dumpcar puts into the bucket, in OpenSSH's forms, so that `ssh-keygen` makes the keys and checks the
//! signatures as well. Pure: random bytes are an argument.
//!
//! Whoever may write into a bucket cannot make Dumpcar restore, drill, count or obey anything that is not signed by a
//! trusted key.

mod keys;
mod seal;
mod sshsig;
mod trusted;
mod wire;

pub use keys::{KeyError, PublicKey, Signer, private_key_file};
pub use seal::{open, seal};
pub use sshsig::Signature;
pub use trusted::{TrustedSigners, TrustedSignersError};

/// What a signature is for: the namespace of the SSH signature. One kind is never taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    /// `manifest.json`, with its signature in a file of its own.
    Manifest,
    /// A run's record, with its signature in it.
    Record,
    /// `drill.json`, with its signature in it.
    Drill,
    /// That a target is forgotten, with its signature in it.
    Forgotten,
    /// What the last verification found, with its signature in it.
    Verified,
}

impl Namespace {
    const ALL: [Self; 5] = [Self::Manifest, Self::Record, Self::Drill, Self::Forgotten, Self::Verified];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "dumpcar-manifest",
            Self::Record => "dumpcar-record",
            Self::Drill => "dumpcar-drill",
            Self::Forgotten => "dumpcar-forgotten",
            Self::Verified => "dumpcar-verified",
        }
    }
}

/// Why something does not count as signed. Worded to follow the name of the thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    #[error("has no signature")]
    Missing,
    #[error("has a signature that is not one of an Ed25519 key in OpenSSH's form")]
    Malformed,
    #[error("has a signature that was made for something else than {}", .0.as_str())]
    OtherNamespace(Namespace),
    #[error("is signed by {}, which is none of DUMPCAR_TRUSTED_SIGNERS", .0.fingerprint())]
    Untrusted(PublicKey),
    #[error("is not what was signed")]
    Altered,
}
