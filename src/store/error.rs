//! What the store's refusals mean and what to do about them.

use std::fmt::Write as _;
use std::time::Duration;

use super::Place;
use crate::model::key::BackupKey;
use crate::model::manifest::ManifestError;

/// A request to the store that was not done. The text is one line, names the thing, and says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct StoreError {
    pub kind: StoreErrorKind,
    text: String,
}

/// What the caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// There is no such object.
    NotFound,
    /// A person has to change something: keys, names, the clock.
    Refused,
    /// The keys are good but lack this right.
    Denied,
    /// This store has no such request.
    Unsupported,
    /// May go through later.
    Transient,
    /// The store no longer has what was sent so far: it may go through from the beginning.
    Lost,
    /// The object is not what it should be.
    Damaged,
    /// Somebody else's backup is where this one was to be.
    Taken,
    /// Dumpcar was told to stop.
    Stopped,
}

impl StoreError {
    /// Whether the keys lack the right, as keys that may only write do.
    pub fn is_denied(&self) -> bool {
        self.kind == StoreErrorKind::Denied
    }

    /// The same, and that it was tried for so long.
    pub(super) fn after_trying_for(mut self, time: Duration) -> Self {
        let seconds = Duration::from_secs(time.as_secs());
        write!(self.text, " (tried for {})", humantime::format_duration(seconds))
            .expect("a String takes everything");
        self
    }

    pub(super) fn new(kind: StoreErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    pub(super) fn manifest_taken(key: &BackupKey) -> Self {
        Self::new(
            StoreErrorKind::Taken,
            format!(
                "another backup {key} is already there; is a second Dumpcar using this bucket and target name?"
            ),
        )
    }

    pub(super) fn bad_manifest(key: &BackupKey, error: &ManifestError) -> Self {
        Self::new(StoreErrorKind::Damaged, format!("{}: {}", key.manifest(), one_line(error)))
    }

    pub(super) fn foreign_manifest(key: &BackupKey) -> Self {
        Self::new(
            StoreErrorKind::Damaged,
            format!("{} belongs to another backup; was it copied there?", key.manifest()),
        )
    }

    /// Classifies what the S3 client reports for a request that should `what` ("write", "list", …) something.
    ///
    /// Servers answer with a code of the S3 protocol inside an XML body. The body itself is never shown: some echo the
    /// access key and what was signed.
    pub(super) fn explain(place: &Place, what: &'static str, error: &object_store::Error) -> Self {
        use StoreErrorKind::{Denied, Lost, NotFound, Refused, Transient, Unsupported};
        let chain = one_line(error);
        let code = between(&chain, "<Code>", "</Code>").unwrap_or_default();
        // The client shows the status of an answer in its text only.
        let status: Option<u16> =
            between(&chain, "non-2xx status code: ", " ").and_then(|status| status.parse().ok());
        let Place { bucket, endpoint, .. } = place;
        let is_denied = matches!(
            error,
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }
        );
        let (kind, text) = match code {
            "NoSuchBucket" => (
                Refused,
                format!(
                    "the bucket {bucket} does not exist at {endpoint}: create it, or correct DUMPCAR_STORE"
                ),
            ),
            "InvalidAccessKeyId" => (
                Refused,
                format!(
                    "{endpoint} does not know this access key: check AWS_ACCESS_KEY_ID (and that it belongs to this endpoint)"
                ),
            ),
            "SignatureDoesNotMatch" => {
                (Refused, format!("{endpoint} refused the secret key: check AWS_SECRET_ACCESS_KEY"))
            }
            // The next try gets new ones, or soon will.
            "ExpiredToken" | "TokenRefreshRequired" | "RequestExpired" if place.renews_credentials => {
                (Transient, format!("{endpoint} says the credentials have expired ({code})"))
            }
            "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" => {
                (Refused, format!("{endpoint} refused the session token ({code}): renew AWS_SESSION_TOKEN"))
            }
            "RequestTimeTooSkewed" | "RequestExpired" => (
                Refused,
                format!("{endpoint} says this machine's clock is wrong ({code}): set the host's time (NTP)"),
            ),
            "NoSuchUpload" | "InvalidPart" => (
                Lost,
                format!(
                    "{endpoint} no longer has what was uploaded ({code}): did a lifecycle rule abort it?"
                ),
            ),
            "AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException" => {
                (Refused, wrong_region(place, &chain))
            }
            "InvalidStorageClass" => (
                Refused,
                format!("{endpoint} does not know this storage class: correct DUMPCAR_S3_STORAGE_CLASS"),
            ),
            _ if chain.to_ascii_lowercase().contains("invalid signature") => (
                Refused,
                format!("{endpoint} refused the keys: check AWS_SECRET_ACCESS_KEY (and AWS_REGION)"),
            ),
            _ if chain.contains("No such key") && !chain.contains("NoSuchKey") => (
                Refused,
                format!(
                    "{endpoint} does not know this access key: check AWS_ACCESS_KEY_ID (and that it belongs to this endpoint)"
                ),
            ),
            "NotImplemented" | "MethodNotAllowed" => {
                (Unsupported, format!("{endpoint} cannot {what} ({code})"))
            }
            // The client does not follow, nor does it keep the answer's body.
            "" if matches!(status, Some(300..=399)) || chain.contains("redirect without LOCATION") => {
                (Refused, wrong_region(place, &chain))
            }
            "AccessDenied" | "Forbidden" | "AllAccessDisabled" => (Denied, denied(place, what)),
            _ if let object_store::Error::NotFound { path, .. } = error => {
                (NotFound, format!("there is no {path} in the bucket {bucket}"))
            }
            _ if is_denied => (Denied, denied(place, what)),
            _ if chain.contains("dns error") || chain.contains("onnect") => {
                let reason = innermost(error);
                (
                    Transient,
                    format!(
                        "{endpoint} cannot be reached ({reason}): check AWS_ENDPOINT_URL, DNS and the network"
                    ),
                )
            }
            "" if matches!(status, Some(405 | 501)) => {
                (Unsupported, format!("{endpoint} cannot {what} ({})", innermost(error)))
            }
            code => {
                let kind = if passes(status, code) { Transient } else { Refused };
                let reason = if code.is_empty() { innermost(error) } else { code.to_owned() };
                (kind, format!("{endpoint} could not {what}: {reason}"))
            }
        };
        Self::new(kind, text)
    }
}

/// Whether the same request may be answered in another way a little later.
fn passes(status: Option<u16>, code: &str) -> bool {
    match code {
        // Refusals by their status, and accidents by their nature: of two requests at once, or on the way.
        "RequestTimeout"
        | "OperationAborted"
        | "ConditionalRequestConflict"
        | "IncompleteBody"
        | "BadDigest"
        | "XAmzContentSHA256Mismatch" => true,
        _ => !matches!(status, Some(400..=499)) || matches!(status, Some(408 | 409 | 425 | 429)),
    }
}

fn denied(place: &Place, what: &str) -> String {
    format!(
        "the keys may not {what} in the bucket {}: `dumpcar policy` prints the rights they need",
        place.bucket
    )
}

fn wrong_region(place: &Place, chain: &str) -> String {
    let region = between(chain, "<Region>", "</Region>")
        .filter(|region| region.len() < 40)
        .map(|region| format!(" to {region}"))
        .unwrap_or_default();
    format!(
        "the bucket {} is in another region: set AWS_REGION{region} (Garage and R2 have names of their own: garage, auto)",
        place.bucket
    )
}

/// An error and its sources, each part once: some of them print their source as well.
fn one_line(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let part = source.to_string();
        if !text.contains(&part) {
            write!(text, ": {part}").expect("a String takes everything");
        }
        next = source.source();
    }
    text.replace('\n', " ")
}

/// The last cause, short and without markup: that is where the operating system's own words are.
fn innermost(error: &object_store::Error) -> String {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    let plain = text.split('<').next().unwrap_or_default().trim().trim_end_matches(':');
    plain.chars().take(200).collect()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start).and_then(|(_, rest)| rest.split_once(end)).map(|(inside, _)| inside)
}
