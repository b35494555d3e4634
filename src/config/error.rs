//! Mistakes in settings: all of them at once, and never a value.

use std::fmt;

/// One mistake. There is no field for the value, which may be a secret, even in a variable that holds none: people
/// mix them up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The variable or label.
    pub name: String,
    /// What is wrong and what helps.
    pub problem: String,
}

/// Every mistake there is, one on each line: `NAME: problem and cure`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    pub(super) fn add(&mut self, name: impl Into<String>, problem: impl Into<String>) {
        self.0.push(ConfigError { name: name.into(), problem: problem.into() });
    }

    /// The value when there is no mistake at all.
    pub(super) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for ConfigError { name, problem } in &self.0 {
            write!(f, "{separator}{name}: {problem}")?;
            separator = "\n";
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
