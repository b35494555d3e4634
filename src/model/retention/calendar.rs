//! The rules that count hours, days, weeks, months and years.

use jiff::tz::TimeZone;

use super::reason::{KeepReason, Period};
use crate::model::key::Stamp;

/// How far one calendar rule has got, going from the newest backup to the oldest.
pub(super) struct Counter {
    period: Period,
    of: u32,
    used: u32,
    /// The period of the backup kept last.
    current: Option<String>,
}

impl Counter {
    pub(super) fn new(period: Period, of: u32) -> Self {
        Self { period, of, used: 0, current: None }
    }

    pub(super) fn claim(&mut self, stamp: Stamp, is_oldest: bool, tz: &TimeZone) -> Option<KeepReason> {
        if self.used >= self.of {
            return None;
        }
        let name = self.period.name_of(stamp, tz);
        let begins = self.current.as_ref() != Some(&name);
        if !begins && !is_oldest {
            return None;
        }
        self.used += 1;
        self.current = Some(name.clone());
        let (period, nth, of) = (self.period, self.used, self.of);
        Some(if begins {
            KeepReason::Calendar { period, nth, of, name }
        } else {
            KeepReason::Oldest { period, of }
        })
    }
}
