//! Who signs what goes into the store, and whose signatures count in what comes out of it.
//!
//! A manifest's signature is a file of its own, so that `ssh-keygen` can check it. Records and drill results have theirs
//! in them: they are written over, and content and signature must not part.

use bytes::Bytes;
use futures_util::future::try_join;

use super::bucket::Store;
use super::error::{StoreError, StoreErrorKind};
use crate::model::key::BackupKey;
use crate::signing::{self, Namespace, Signature, Unsigned};

impl Store {
    /// Whether only what is signed counts.
    pub fn wants_signatures(&self) -> bool {
        self.signing.trusted.is_some()
    }

    /// Whether what this process writes counts.
    pub fn can_sign(&self) -> bool {
        self.signing.signer.is_some() || !self.wants_signatures()
    }

    /// Writes the signature of a manifest, if there is somebody to sign.
    pub(super) async fn put_signature(&self, key: &BackupKey, manifest: &[u8]) -> Result<(), StoreError> {
        let Some(signer) = &self.signing.signer else { return Ok(()) };
        let file = Bytes::from(signer.sign(Namespace::Manifest, manifest).to_armor());
        self.create(key, &key.signature(), &file).await.map(drop)
    }

    /// Deletes the signature of a manifest that is no longer there. Where nobody signs, that costs no request; what may
    /// have been left all the same is an orphan.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn delete_signature(&self, key: &BackupKey) -> Result<(), StoreError> {
        if self.signing.signer.is_none() && self.signing.trusted.is_none() {
            return Ok(());
        }
        self.delete_rest(&key.signature()).await.map(drop)
    }

    /// The bytes of a manifest, if they count.
    pub(super) async fn signed_manifest(&self, key: &BackupKey) -> Result<Bytes, StoreError> {
        let Some(trusted) = &self.signing.trusted else { return self.get_manifest(key).await };
        let (manifest, signature) = try_join(self.get_manifest(key), self.signature(key)).await?;
        signature
            .and_then(|signature| trusted.verify(Namespace::Manifest, &manifest, &signature))
            .map_err(|reason| StoreError::unsigned(Namespace::Manifest, &key.manifest(), reason))?;
        Ok(manifest)
    }

    /// What lies where the signature of a manifest belongs.
    async fn signature(&self, key: &BackupKey) -> Result<Result<Signature, Unsigned>, StoreError> {
        match self.get(&key.signature(), Signature::MOST_BYTES as u64).await {
            Ok(file) => Ok(Signature::from_armor(&file)),
            Err(error) if error.kind == StoreErrorKind::NotFound => Ok(Err(Unsigned::Missing)),
            // It is larger than one.
            Err(error) if error.kind == StoreErrorKind::Damaged => Ok(Err(Unsigned::Malformed)),
            Err(error) => Err(error),
        }
    }

    /// The JSON object with its signature in it, if there is somebody to sign.
    pub(super) fn sealed(&self, kind: Namespace, json: Vec<u8>) -> Bytes {
        match &self.signing.signer {
            Some(signer) => signing::seal(kind, &json, signer).into(),
            None => json.into(),
        }
    }

    /// What counts of the JSON object that was read from `key`.
    pub(super) fn opened(&self, kind: Namespace, key: &str, json: Bytes) -> Result<Bytes, StoreError> {
        match &self.signing.trusted {
            Some(trusted) => signing::open(kind, &json, trusted)
                .map(Bytes::from)
                .map_err(|reason| StoreError::unsigned(kind, key, reason)),
            None => Ok(json),
        }
    }
}
