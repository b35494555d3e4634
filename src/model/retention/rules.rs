//! The rules, and a policy of rules that keep something.

use std::time::Duration;

/// How many backups each rule keeps. A backup is kept if any rule wants it; 0 and `None` turn a rule off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionRules {
    /// The newest ones, however close together.
    pub last: u32,
    /// The newest of each hour that has a backup, counted from the newest; so do the following rules.
    pub hourly: u32,
    pub daily: u32,
    /// ISO weeks: they start on Monday and belong to the year of their Thursday.
    pub weekly: u32,
    pub monthly: u32,
    pub yearly: u32,
    /// Everything at most this much older than the newest backup. Not than the clock: after a month of failed runs
    /// there must still be something to go back to.
    pub within: Option<Duration>,
}

/// Rules that keep something: there is no way to write a policy that keeps nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionPolicy(pub(super) RetentionRules);

/// All rules are off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at least one keep rule must be above zero")]
pub struct KeepsNothing;

impl RetentionPolicy {
    /// # Errors
    /// Every rule is off.
    pub fn new(rules: RetentionRules) -> Result<Self, KeepsNothing> {
        // Spelled out, so that a new rule cannot be forgotten here.
        let RetentionRules { last, hourly, daily, weekly, monthly, yearly, within } = rules;
        let counts_something = [last, hourly, daily, weekly, monthly, yearly].iter().any(|count| *count > 0);
        let spans_something = within.is_some_and(|span| !span.is_zero());
        if counts_something || spans_something { Ok(Self(rules)) } else { Err(KeepsNothing) }
    }

    pub fn rules(&self) -> RetentionRules {
        self.0
    }
}
