//! What is heard by the way: what the heads of the store's answers say besides the answer.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use object_store::client::HttpResponse;

/// For as long as the process runs.
#[derive(Debug)]
pub(super) struct Heard {
    /// Set once a deletion is answered that only put a marker over what stays. Garage gives each object a version as well, and
    /// keeps none.
    leaves_markers: AtomicBool,
    /// The store's clock at its last answer, in seconds since 1970. The smallest number there is: it never said so.
    seconds: AtomicI64,
    /// The store does not know how to refuse to write over something.
    pub(super) lacks_conditions: AtomicBool,
    /// The store takes nothing without a checksum.
    pub(super) wants_checksums: AtomicBool,
}

impl Default for Heard {
    fn default() -> Self {
        Self {
            leaves_markers: AtomicBool::new(false),
            seconds: AtomicI64::new(i64::MIN),
            lacks_conditions: AtomicBool::new(false),
            wants_checksums: AtomicBool::new(false),
        }
    }
}

impl Heard {
    /// Takes note of an answer, whatever it is: one that refuses has a date as well.
    pub(super) fn note(&self, answer: &HttpResponse) {
        if is_marker(answer) {
            self.leaves_markers.store(true, Ordering::Relaxed);
        }
        let date = answer.headers().get("date").and_then(|date| date.to_str().ok());
        if let Some(date) = date.and_then(read_date) {
            self.seconds.store(date.as_second(), Ordering::Relaxed);
        }
    }

    pub(super) fn leaves_markers(&self) -> bool {
        self.leaves_markers.load(Ordering::Relaxed)
    }

    /// The store's clock, to the second, when it gave its last answer that had a date.
    pub(super) fn date(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.seconds.load(Ordering::Relaxed)).ok()
    }
}

/// `Sat, 28 Nov 2026 06:28:29 GMT` (<https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7>).
fn read_date(text: &str) -> Option<Timestamp> {
    rfc2822::parse(text).ok().map(|time| time.timestamp())
}

/// Whether an answer says that what was deleted stays as an old version
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html>). Where versioning was switched off again, the marker
/// is no version of its own, and replaces what was there.
fn is_marker(answer: &HttpResponse) -> bool {
    let is = |name, value| answer.headers().get(name).is_some_and(|found| found == value);
    answer.status().is_success() && is("x-amz-delete-marker", "true") && !is("x-amz-version-id", "null")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_as_servers_write_it() {
        let read = read_date("Sat, 28 Nov 2026 06:28:29 GMT");
        assert_eq!(read, Some("2026-11-28T06:28:29Z".parse().unwrap()));
        assert_eq!(read_date("yesterday"), None);
        assert_eq!(Heard::default().date(), None);
    }
}
