//! The run records in the store.

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use object_store::{ObjectStore, PutOptions, PutPayload};

use super::bucket::Store;
use super::error::{StoreError, StoreErrorKind};
use super::timeout::{ANSWER_LIMIT, within};
use crate::model::key::BackupKey;
use crate::model::run::{LARGEST, RECORDS, RecordError, RunId, RunRecord};
use crate::model::target::TargetName;
use crate::signing::Namespace;

/// A record, and when it was last written by the store's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    pub record: RunRecord,
    pub renewed: Timestamp,
}

/// A key, relative to the prefix, and when it was last written.
pub(super) struct Listed {
    pub(super) key: String,
    written: Timestamp,
    is_empty: bool,
}

/// Records that are read at the same time.
const AT_ONCE: usize = 8;

/// More runs than these at a time are at work on no bucket. Beyond that, somebody has put records there, and to read all of them
/// would only hold up the backup.
const MOST_READ: usize = 500;

/// What the bucket says of runs.
#[derive(Debug, Default)]
pub struct Records {
    pub read: Vec<StoredRecord>,
    /// Keys of records that are left alone, and why.
    pub left_alone: Vec<(String, String)>,
    /// How many there are besides, which were not read.
    pub unread: usize,
}

impl Store {
    /// Writes a record, or writes it anew: its holder lives.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn put_record(&self, record: &RunRecord) -> Result<(), StoreError> {
        let path = self.path(&record.key());
        let json = PutPayload::from_bytes(self.sealed(Namespace::Record, record.to_json()));
        within(ANSWER_LIMIT, self.backend.put_opts(&path, json, PutOptions::default()))
            .await
            .map(|put| self.learned.written(put.version.as_deref()))
            .map_err(|error| self.error("write", error))
    }

    /// Says that the run of this record has ended, where the record itself may not be deleted: an empty one means nothing.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn empty_record(&self, record: &RunRecord) -> Result<(), StoreError> {
        let path = self.path(&record.key());
        let put = self.backend.put_opts(&path, PutPayload::new(), PutOptions::default());
        within(ANSWER_LIMIT, put).await.map(drop).map_err(|error| self.error("write", error))
    }

    /// The records there are, of one target or of all, without that of the run `own`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn records(
        &self,
        only: Option<&TargetName>,
        own: Option<&RunId>,
    ) -> Result<Records, StoreError> {
        let below = only.map_or_else(|| RECORDS.to_owned(), |target| format!("{RECORDS}/{target}"));
        let mut listed = self.listed(&below).await?;
        listed.retain(|listed| {
            !listed.is_empty && RunRecord::parse_key(&listed.key).is_some_and(|(_, run)| own != Some(&run))
        });
        let mut records = Records { unread: listed.len().saturating_sub(MOST_READ), ..Records::default() };
        // The oldest are the likeliest to be of runs that are over.
        listed.sort_by_key(|listed| listed.written);
        listed.truncate(MOST_READ);
        let read = stream::iter(listed).map(async |listed| (self.record(&listed.key).await, listed));
        let mut read = std::pin::pin!(read.buffered(AT_ONCE));
        while let Some((record, Listed { key, written, .. })) = read.next().await {
            match record {
                Ok(Some(record)) => records.read.push(StoredRecord { record, renewed: written }),
                // Its run has ended in the meantime.
                Ok(None) => {}
                Err(error) if matches!(error.kind, StoreErrorKind::Damaged | StoreErrorKind::Unsigned) => {
                    records.left_alone.push((key, error.to_string()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(records)
    }

    /// The record at this key; `None` when there is none.
    ///
    /// # Errors
    /// See [`StoreError`]; [`StoreErrorKind::Damaged`] when there is something else, or one of a newer Dumpcar, and
    /// [`StoreErrorKind::Unsigned`] when only signed ones count.
    pub async fn record(&self, key: &str) -> Result<Option<RunRecord>, StoreError> {
        match self.get(key, LARGEST).await {
            Ok(json) => RunRecord::from_json(&self.opened(Namespace::Record, key, json)?, key)
                .map(Some)
                .map_err(|error: RecordError| StoreError::bad_record(key, &error)),
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
            .filter_map(|listed| {
                let (folder, name) = BackupKey::parse(&listed.key)?;
                (folder == *key).then(|| name.to_owned())
            })
            .collect())
    }

    /// Every key below this one, relative to the prefix, with the time it was last written.
    pub(super) async fn listed(&self, below: &str) -> Result<Vec<Listed>, StoreError> {
        let root = self.path("");
        let root_len = if root.as_ref().is_empty() { 0 } else { root.as_ref().len() + 1 };
        let mut objects = self.backend.list(Some(&self.path(below)));
        let mut found = Vec::new();
        while let Some(meta) =
            within(ANSWER_LIMIT, objects.try_next()).await.map_err(|error| self.error("list", error))?
        {
            let key = meta.location.as_ref().get(root_len..).unwrap_or_default().to_owned();
            let written = Timestamp::from_second(meta.last_modified.timestamp()).unwrap_or(Timestamp::MAX);
            found.push(Listed { key, written, is_empty: meta.size == 0 });
        }
        Ok(found)
    }
}
