//! `dumpcar keygen`.

use std::io::{self, Write};

use super::output::print;
use crate::exit::Exit;
use crate::random;
use crate::signing::{Signer, private_key_file};

/// What stands behind the keys: whose they are.
const COMMENT: &str = "dumpcar";

/// `dumpcar keygen`. Standard output gets nothing but the private key, so that it can be a file.
pub fn keygen() -> Exit {
    let seed = random::bytes();
    print(private_key_file(&seed, u32::from_be_bytes(random::bytes()), COMMENT).expose());
    let public = Signer::from_seed(&seed).public_key();
    let text = format!(
        "\
# On standard output: the private key. Set DUMPCAR_SIGNING_KEY_FILE to a file with it, on each host that backs up.
# Keep a copy where the backups are not: it is needed for new backups only, never to restore.
# This is the public key. Set DUMPCAR_TRUSTED_SIGNERS to it (one line for each key), on each host that reads the bucket:
{public} {COMMENT}
# {}
",
        public.fingerprint()
    );
    // Nothing can be done about a closed standard error.
    drop(io::stderr().write_all(text.as_bytes()));
    Exit::Done
}
