//! What a page says of the daemon itself.

use jiff::tz::TimeZone;

/// The settings that a page shows or reads by. No secret is among them.
#[derive(Debug, Clone)]
pub struct About {
    pub version: String,
    /// `DUMPCAR_INSTANCE`.
    pub instance: String,
    /// The bucket and the prefix: `s3://bucket/prefix`.
    pub store: String,
    /// The zone that days are counted in, and times are shown in.
    pub time_zone: TimeZone,
    /// `DUMPCAR_SCHEDULE`.
    pub schedule: String,
    /// `DUMPCAR_LABEL_PREFIX` and `DUMPCAR_GROUP`, for who has no target yet.
    pub label_prefix: String,
    pub group: Option<String>,
    /// Whether anything is ever deleted: `DUMPCAR_PRUNE`.
    pub prunes: bool,
}

impl About {
    /// What the zone is called.
    pub(super) fn zone(&self) -> &str {
        self.time_zone.iana_name().unwrap_or("UTC")
    }
}
