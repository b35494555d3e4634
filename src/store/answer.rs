//! What comes back from a server: bounded, whoever answers, and a refusal typed ([`Refusal`]).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt, Limited};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService, ReqwestConnector,
};

use super::heard::Heard;
use super::limit::{Limit, Paced};
use super::refusal::Refusal;
use super::sender::Slow;
use crate::causes::innermost;
use crate::model::manifest;

/// A page of a listing has at most 1,000 keys of 1 KiB each, and some XML around them
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>); a manifest has more.
const LARGEST: u64 = manifest::LARGEST + 1024 * 1024;

/// A refusal is short, and so are credentials; a page of a proxy may be longer, and its beginning says as much.
const LARGEST_SHORT: usize = 64 * 1024;

/// A service that gives out credentials is near. The metadata service of an EC2 instance lets whoever is too far away wait for
/// ever: its answers to a container may be lost on the way, when the hop limit of the instance is 1.
const CREDENTIALS_LIMIT: Duration = Duration::from_secs(5);

/// Makes a client like the usual one, whose answers end in an error where they have more than was asked for, and whose refusals
/// are typed.
#[derive(Debug)]
pub(super) struct Connector {
    /// Where requests about the bucket go: others are for credentials.
    pub(super) bucket_url: String,
    /// Where there is a limit on what is sent.
    pub(super) slow: Option<Slow>,
    /// One on what comes.
    pub(super) download: Option<Arc<Limit>>,
    /// What the heads of answers say.
    pub(super) heard: Arc<Heard>,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient, object_store::Error> {
        let authority = authority(&self.bucket_url).to_owned();
        let inner = match &self.slow {
            Some(slow) => slow.connect(options)?,
            None => ReqwestConnector::default().connect(options)?,
        };
        let (download, heard) = (self.download.clone(), Arc::clone(&self.heard));
        Ok(HttpClient::new(Service { inner, authority, download, heard }))
    }
}

#[derive(Debug)]
struct Service {
    inner: HttpClient,
    authority: String,
    download: Option<Arc<Limit>>,
    heard: Arc<Heard>,
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if !self.is_of_the_store(&request) {
            return self.ask_for_credentials(request).await;
        }
        let range = request.headers().get("range").and_then(|range| range.to_str().ok());
        let limit = range.and_then(bytes_in).unwrap_or_default().max(LARGEST);
        let may_fail_late = request.method().as_str() == "POST";
        let sent = request.headers().values().filter_map(|value| value.to_str().ok().map(str::to_owned));
        let sent: Vec<String> = sent.collect();
        let answer = self.inner.execute(request).await?;
        self.heard.note(&answer);
        let (head, body) = answer.into_parts();
        let body = match &self.download {
            Some(limit) => HttpResponseBody::new(Paced::new(body, Arc::clone(limit))),
            None => body,
        };
        let status = head.status;
        if status.is_redirection() && !head.headers.contains_key("location") {
            return Err(refused(Refusal::bare_redirection(status.as_u16())));
        }
        if status.as_u16() == 304 {
            return Ok(HttpResponse::from_parts(head, body));
        }
        if !status.is_success() {
            return Err(refused(Refusal::read(status.as_u16(), &beginning(body).await, &sent)));
        }
        let limited = Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX))
            .map_err(|error| HttpError::new_boxed(HttpErrorKind::Decode, error));
        let body = HttpResponseBody::new(limited);
        if !may_fail_late {
            return Ok(HttpResponse::from_parts(head, body));
        }
        // Completing takes so long that the answer begins before it is known how it ends
        // (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>).
        let text = body.bytes().await?;
        match std::str::from_utf8(&text) {
            Ok(xml) if xml.contains("<Error>") => Err(refused(Refusal::read(status.as_u16(), xml, &sent))),
            _ => Ok(HttpResponse::from_parts(head, text.into())),
        }
    }
}

impl Service {
    /// Each signed request to a store has the hash of its body, and none for credentials has.
    fn is_of_the_store(&self, request: &HttpRequest) -> bool {
        let uri = request.uri();
        let to = uri.authority().map_or("", |authority| authority.as_str());
        request.headers().contains_key("x-amz-content-sha256")
            || with_port(to, uri.scheme_str()) == self.authority
    }

    async fn ask_for_credentials(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let is_of_instance = request.uri().path().starts_with("/latest/");
        let failed = |is_silent, reason| {
            let failed = NoCredentials { host, is_of_instance, is_silent, reason };
            HttpError::new(HttpErrorKind::Unknown, failed)
        };
        let asked = async {
            let (head, body) = self.inner.execute(request).await?.into_parts();
            let limited = Limited::new(body, LARGEST_SHORT)
                .map_err(|error| HttpError::new_boxed(HttpErrorKind::Decode, error));
            let whole = HttpResponseBody::new(limited).bytes().await?;
            Ok::<_, HttpError>(HttpResponse::from_parts(head, whole.into()))
        };
        match tokio::time::timeout(CREDENTIALS_LIMIT, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(failed(false, innermost(&error).to_string())),
            Err(_) => Err(failed(true, format!("no answer within {} s", CREDENTIALS_LIMIT.as_secs()))),
        }
    }
}

/// A service that gives out credentials did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host}: {reason}")]
pub(super) struct NoCredentials {
    pub(super) host: String,
    /// It is the metadata service of an EC2 instance.
    pub(super) is_of_instance: bool,
    /// It took the connection, or nobody is there at all.
    pub(super) is_silent: bool,
    pub(super) reason: String,
}

/// What is over in a moment is tried again by the client, like a request that was never sent.
fn refused(refusal: Refusal) -> HttpError {
    let kind = if refusal.is_over_soon() { HttpErrorKind::Request } else { HttpErrorKind::Unknown };
    HttpError::new(kind, refusal)
}

/// As much of a body as a refusal may have; what cannot be read is left out.
async fn beginning(mut body: HttpResponseBody) -> String {
    let mut text = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        text.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        if text.len() > LARGEST_SHORT {
            text.truncate(LARGEST_SHORT);
            break;
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// `host:port` of an URL, the port also where it goes without saying.
fn authority(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    with_port(rest.split('/').next().unwrap_or_default(), Some(scheme))
}

fn with_port(authority: &str, scheme: Option<&str>) -> String {
    let authority = authority.to_ascii_lowercase();
    let has_port = authority.rsplit(']').next().is_some_and(|end| end.contains(':'));
    match scheme {
        _ if has_port => authority,
        Some("http") => format!("{authority}:80"),
        _ => format!("{authority}:443"),
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

    #[test]
    fn a_port_that_goes_without_saying_is_the_same() {
        for (url, is) in [
            ("https://s3.example.com/b", "s3.example.com:443"),
            ("https://S3.example.com:443/b", "s3.example.com:443"),
            ("http://s3/b", "s3:80"),
            ("http://[::1]/b", "[::1]:80"),
            ("http://[::1]:9000/b", "[::1]:9000"),
        ] {
            assert_eq!(authority(url), is);
        }
    }
}
