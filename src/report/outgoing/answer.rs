//! What a service answers.

use std::time::Duration;

/// A service has taken what was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::report) struct Answer {
    /// In one line, for people.
    pub(in crate::report) said: String,
    /// How many bytes of a body it keeps (`Ping-Body-Limit`).
    pub(in crate::report) body_limit: Option<usize>,
}

/// It has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::report) struct Refusal {
    /// In one line, for people; without any token.
    pub(in crate::report) reason: String,
    /// It may take the same later.
    pub(in crate::report) may_pass: bool,
    /// How long it asks to be left alone.
    pub(in crate::report) after: Option<Duration>,
    /// Of HTTP, where there was an answer at all.
    pub(in crate::report) status: Option<u16>,
}

impl Refusal {
    /// One that is the same however often it is tried.
    pub(in crate::report) fn lasting(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), may_pass: false, after: None, status: None }
    }

    /// One that may pass.
    pub(in crate::report) fn passing(reason: impl Into<String>) -> Self {
        Self { may_pass: true, ..Self::lasting(reason) }
    }
}
