//! HTTP to the services, through the proxy of the settings.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use serde_json::Value;

use super::answer::{Answer, Refusal};
use super::redact::answered;
use super::request::{Method, Request};
use crate::causes::chain;
use crate::config::{Config, Proxies};
use crate::web;

const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// The longest a request takes, its answer included.
const LIMIT: Duration = Duration::from_secs(30);

/// More of an answer is not read.
const LARGEST: usize = 64 * 1024;

/// The way to services.
#[derive(Debug, Clone)]
pub struct Network {
    proxies: Proxies,
    /// Further certificates to trust, in PEM.
    pub(in crate::report) pem: Option<Arc<Vec<u8>>>,
}

impl Network {
    /// # Errors
    /// `DUMPCAR_S3_CA_FILE` cannot be read.
    pub fn new(config: &Config) -> io::Result<Self> {
        let pem = config.s3.ca_file.as_deref().map(std::fs::read).transpose()?;
        Ok(Self { proxies: config.proxies.clone(), pem: pem.map(Arc::new) })
    }

    /// Sends a request once. A client is made for each: a message is rare, and the certificates of one take as much memory as
    /// all else of an idle daemon.
    pub(in crate::report) async fn send(&self, request: &Request) -> Result<Answer, Refusal> {
        match tokio::time::timeout(LIMIT, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(Refusal::passing(format!("no answer within {} s", LIMIT.as_secs()))),
        }
    }

    async fn exchange(&self, request: &Request) -> Result<Answer, Refusal> {
        let failed = |error: reqwest::Error| {
            // Its URL may have a token in it.
            let error = error.without_url();
            Refusal::passing(answered(&chain(&error), request))
        };
        let proxy = self.proxies.of(request.url.expose()).map(|proxy| &proxy.url);
        let pem = self.pem.as_ref().map(|pem| pem.as_slice());
        let client = web::client(pem, proxy, &self.proxies.except).map_err(failed)?;
        let client = client
            .connect_timeout(CONNECT_LIMIT)
            // A redirection would take the token along.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("dumpcar/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(failed)?;
        let url = request.url.expose();
        let mut sent = match request.method {
            Method::Get => client.get(url),
            Method::Post => client.post(url).body(request.body.clone()),
            Method::Put => client.put(url).body(request.body.clone()),
        };
        for (name, value) in &request.headers {
            sent = sent.header(*name, value.expose());
        }
        let (head, body) =
            http::Response::<reqwest::Body>::from(sent.send().await.map_err(failed)?).into_parts();
        let text = match Limited::new(body, LARGEST).collect().await {
            Ok(whole) => String::from_utf8_lossy(&whole.to_bytes()).into_owned(),
            Err(_) => String::new(),
        };
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let number = |name: &str| header(name).and_then(|value| value.trim().parse::<u64>().ok());
        if head.status.is_success() {
            let said = [&head.status.to_string(), &answered(&text, request)];
            let body_limit = number("ping-body-limit").and_then(|limit| usize::try_from(limit).ok());
            return Ok(Answer { said: said.map(|part| part.trim()).join(" ").trim().to_owned(), body_limit });
        }
        let status = head.status.as_u16();
        let after = number("retry-after").map(Duration::from_secs).or_else(|| pause_in(&text));
        Err(Refusal {
            reason: refused(head.status, &answered(&words_of(&text), request)),
            may_pass: matches!(status, 408 | 429 | 500..),
            after,
            status: Some(status),
        })
    }
}

fn refused(status: http::StatusCode, said: &str) -> String {
    let hint = match status.as_u16() {
        300..=399 => " (the address leads to another one, which is not followed: set that one)",
        407 => " (the proxy wants a login)",
        _ => "",
    };
    match said {
        "" => format!("{status}{hint}"),
        said => format!("{status}{hint}: {said}"),
    }
}

/// The sentence in an answer; all of it if it is not in one of the usual places.
fn words_of(text: &str) -> String {
    const FIELDS: [&str; 6] = ["description", "errorDescription", "message", "error", "msg", "detail"];
    let Ok(Value::Object(answer)) = serde_json::from_str(text) else { return text.to_owned() };
    let words = FIELDS.iter().find_map(|field| answer.get(*field)?.as_str());
    words.map_or_else(|| text.to_owned(), str::to_owned)
}

/// How long a service asks to be left alone, in its JSON: seconds of Discord, `parameters` of Telegram, milliseconds of Matrix.
fn pause_in(text: &str) -> Option<Duration> {
    let answer: Value = serde_json::from_str(text).ok()?;
    let seconds = answer.get("retry_after").or_else(|| answer.get("parameters")?.get("retry_after"));
    let seconds = seconds.and_then(Value::as_f64);
    let millis = answer.get("retry_after_ms").and_then(Value::as_f64).map(|millis| millis / 1000.0);
    Duration::try_from_secs_f64(seconds.or(millis)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_says_in_its_own_way_when_to_come_back() {
        for (text, millis) in [
            (r#"{"message":"You are being rate limited.","retry_after":0.65,"global":false}"#, Some(650)),
            (r#"{"ok":false,"error_code":429,"parameters":{"retry_after":35}}"#, Some(35_000)),
            (r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2000}"#, Some(2_000)),
            (r#"{"retry_after":-1}"#, None),
            (r#"{"retry_after":1e300}"#, None),
            ("rate_limited", None),
        ] {
            assert_eq!(pause_in(text), millis.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn the_sentence_of_an_answer_is_found() {
        assert_eq!(
            words_of(r#"{"ok":false,"description":"Bad Request: chat not found"}"#),
            "Bad Request: chat not found"
        );
        assert_eq!(words_of(r#"{"errcode":"M_FORBIDDEN","error":"not in room"}"#), "not in room");
        assert_eq!(words_of("no_service"), "no_service");
        assert_eq!(refused(http::StatusCode::NOT_FOUND, "no_service"), "404 Not Found: no_service");
    }
}
