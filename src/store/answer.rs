//! How much an answer of the store may have: what is read whole is bounded, whoever answers.

use async_trait::async_trait;
use http_body_util::{BodyExt, Limited};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService, ReqwestConnector,
};

use crate::model::manifest;

/// A page of a listing has at most 1,000 keys of 1 KiB each, and some XML around them
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>); a manifest has more.
const LARGEST: u64 = manifest::LARGEST + 1024 * 1024;

/// A client like the usual one, whose answers end in an error where they have more than was asked for.
#[derive(Debug, Default)]
pub(super) struct BoundedConnector(ReqwestConnector);

impl HttpConnector for BoundedConnector {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient, object_store::Error> {
        Ok(HttpClient::new(Bounded(self.0.connect(options)?)))
    }
}

#[derive(Debug)]
struct Bounded(HttpClient);

#[async_trait]
impl HttpService for Bounded {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let range = request.headers().get("range").and_then(|range| range.to_str().ok());
        let limit = range.and_then(bytes_in).unwrap_or_default().max(LARGEST);
        let (head, body) = self.0.execute(request).await?.into_parts();
        let limited = Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX))
            .map_err(|error| HttpError::new_boxed(HttpErrorKind::Decode, error));
        Ok(HttpResponse::from_parts(head, HttpResponseBody::new(limited)))
    }
}

/// How many bytes `bytes=FIRST-LAST` asks for.
fn bytes_in(range: &str) -> Option<u64> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    last.parse::<u64>().ok()?.checked_sub(first.parse().ok()?)?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_says_how_much_it_asks_for() {
        assert_eq!(bytes_in("bytes=0-0"), Some(1));
        assert_eq!(bytes_in("bytes=16777216-33554431"), Some(16 * 1024 * 1024));
        for range in ["bytes=5-", "bytes=-5", "bytes=9-5", "bytes=0-18446744073709551615", ""] {
            assert_eq!(bytes_in(range), None, "{range}");
        }
    }
}
