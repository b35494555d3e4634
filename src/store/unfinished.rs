//! Uploads that were begun and neither completed nor aborted. Their parts cost money for ever and no listing shows them.
//!
//! The S3 client cannot list them, so that one request is made and signed here, with the client's own credentials.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{HttpClient, HttpConnector as _, HttpRequest, HttpRequestBody};
use object_store::path::Path;
use object_store::{ClientOptions, MultipartId};
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;

use super::answer::Connector;
use super::refusal::Refusal;
use super::{ANSWER_LIMIT, Store, StoreError, StoreErrorKind, within};
use crate::model::key::UNRESERVED;

/// How often an abort is tried: it is all that stands between a failed run and parts that cost money for ever.
const ABORT_TRIES: u32 = 3;

/// How often a page of the list is tried. The wait doubles each time: about 6 s of trying.
const LIST_TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(400);

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
        let mut tried = 0;
        loop {
            tried += 1;
            match within(ANSWER_LIMIT, self.backend.abort_multipart(path, id)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => return Ok(()),
                Err(error) => {
                    let error = self.error("abort an upload", error);
                    if tried == ABORT_TRIES || error.kind != StoreErrorKind::Transient {
                        return Err(error);
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(200) * tried).await;
        }
    }
}

const WHAT: &str = "list unfinished uploads";

/// What the request needs that the S3 client keeps to itself.
pub(super) struct Lister {
    pub(super) options: ClientOptions,
    /// Made when it is first needed, which is seldom: reading all root certificates takes most of the program's start.
    pub(super) http: OnceLock<HttpClient>,
    /// Where requests about the bucket itself go, without a query.
    pub(super) bucket_url: String,
    pub(super) region: String,
    /// `None`: requests are not signed.
    pub(super) credentials: Option<AwsCredentialProvider>,
    pub(super) requester_pays: bool,
    /// What the store said when it was found not to know the request.
    pub(super) cannot: OnceLock<StoreError>,
    /// What the client has seen of deletions.
    pub(super) leaves_markers: Arc<AtomicBool>,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Marker {
    key: Option<String>,
    upload_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    // Without a default: an error that comes with status 200 must not look like an empty list.
    is_truncated: bool,
    next_key_marker: Option<String>,
    next_upload_id_marker: Option<String>,
    #[serde(default)]
    upload: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    key: String,
    upload_id: String,
    initiated: Option<String>,
}

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

impl Lister {
    async fn page(&self, prefix: &str, marker: Option<&Marker>) -> Result<Page, object_store::Error> {
        let mut wait = FIRST_WAIT;
        let mut tried = 0;
        loop {
            tried += 1;
            match self.try_page(prefix, marker).await {
                Err(Failure::Passing(_)) if tried < LIST_TRIES => tokio::time::sleep(wait).await,
                Err(Failure::Passing(error) | Failure::Lasting(error)) => return Err(error),
                Ok(page) => return Ok(page),
            }
            wait *= 2;
        }
    }

    fn http(&self) -> Result<&HttpClient, object_store::Error> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let http = Connector {
            bucket_url: self.bucket_url.clone(),
            slow: None,
            download: None,
            leaves_markers: Arc::clone(&self.leaves_markers),
        }
        .connect(&self.options)?;
        Ok(self.http.get_or_init(|| http))
    }

    async fn try_page(&self, prefix: &str, marker: Option<&Marker>) -> Result<Page, Failure> {
        let mut url = format!("{}?uploads=&prefix={}", self.bucket_url, encoded(prefix));
        if let Some(Marker { key: Some(key), upload_id }) = marker {
            url.push_str(&format!("&key-marker={}", encoded(key)));
            // Only together: without a key, the id is to be ignored.
            if let Some(id) = upload_id.as_deref().filter(|id| !id.is_empty()) {
                url.push_str(&format!("&upload-id-marker={}", encoded(id)));
            }
        }
        let body = self.ask(&url).await?;
        quick_xml::de::from_str(&body).map_err(|error| Failure::Lasting(generic(error)))
    }

    /// Signs and sends one GET to this URL, and returns the answer.
    pub(super) async fn ask(&self, url: &str) -> Result<String, Failure> {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = url.parse().map_err(|error| Failure::Lasting(generic(error)))?;
        if let Some(credentials) = &self.credentials {
            // Asked each time: they may have been renewed.
            let credential = credentials.get_credential().await.map_err(Failure::Passing)?;
            AwsAuthorizer::new(&credential, "s3", &self.region)
                .with_request_payer(self.requester_pays)
                .try_authorize(&mut request, None)
                .map_err(Failure::Lasting)?;
        }
        let http = self.http().map_err(Failure::Lasting)?;
        let answer = http.execute(request).await.map_err(|error| {
            let error = Refusal::typed(generic(error), &Path::default());
            // No kind of server will know the request the next time.
            let passes = Refusal::of(&error).is_none_or(Refusal::passes);
            if passes { Failure::Passing(error) } else { Failure::Lasting(error) }
        })?;
        let body = answer.into_body().bytes().await.map_err(|error| Failure::Passing(generic(error)))?;
        let body = String::from_utf8_lossy(&body);
        // Some say so with a success.
        if body.contains("<Error>") {
            return Err(Failure::Passing(generic(Refusal::read(200, &body, &[]))));
        }
        Ok(body.into_owned())
    }
}

/// Whether it is worth another try.
pub(super) enum Failure {
    Passing(object_store::Error),
    Lasting(object_store::Error),
}

fn generic(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> object_store::Error {
    object_store::Error::Generic { store: "S3", source: source.into() }
}

/// Percent-encoded as the signature wants it.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, &UNRESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_encoded_as_it_is_signed() {
        assert_eq!(encoded("a b+c/%C3%A4.sql~ä"), "a%20b%2Bc%2F%25C3%25A4.sql~%C3%A4");
    }

    #[test]
    fn a_page_is_read() {
        let page: Page = quick_xml::de::from_str(
            r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
              <Bucket>b</Bucket><KeyMarker/><UploadIdMarker></UploadIdMarker>
              <NextKeyMarker>a&amp;b</NextKeyMarker><NextUploadIdMarker>2</NextUploadIdMarker>
              <MaxUploads>1000</MaxUploads><IsTruncated>true</IsTruncated>
              <Upload><Key>a&amp;b</Key><UploadId>1</UploadId><Owner><ID>x</ID></Owner>
                <Initiated>2026-11-23T23:00:00.000Z</Initiated></Upload>
              <CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes>
              <Upload><UploadId>2</UploadId><Key>a&amp;b</Key></Upload>
            </ListMultipartUploadsResult>"#,
        )
        .unwrap();
        assert!(page.is_truncated);
        assert_eq!(page.next_key_marker.as_deref(), Some("a&b"));
        let found: Vec<_> = page.upload.iter().map(|upload| (&*upload.key, &*upload.upload_id)).collect();
        assert_eq!(found, [("a&b", "1"), ("a&b", "2")]);
    }

    #[test]
    fn an_error_is_not_an_empty_page() {
        let error = "<Error><Code>InternalError</Code><Message>again</Message></Error>";
        assert!(quick_xml::de::from_str::<Page>(error).is_err());
    }
}
