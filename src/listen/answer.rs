//! What is at which path.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use http::header::{
    ACCEPT, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use tracing::error;

use super::kept::Kept;
use super::login::is_allowed;
use crate::clock;
use crate::config::BasicLogin;
use crate::report::page::{self, About};
use crate::report::{Format, Reporter, Status};

const TEXT: &str = "text/plain; charset=utf-8";

const HTML: &str = "text/html; charset=utf-8";

/// What is served.
#[derive(Debug)]
pub(super) struct Site {
    reporter: Reporter,
    about: About,
    login: Option<BasicLogin>,
    /// `Content-Security-Policy`: nothing is loaded, run or sent, and nobody frames a page.
    policy: HeaderValue,
    kept: Kept<Answer>,
}

/// An answer before its headers.
#[derive(Debug, Clone)]
struct Answer {
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
}

impl Answer {
    fn text(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self { status, content_type: TEXT, body: body.into() }
    }

    fn page(body: String) -> Self {
        Self { status: StatusCode::OK, content_type: HTML, body: body.into() }
    }
}

impl Site {
    pub(super) fn new(reporter: Reporter, about: About, login: Option<BasicLogin>) -> Self {
        Self {
            reporter,
            about,
            login,
            policy: HeaderValue::from_static(&page::POLICY),
            kept: Kept::default(),
        }
    }

    /// The answer to a request. Nothing of the request is in it, and `Host` is not read.
    pub(super) fn answer<B: Body>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let answer = catch_unwind(AssertUnwindSafe(|| self.find(request))).unwrap_or_else(|_| {
            error!("an answer of DUMPCAR_LISTEN crashed: please report the panic in the log");
            Answer::text(StatusCode::INTERNAL_SERVER_ERROR, "Dumpcar itself failed: see its log\n")
        });
        let Answer { status, content_type, body } = answer;
        let body = if request.method() == Method::HEAD { Bytes::new() } else { body };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        for (name, value) in [
            (CONTENT_TYPE, content_type),
            (CACHE_CONTROL, "no-store"),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (X_FRAME_OPTIONS, "DENY"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"Dumpcar\", charset=\"UTF-8\"");
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }

    fn find<B: Body>(&self, request: &Request<B>) -> Answer {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Answer::text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        }
        if !request.body().is_end_stream() {
            return Answer::text(StatusCode::PAYLOAD_TOO_LARGE, "a request has no body here\n");
        }
        // Those who ask for these have no password, and learn nothing but that.
        match request.uri().path() {
            "/healthz" => return self.health(),
            "/readyz" => return self.readiness(),
            _ => {}
        }
        let authorization = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
        if self.login.as_ref().is_some_and(|login| !is_allowed(login, authorization)) {
            return Answer::text(StatusCode::UNAUTHORIZED, "a user and a password are needed\n");
        }
        let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
        let format = Format::accepted(accept.unwrap_or_default());
        let path = request.uri().path();
        let kept_as = if path == "/metrics" { format.content_type() } else { path };
        let answer = self.kept.answer(kept_as, || self.make(path, format));
        answer.unwrap_or_else(|| Answer::text(StatusCode::NOT_FOUND, "there is no such page\n"))
    }

    fn make(&self, path: &str, format: Format) -> Option<Answer> {
        let status = || self.reporter.board().status();
        match path {
            "/metrics" => Some(self.metrics(&status(), format)),
            "/" => Some(Answer::page(page::overview(&status(), &self.about, clock::now()))),
            path => {
                let name = path.strip_prefix('/')?.strip_prefix(page::TARGETS)?.parse().ok()?;
                page::target(&name, &status(), &self.about, clock::now()).map(Answer::page)
            }
        }
    }

    /// What `dumpcar healthcheck` says, without its words: they have names.
    fn health(&self) -> Answer {
        match self.reporter.health().report().lines().count() {
            0 => Answer::text(StatusCode::OK, "healthy\n"),
            1 => Answer::text(StatusCode::SERVICE_UNAVAILABLE, "unhealthy: 1 problem\n"),
            number => {
                Answer::text(StatusCode::SERVICE_UNAVAILABLE, format!("unhealthy: {number} problems\n"))
            }
        }
    }

    /// Whether the daemon has looked at Docker and at the bucket, so that what is served is true.
    fn readiness(&self) -> Answer {
        match self.reporter.board().knows_past() {
            true => Answer::text(StatusCode::OK, "ready\n"),
            false => Answer::text(StatusCode::SERVICE_UNAVAILABLE, "not ready: the bucket is not read yet\n"),
        }
    }

    fn metrics(&self, status: &Status, format: Format) -> Answer {
        match self.reporter.metrics().encode(status, format) {
            Ok(body) => {
                Answer { status: StatusCode::OK, content_type: format.content_type(), body: body.into() }
            }
            Err(_) => Answer::text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n"),
        }
    }
}
