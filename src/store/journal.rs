//! The run records in the store.

use bytes::Bytes;
use futures_util::TryStreamExt;
use jiff::Timestamp;
use object_store::{ObjectStore, PutOptions, PutPayload};

use super::{ANSWER_LIMIT, Store, StoreError, StoreErrorKind, within};
use crate::model::key::BackupKey;
use crate::model::run::{RECORDS, RunId, RunRecord};
use crate::model::target::TargetName;

/// A record, and when it was last written by the store's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    pub record: RunRecord,
    pub renewed: Timestamp,
}

impl Store {
    /// Writes a record, or writes it anew: its holder lives.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn put_record(&self, record: &RunRecord) -> Result<(), StoreError> {
        let path = self.path(&record.key());
        let json = PutPayload::from_bytes(Bytes::from(record.to_json()));
        within(ANSWER_LIMIT, self.backend.put_opts(&path, json, PutOptions::default()))
            .await
            .map(drop)
            .map_err(|error| self.error("write", error))
    }

    /// The records there are, of one target or of all, without that of the run `own`. Those that only a newer Dumpcar
    /// understands are left out.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn records(
        &self,
        only: Option<&TargetName>,
        own: Option<&RunId>,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let below = only.map_or_else(|| RECORDS.to_owned(), |target| format!("{RECORDS}/{target}"));
        let mut records = Vec::new();
        for (key, renewed) in self.listed(&below).await? {
            if RunRecord::parse_key(&key).is_none_or(|(_, run)| own == Some(&run)) {
                continue;
            }
            // None: its run has ended in the meantime.
            records.extend(self.record(&key).await?.map(|record| StoredRecord { record, renewed }));
        }
        Ok(records)
    }

    /// The record at this key; `None` when there is none that this Dumpcar understands.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn record(&self, key: &str) -> Result<Option<RunRecord>, StoreError> {
        match self.get(key).await {
            Ok(json) => Ok(RunRecord::from_json(&json).filter(|record| record.key() == key)),
            Err(error) if error.kind == StoreErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The names of the files in a backup's folder.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn files(&self, key: &BackupKey) -> Result<Vec<String>, StoreError> {
        let listed = self.listed(&key.to_string()).await?;
        Ok(listed
            .into_iter()
            .filter_map(|(found, _)| {
                let (folder, name) = BackupKey::parse(&found)?;
                (folder == *key).then(|| name.to_owned())
            })
            .collect())
    }

    /// Every key below this one, relative to the prefix, with the time it was last written.
    async fn listed(&self, below: &str) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let root = self.path("");
        let root_len = if root.as_ref().is_empty() { 0 } else { root.as_ref().len() + 1 };
        let mut objects = self.backend.list(Some(&self.path(below)));
        let mut found = Vec::new();
        while let Some(meta) =
            within(ANSWER_LIMIT, objects.try_next()).await.map_err(|error| self.error("list", error))?
        {
            let key = meta.location.as_ref().get(root_len..).unwrap_or_default().to_owned();
            let written = Timestamp::from_second(meta.last_modified.timestamp()).unwrap_or(Timestamp::MAX);
            found.push((key, written));
        }
        Ok(found)
    }
}
