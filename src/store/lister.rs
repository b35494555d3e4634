//! Requests about the bucket that the S3 client does not make: signed here, with the client's own credentials.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use object_store::ClientOptions;
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{HttpClient, HttpConnector as _, HttpRequest, HttpRequestBody};
use object_store::path::Path;
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;

use super::answer::Connector;
use super::error::StoreError;
use super::heard::Heard;
use super::refusal::Refusal;
use crate::model::key::UNRESERVED;

/// When a page of the list is tried again: about 6 s of trying.
const LIST_AGAIN: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(Duration::from_millis(400)).with_factor(2.0).with_max_times(4);

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
    /// What the heads of answers have said.
    pub(super) heard: Arc<Heard>,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) key: Option<String>,
    pub(super) upload_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Page {
    // Without a default: an error that comes with status 200 must not look like an empty list.
    pub(super) is_truncated: bool,
    pub(super) next_key_marker: Option<String>,
    pub(super) next_upload_id_marker: Option<String>,
    #[serde(default)]
    pub(super) upload: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) upload_id: String,
    pub(super) initiated: Option<String>,
}

impl Lister {
    pub(super) async fn page(
        &self,
        prefix: &str,
        marker: Option<&Marker>,
    ) -> Result<Page, object_store::Error> {
        let listed = (|| self.try_page(prefix, marker)).retry(LIST_AGAIN);
        let listed = listed.when(|failure| matches!(failure, Failure::Passing(_))).await;
        listed.map_err(|(Failure::Passing(error) | Failure::Lasting(error))| error)
    }

    fn http(&self) -> Result<&HttpClient, object_store::Error> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let http = Connector {
            bucket_url: self.bucket_url.clone(),
            slow: None,
            download: None,
            heard: Arc::clone(&self.heard),
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
