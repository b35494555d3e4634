//! A drill in numbers, for whoever shows what was.

use std::time::Duration;

use jiff::Timestamp;

use super::drill::DrillResult;
use super::key::Stamp;

/// A drill that has found out whether its backup is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastDrill {
    /// The backup that was restored.
    pub backup: Stamp,
    pub at: Timestamp,
    pub elapsed: Duration,
    pub databases: u64,
    pub tables: u64,
    pub rows: u64,
    /// What is to be known of a backup that is good.
    pub remarks: Vec<String>,
    /// Why it is not good, if it is not.
    pub problem: Option<String>,
}

impl From<&DrillResult> for PastDrill {
    fn from(result: &DrillResult) -> Self {
        Self {
            backup: result.backup(),
            at: result.at,
            // Anything may be in a bucket.
            elapsed: Duration::try_from_secs_f64(result.seconds).unwrap_or_default(),
            databases: result.databases,
            tables: result.tables,
            rows: result.rows,
            remarks: result.remarks.iter().map(ToString::to_string).collect(),
            problem: result.problem.as_ref().map(ToString::to_string),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::key::BackupKey;

    #[test]
    fn numbers_from_a_bucket_may_be_anything() {
        let key =
            BackupKey { target: "shop".parse().unwrap(), stamp: "2026-11-23T23-00-00Z".parse().unwrap() };
        let image = format!("sha256:{}", "0a".repeat(32)).parse().unwrap();
        let mut result = DrillResult::new(&key, Timestamp::UNIX_EPOCH, "host", &image);
        for (seconds, elapsed) in
            [(1.5, Duration::from_millis(1500)), (-1.0, Duration::ZERO), (f64::NAN, Duration::ZERO)]
        {
            result.seconds = seconds;
            assert_eq!(PastDrill::from(&result).elapsed, elapsed, "{seconds}");
        }
        assert_eq!(PastDrill::from(&result).backup, key.stamp);
    }
}
