//! Uploads that were begun and neither completed nor aborted. Their parts cost money for ever and no listing shows them.
//!
//! The S3 client cannot list them: `lister.rs` makes and signs that one request.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use jiff::Timestamp;
use object_store::MultipartId;
use object_store::path::Path;

use super::bucket::Store;
use super::error::{StoreError, StoreErrorKind};
use super::lister::{Entry, Marker};
use super::timeout::{ANSWER_LIMIT, within};

/// When an abort is tried again: it is all that stands between a failed run and parts that cost money for ever.
const ABORT_AGAIN: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(Duration::from_millis(200)).with_factor(2.0).with_max_times(2);

/// An upload that somebody began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The object's key, relative to the prefix.
    pub key: String,
    pub id: String,
    /// When it was begun, by the store's clock, if the store says so.
    pub initiated: Option<Timestamp>,
}

impl Store {
    /// All unfinished uploads whose keys, relative to the prefix, begin with `below`.
    ///
    /// # Errors
    /// See [`StoreError`]. [`StoreErrorKind::Unsupported`] when this store cannot tell: that is not the same as none.
    pub async fn unfinished_uploads(&self, below: &str) -> Result<Vec<Unfinished>, StoreError> {
        let Some(lister) = &self.lister else {
            return Err(StoreError::new(
                StoreErrorKind::Unsupported,
                format!("{} cannot {WHAT}", self.place.endpoint),
            ));
        };
        if let Some(known) = lister.cannot.get() {
            return Err(known.clone());
        }
        let root = match self.place.prefix.as_str() {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let prefix = format!("{root}{below}");
        let mut found = Vec::new();
        let mut marker = None;
        loop {
            let page = within(ANSWER_LIMIT, lister.page(&prefix, marker.as_ref()));
            let page = page.await.map_err(|error| {
                let error = self.error(WHAT, error);
                // It will not know the request another time either.
                if error.kind == StoreErrorKind::Unsupported {
                    lister.cannot.get_or_init(|| error.clone());
                }
                error
            })?;
            found.extend(matching(page.upload, &root, &prefix));
            if !page.is_truncated {
                break;
            }
            let next = Marker { key: page.next_key_marker, upload_id: page.next_upload_id_marker };
            if next.key.is_none() || marker.as_ref() == Some(&next) {
                return Err(StoreError::new(
                    StoreErrorKind::Damaged,
                    format!(
                        "{} says there are more unfinished uploads and not where they begin",
                        self.place.endpoint
                    ),
                ));
            }
            marker = Some(next);
        }
        if found.is_empty() && !prefix.is_empty() {
            // MinIO takes the prefix for a whole key, and tells all it has when there is none (`cmd/erasure-server-pool.go`). For
            // the others one page is enough, and an error nothing new.
            let all = within(ANSWER_LIMIT, lister.page("", None)).await;
            found.extend(all.into_iter().flat_map(|page| matching(page.upload, &root, &prefix)));
        }
        Ok(found)
    }

    /// Aborts an upload; one that is no longer there counts as aborted.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn abort_unfinished(&self, upload: &Unfinished) -> Result<(), StoreError> {
        self.abort_upload(&self.path(&upload.key), &upload.id).await
    }

    pub(super) async fn abort_upload(&self, path: &Path, id: &MultipartId) -> Result<(), StoreError> {
        let abort = async || match within(ANSWER_LIMIT, self.backend.abort_multipart(path, id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.error("abort an upload", error)),
        };
        abort.retry(ABORT_AGAIN).when(|error| error.kind == StoreErrorKind::Transient).await
    }
}

const WHAT: &str = "list unfinished uploads";

/// Those whose keys begin with `prefix`: a server that ignores it must not make somebody else's upload look like ours.
fn matching(uploads: Vec<Entry>, root: &str, prefix: &str) -> impl Iterator<Item = Unfinished> {
    uploads.into_iter().filter(move |upload| upload.key.starts_with(prefix)).filter_map(move |upload| {
        // A key the client would send in another spelling is not one of Dumpcar's.
        let is_plain = Path::parse(&upload.key).is_ok_and(|path| path.as_ref() == upload.key);
        let key = upload.key.strip_prefix(root).filter(|_| is_plain)?.to_owned();
        let initiated = upload.initiated.and_then(|text| text.parse().ok());
        Some(Unfinished { key, id: upload.upload_id, initiated })
    })
}
