//! One thing that was looked at.

use serde::Serialize;

use crate::docker::DockerError;
use crate::model::target::TargetName;

/// What it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Area {
    Docker,
    Clock,
    Store,
    Targets,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// It is as it should be.
    Ok,
    /// It works, and somebody should know this.
    Warning,
    /// Something will fail.
    Failure,
    /// Nothing is known.
    Untried,
}

impl Mark {
    /// As a table has it.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Ok => "✓",
            Self::Warning => "!",
            Self::Failure => "✗",
            Self::Untried => "-",
        }
    }
}

/// One thing that was looked at, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckItem {
    pub area: Area,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetName>,
    /// In a word or two.
    pub subject: String,
    pub mark: Mark,
    /// What was found.
    pub text: String,
    /// What to do, where the text does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

impl CheckItem {
    pub(super) fn new(area: Area, subject: &str, mark: Mark, text: impl Into<String>) -> Self {
        Self { area, target: None, subject: subject.to_owned(), mark, text: text.into(), cure: None }
    }

    /// What Docker did not do: what lets it through, if something in front of it has refused it.
    pub(super) fn of_docker(subject: &str, mark: Mark, what_then: &str, error: &DockerError) -> Self {
        let item = Self::new(Area::Docker, subject, mark, format!("{what_then}{error}"));
        match error.allowance() {
            None => item,
            Some(allowed) => item.with_cure(format!(
                "let the proxy pass `{}` on: {} (docs/security.md has all requests)",
                allowed.request, allowed.variables
            )),
        }
    }

    pub(super) fn with_cure(self, cure: impl Into<String>) -> Self {
        Self { cure: Some(cure.into()), ..self }
    }

    pub(super) fn of(self, target: &TargetName) -> Self {
        Self { target: Some(target.clone()), ..self }
    }
}
