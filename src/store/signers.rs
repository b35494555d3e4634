//! Who signs for this process, and whose signatures count.

use crate::signing::{Signer, TrustedSigners};

/// Without both, nothing is signed and everything counts.
#[derive(Debug, Clone, Default)]
pub struct Signing {
    pub signer: Option<Signer>,
    pub trusted: Option<TrustedSigners>,
}
