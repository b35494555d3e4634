//! An HTTP request as a value.

use std::fmt;

use crate::secret::Secret;

/// How a server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Method {
    Get,
    Post,
    Put,
}

/// A request to a service. Its URL and its headers may have a token in them.
#[derive(Clone)]
pub(in crate::report) struct Request {
    pub(in crate::report) method: Method,
    pub(in crate::report) url: Secret,
    pub(in crate::report) headers: Vec<(&'static str, Secret)>,
    pub(in crate::report) body: String,
}

const JSON: &str = "application/json";

impl Request {
    /// A request without a body.
    pub(in crate::report) fn get(url: impl Into<String>) -> Self {
        Self { method: Method::Get, url: Secret::new(url), headers: Vec::new(), body: String::new() }
    }

    /// A text that is posted.
    pub(in crate::report) fn post(url: impl Into<String>, media_type: &str, body: String) -> Self {
        let url = Secret::new(url);
        Self { method: Method::Post, url, headers: Vec::new(), body }.with("content-type", media_type)
    }

    /// A JSON document that is posted.
    pub(in crate::report) fn json(url: impl Into<String>, body: &serde_json::Value) -> Self {
        Self::post(url, JSON, body.to_string())
    }

    /// The same request with another header.
    pub(in crate::report) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, Secret::new(value)));
        self
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}
