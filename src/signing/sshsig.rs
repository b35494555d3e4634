//! SSH signatures: <https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{Algorithm, SHA256, SHA512, digest};
use ring::signature::{ED25519, UnparsedPublicKey};

use super::keys::TYPE;
use super::wire::{Fields, armor, disarm, put_string, strings};
use super::{Namespace, PublicKey, Signer, Unsigned};

const ARMOR: &str = "SSH SIGNATURE";
const MAGIC: &[u8] = b"SSHSIG";
const VERSION: u32 = 1;

/// What hashes the message before it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Sha256 => &SHA256,
            Self::Sha512 => &SHA512,
        }
    }
}

/// A signature by an Ed25519 key; of what, only [`Signature::check`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    key: PublicKey,
    /// `None` when it is not for anything of Dumpcar's.
    kind: Option<Namespace>,
    hash: Hash,
    bytes: [u8; 64],
}

impl Signer {
    pub fn sign(&self, kind: Namespace, message: &[u8]) -> Signature {
        let hash = Hash::Sha512;
        let signed = self.pair.sign(&signed(kind, hash, message));
        let bytes = signed.as_ref().try_into().expect("a signature has 64 bytes");
        Signature { key: self.public_key(), kind: Some(kind), hash, bytes }
    }
}

/// What the key really signs.
fn signed(kind: Namespace, hash: Hash, message: &[u8]) -> Vec<u8> {
    let digest = digest(hash.algorithm(), message);
    let fields = strings(&[kind.as_str().as_bytes(), b"", hash.name().as_bytes(), digest.as_ref()]);
    [MAGIC, &fields].concat()
}

impl Signature {
    /// The longest file that may be a signature; one has about 300 bytes.
    pub const MOST_BYTES: usize = 1024;

    /// Who made it, if it holds.
    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// Whether it is that of a message of this kind.
    ///
    /// # Errors
    /// Why not. Whether the key is trusted is another question.
    pub fn check(&self, kind: Namespace, message: &[u8]) -> Result<(), Unsigned> {
        if self.kind != Some(kind) {
            return Err(Unsigned::OtherNamespace(kind));
        }
        let key = UnparsedPublicKey::new(&ED25519, self.key.0);
        key.verify(&signed(kind, self.hash, message), &self.bytes).map_err(|_| Unsigned::Altered)
    }

    /// The file that `ssh-keygen -Y sign` writes.
    pub fn to_armor(&self) -> String {
        armor(ARMOR, &self.encode())
    }

    /// # Errors
    /// It is no signature by an Ed25519 key.
    pub fn from_armor(file: &[u8]) -> Result<Self, Unsigned> {
        let text = std::str::from_utf8(file).ok().filter(|text| text.len() <= Self::MOST_BYTES);
        let blob = text.and_then(|text| disarm(ARMOR, text));
        blob.and_then(|blob| Self::decode(&blob)).ok_or(Unsigned::Malformed)
    }

    /// What stands between the two lines of the file, in one line.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.encode())
    }

    /// # Errors
    /// It is no signature by an Ed25519 key.
    pub fn from_base64(text: &str) -> Result<Self, Unsigned> {
        let text = Some(text).filter(|text| text.len() <= Self::MOST_BYTES);
        let blob = text.and_then(|text| STANDARD.decode(text).ok());
        blob.and_then(|blob| Self::decode(&blob)).ok_or(Unsigned::Malformed)
    }

    fn encode(&self) -> Vec<u8> {
        let mut blob = MAGIC.to_vec();
        blob.extend(VERSION.to_be_bytes());
        let namespace = self.kind.map(Namespace::as_str).unwrap_or_default();
        let signature = strings(&[TYPE.as_bytes(), &self.bytes]);
        for field in [&self.key.blob(), namespace.as_bytes(), b"", self.hash.name().as_bytes(), &signature] {
            put_string(&mut blob, field);
        }
        blob
    }

    fn decode(blob: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(blob);
        fields.expect(MAGIC)?;
        (fields.number()? == VERSION).then_some(())?;
        let key = PublicKey::from_blob(fields.string()?)?;
        let namespace = fields.string()?;
        let kind = Namespace::ALL.into_iter().find(|kind| kind.as_str().as_bytes() == namespace);
        // Reserved: nothing is there until somebody says what it means.
        fields.expect_string(b"")?;
        let name = fields.string()?;
        let hash = Hash::ALL.into_iter().find(|hash| hash.name().as_bytes() == name)?;
        let mut signature = Fields::new(fields.string()?);
        fields.end()?;
        signature.expect_string(TYPE.as_bytes())?;
        let bytes = signature.string()?.try_into().ok()?;
        signature.end()?;
        Some(Self { key, kind, hash, bytes })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By `ssh-keygen -Y sign -n dumpcar-manifest`, with either of its hashes.
    const FILES: [&str; 2] = [include_str!("fixtures/sha512.sig"), include_str!("fixtures/sha256.sig")];
    const MESSAGE: &[u8] = b"{\"version\":1}\n";

    fn signer() -> Signer {
        include_str!("fixtures/ed25519").parse().unwrap()
    }

    #[test]
    fn signatures_of_ssh_keygen_hold_and_ours_are_the_same() {
        for file in FILES {
            let signature = Signature::from_armor(file.as_bytes()).unwrap();
            assert_eq!(signature.check(Namespace::Manifest, MESSAGE), Ok(()));
            assert_eq!(signature.key(), signer().public_key());
            assert_eq!(signature.to_armor(), file);
            assert_eq!(Signature::from_base64(&signature.to_base64()).unwrap(), signature);
        }
        assert_eq!(signer().sign(Namespace::Manifest, MESSAGE).to_armor(), FILES[0]);
    }

    #[test]
    fn a_signature_is_for_one_message_of_one_kind() {
        for file in FILES {
            let signature = Signature::from_armor(file.as_bytes()).unwrap();
            for other in [&b"{\"version\":1}"[..], b"{\"version\":2}\n", b""] {
                assert_eq!(signature.check(Namespace::Manifest, other), Err(Unsigned::Altered));
            }
            for kind in [Namespace::Record, Namespace::Drill] {
                assert_eq!(signature.check(kind, MESSAGE), Err(Unsigned::OtherNamespace(kind)));
                let renamed = Signature { kind: Some(kind), ..signature.clone() };
                assert_eq!(renamed.check(kind, MESSAGE), Err(Unsigned::Altered));
            }
        }
    }

    /// A namespace that is not ours is read, so that it can be named as the reason.
    #[test]
    fn a_signature_for_something_else_is_not_ours() {
        let blob = Signature::from_armor(FILES[0].as_bytes()).unwrap().encode();
        let other = String::from_utf8_lossy(&blob).contains("dumpcar-manifest").then(|| {
            let at = blob.windows(16).position(|window| window == b"dumpcar-manifest").unwrap();
            let mut other = blob.clone();
            other[at..at + 4].copy_from_slice(b"git-");
            other
        });
        let signature = Signature::decode(&other.unwrap()).unwrap();
        assert_eq!(
            signature.check(Namespace::Manifest, MESSAGE),
            Err(Unsigned::OtherNamespace(Namespace::Manifest))
        );
    }

    #[test]
    fn no_bit_of_a_signature_can_be_changed() {
        for file in FILES {
            let blob = Signature::from_armor(file.as_bytes()).unwrap().encode();
            for (at, bit) in (0..blob.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
                let mut changed = blob.clone();
                changed[at] ^= 1 << bit;
                let holds = Signature::decode(&changed)
                    .is_some_and(|signature| signature.check(Namespace::Manifest, MESSAGE).is_ok());
                assert!(!holds, "bit {bit} of byte {at}");
            }
            for end in 0..blob.len() {
                assert_eq!(Signature::decode(&blob[..end]), None, "cut at {end}");
            }
            assert_eq!(Signature::decode(&[&blob[..], b"\0"].concat()), None);
        }
    }

    #[test]
    fn a_file_that_is_too_long_is_not_looked_at() {
        let file =
            FILES[0].replace("\n-----END", &format!("{}\n-----END", "\n".repeat(Signature::MOST_BYTES)));
        assert_eq!(Signature::from_armor(file.as_bytes()), Err(Unsigned::Malformed));
        assert_eq!(Signature::from_armor(b"\xff"), Err(Unsigned::Malformed));
    }

    proptest! {
        #[test]
        fn what_is_signed_is_read_back(seed: [u8; 32], message: Vec<u8>, at: prop::sample::Index, bit in 0..8_u8) {
            let signer = Signer::from_seed(&seed);
            for kind in Namespace::ALL {
                let signature = signer.sign(kind, &message);
                prop_assert_eq!(&Signature::from_armor(signature.to_armor().as_bytes()).unwrap(), &signature);
                prop_assert_eq!(&Signature::from_base64(&signature.to_base64()).unwrap(), &signature);
                prop_assert_eq!(signature.check(kind, &message), Ok(()));
                if !message.is_empty() {
                    let mut changed = message.clone();
                    changed[at.index(message.len())] ^= 1 << bit;
                    prop_assert_eq!(signature.check(kind, &changed), Err(Unsigned::Altered));
                }
            }
        }

        #[test]
        fn anything_else_is_refused(bytes: Vec<u8>, text in ".*") {
            prop_assert_eq!(Signature::decode(&bytes), None);
            prop_assert_eq!(Signature::from_armor(text.as_bytes()), Err(Unsigned::Malformed));
        }
    }
}
