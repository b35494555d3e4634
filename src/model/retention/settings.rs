//! What the settings, or a target's labels, say about retention.

use std::time::Duration;

use super::rules::{KeepsNothing, RetentionPolicy, RetentionRules};

/// The default of `last`, and of `daily` if neither of the two is set.
const WEEK: u32 = 7;

/// The rules that are set; the others have their defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionSettings {
    pub last: Option<u32>,
    pub hourly: Option<u32>,
    pub daily: Option<u32>,
    pub weekly: Option<u32>,
    pub monthly: Option<u32>,
    pub yearly: Option<u32>,
    /// Zero turns the rule off.
    pub within: Option<Duration>,
}

impl RetentionSettings {
    /// The same, and for what they do not set, `others`.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            last: self.last.or(others.last),
            hourly: self.hourly.or(others.hourly),
            daily: self.daily.or(others.daily),
            weekly: self.weekly.or(others.weekly),
            monthly: self.monthly.or(others.monthly),
            yearly: self.yearly.or(others.yearly),
            within: self.within.or(others.within),
        }
    }

    /// Every rule. The newest seven, if nothing else is said; and one of each of seven days, unless a number of the newest or of
    /// days is set: whoever asks for three wants three.
    pub fn rules(self) -> RetentionRules {
        let default_daily = if self.last.is_some() { 0 } else { WEEK };
        RetentionRules {
            last: self.last.unwrap_or(WEEK),
            hourly: self.hourly.unwrap_or(0),
            daily: self.daily.unwrap_or(default_daily),
            weekly: self.weekly.unwrap_or(0),
            monthly: self.monthly.unwrap_or(0),
            yearly: self.yearly.unwrap_or(0),
            within: self.within,
        }
    }

    /// # Errors
    /// Together they would keep nothing.
    pub fn policy(self) -> Result<RetentionPolicy, KeepsNothing> {
        RetentionPolicy::new(self.rules())
    }
}

impl Default for RetentionPolicy {
    fn default() -> Self {
        Self(RetentionSettings::default().rules())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_set_changes() {
        let week = Duration::from_secs(7 * 86_400);
        let all = RetentionSettings { yearly: Some(9), last: Some(9), ..RetentionSettings::default() };
        let own = RetentionSettings {
            last: Some(1),
            hourly: Some(2),
            daily: Some(3),
            weekly: Some(4),
            monthly: Some(5),
            yearly: None,
            within: Some(week),
        };
        let expected = RetentionRules {
            last: 1,
            hourly: 2,
            daily: 3,
            weekly: 4,
            monthly: 5,
            yearly: 9,
            within: Some(week),
        };
        assert_eq!(own.or(all).rules(), expected);
        assert_eq!(RetentionSettings::default().or(all), all);
    }

    #[test]
    fn the_days_are_kept_unless_a_number_is_asked_for() {
        let rules = |last, daily| {
            let rules = RetentionSettings { last, daily, ..RetentionSettings::default() }.rules();
            (rules.last, rules.daily)
        };
        assert_eq!(rules(None, None), (7, 7));
        assert_eq!(rules(Some(3), None), (3, 0));
        assert_eq!(rules(None, Some(30)), (7, 30));
        assert_eq!(rules(Some(3), Some(30)), (3, 30));
        let monthly = RetentionSettings { monthly: Some(12), ..RetentionSettings::default() }.rules();
        assert_eq!((monthly.last, monthly.daily, monthly.monthly), (7, 7, 12));
    }

    #[test]
    fn a_target_cannot_be_made_to_keep_nothing() {
        let none = RetentionSettings { last: Some(0), ..RetentionSettings::default() };
        assert_eq!(none.policy(), Err(KeepsNothing));
        let daily = RetentionSettings { daily: Some(1), ..RetentionSettings::default() };
        assert!(none.or(daily).policy().is_ok());
    }
}
