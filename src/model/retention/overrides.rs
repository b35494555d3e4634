//! What a target changes about the policy for all.

use std::time::Duration;

use super::{KeepsNothing, RetentionPolicy, RetentionRules};

/// The rules a target sets itself; the others stay as they are for all targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionOverrides {
    pub last: Option<u32>,
    pub hourly: Option<u32>,
    pub daily: Option<u32>,
    pub weekly: Option<u32>,
    pub monthly: Option<u32>,
    pub yearly: Option<u32>,
    /// Zero turns the rule off.
    pub within: Option<Duration>,
}

impl RetentionOverrides {
    /// # Errors
    /// Together they would keep nothing.
    pub fn apply(&self, policy: &RetentionPolicy) -> Result<RetentionPolicy, KeepsNothing> {
        let rules = policy.rules();
        RetentionPolicy::new(RetentionRules {
            last: self.last.unwrap_or(rules.last),
            hourly: self.hourly.unwrap_or(rules.hourly),
            daily: self.daily.unwrap_or(rules.daily),
            weekly: self.weekly.unwrap_or(rules.weekly),
            monthly: self.monthly.unwrap_or(rules.monthly),
            yearly: self.yearly.unwrap_or(rules.yearly),
            within: self.within.or(rules.within),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_set_changes() {
        let policy = RetentionPolicy::default();
        assert_eq!(RetentionOverrides::default().apply(&policy), Ok(policy));
        let week = Duration::from_secs(7 * 86_400);
        let overrides = RetentionOverrides {
            last: Some(1),
            hourly: Some(2),
            daily: Some(3),
            weekly: Some(4),
            monthly: Some(5),
            yearly: Some(6),
            within: Some(week),
        };
        let expected = RetentionRules {
            last: 1,
            hourly: 2,
            daily: 3,
            weekly: 4,
            monthly: 5,
            yearly: 6,
            within: Some(week),
        };
        assert_eq!(overrides.apply(&policy).unwrap().rules(), expected);
    }

    #[test]
    fn a_target_cannot_be_made_to_keep_nothing() {
        let overrides = RetentionOverrides { last: Some(0), ..RetentionOverrides::default() };
        assert_eq!(overrides.apply(&RetentionPolicy::default()), Err(KeepsNothing));
        let daily = RetentionPolicy::new(RetentionRules { daily: 1, ..RetentionRules::default() }).unwrap();
        assert!(overrides.apply(&daily).is_ok());
    }
}
