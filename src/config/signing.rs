//! Who signs, and whose signatures count.

use super::parse;
use super::reader::{Reader, SECRET};
use crate::signing::{Signer, TrustedSigners};

pub(super) fn read(
    reader: &mut Reader<'_>,
    signing_key: Option<String>,
    trusted_signers: Option<String>,
) -> (Option<Signer>, Option<TrustedSigners>) {
    let signer = reader.optional("DUMPCAR_SIGNING_KEY", signing_key, parse::own, |signer: &Signer| {
        format!("{SECRET} {}", signer.public_key().fingerprint())
    });
    let trusted = reader.optional(
        "DUMPCAR_TRUSTED_SIGNERS",
        trusted_signers,
        parse::own,
        |trusted: &TrustedSigners| {
            let fingerprints: Vec<String> = trusted.keys().iter().map(|key| key.fingerprint()).collect();
            fingerprints.join(", ")
        },
    );
    if let (Some(signer), Some(trusted)) = (&signer, &trusted) {
        reader.require(
            "DUMPCAR_TRUSTED_SIGNERS",
            trusted.contains(signer.public_key()),
            "must have the public key of DUMPCAR_SIGNING_KEY, too: else its own backups would not count",
        );
    }
    (signer, trusted)
}
