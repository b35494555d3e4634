//! Sends requests whose bodies wait for their turns. The store client's own sender takes no body but its own.

use std::sync::Arc;

use async_trait::async_trait;
use http_body_util::BodyExt;
use object_store::client::{
    ClientConfigKey, HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService,
};
use object_store::{ClientOptions, Error};

use super::limit::{Limit, Paced};
use crate::secret::Secret;
use crate::web;

/// What it takes to make a sender besides the client's options, which do not tell it.
#[derive(Debug, Clone)]
pub(super) struct Slow {
    pub(super) limit: Arc<Limit>,
    /// Further certificates to trust.
    pub(super) pem: Option<Vec<u8>>,
    pub(super) proxy: Option<Secret>,
    pub(super) except: String,
}

#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    limit: Arc<Limit>,
}

impl Slow {
    pub(super) fn connect(&self, options: &ClientOptions) -> Result<HttpClient, Error> {
        let option = |key| options.get_config_value(&key);
        let is_set = |key| option(key).is_some_and(|value| value == "true");
        let mut builder = web::client(self.pem.as_deref(), self.proxy.as_ref(), &self.except)
            .map_err(generic)?
            .https_only(!is_set(ClientConfigKey::AllowHttp))
            .tls_danger_accept_invalid_certs(is_set(ClientConfigKey::AllowInvalidCertificates));
        let time = |key| option(key).and_then(|text| humantime::parse_duration(&text).ok());
        if let Some(limit) = time(ClientConfigKey::ConnectTimeout) {
            builder = builder.connect_timeout(limit);
        }
        if let Some(limit) = time(ClientConfigKey::ReadTimeout) {
            builder = builder.read_timeout(limit);
        }
        let client = builder.build().map_err(generic)?;
        Ok(HttpClient::new(Sender { client, limit: Arc::clone(&self.limit) }))
    }
}

#[async_trait]
impl HttpService for Sender {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (head, body) = request.into_parts();
        let url =
            head.uri.to_string().parse().map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        let mut request = reqwest::Request::new(head.method, url);
        *request.headers_mut() = head.headers;
        *request.body_mut() = Some(reqwest::Body::wrap(Paced::new(body, Arc::clone(&self.limit))));
        let answer = self.client.execute(request).await.map_err(failed)?;
        let (head, body) = http::Response::<reqwest::Body>::from(answer).into_parts();
        Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body.map_err(failed))))
    }
}

/// The kind decides whether the client tries it again.
fn failed(error: reqwest::Error) -> HttpError {
    let kind = if error.is_connect() {
        HttpErrorKind::Connect
    } else if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_decode() {
        HttpErrorKind::Decode
    } else {
        HttpErrorKind::Interrupted
    };
    // Its text has the URL, which says nothing that is not said.
    HttpError::new(kind, error.without_url())
}

fn generic(error: reqwest::Error) -> Error {
    Error::Generic { store: "S3", source: Box::new(error) }
}
