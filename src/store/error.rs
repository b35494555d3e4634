//! What the store's refusals mean and what to do about them.

use std::fmt::Write as _;
use std::time::Duration;

use super::Place;
use crate::model::key::BackupKey;
use crate::model::manifest::ManifestError;
use crate::model::run::RecordError;
use crate::signing::{Kind, Unsigned};

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
    /// It is not signed by anybody whose signature counts.
    Unsigned,
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
        Self::new(StoreErrorKind::Damaged, format!("{}: {}", key.manifest(), short(error)))
    }

    pub(super) fn bad_record(key: &str, error: &RecordError) -> Self {
        Self::new(StoreErrorKind::Damaged, format!("{key}: {}", short(error)))
    }

    pub(super) fn too_large(key: &str, bytes: u64, most: u64) -> Self {
        Self::new(
            StoreErrorKind::Damaged,
            format!("{key} has {bytes} bytes, and no file of Dumpcar's of this kind has more than {most}"),
        )
    }

    pub(super) fn unsigned(kind: Kind, key: &str, reason: Unsigned) -> Self {
        let cure = match (reason, kind) {
            (Unsigned::Untrusted(_), _) => "if you trust this signer, add the key",
            (_, Kind::Manifest) => {
                "if you trust it, put the signature of `ssh-keygen -Y sign -n dumpcar-manifest` beside it"
            }
            (_, Kind::Record) => "if no Dumpcar without DUMPCAR_SIGNING_KEY is at work here, delete it",
            (_, Kind::Drill) => "drill this backup again",
            (_, Kind::Forgotten) => "run `dumpcar forget` again",
        };
        Self::new(StoreErrorKind::Unsigned, format!("{key} {reason}: {cure}"))
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
        let code = between(&chain, "<Code>", "</Code>").filter(|code| is_code(code)).unwrap_or_default();
        // The client shows the status of an answer in its text only.
        let status: Option<u16> =
            between(&chain, "non-2xx status code: ", " ").and_then(|status| status.parse().ok());
        let Place { bucket, endpoint, .. } = place;
        let is_denied = matches!(
            error,
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }
        );
        let (kind, text) = match code {
            // Only what is read in pieces is asked for with a condition that can fail so.
            _ if let object_store::Error::Precondition { path, .. } = error => {
                (StoreErrorKind::Damaged, format!("{path} was replaced in the bucket while it was read"))
            }
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
            // The metadata service of an EC2 instance is the last place where keys are looked for.
            _ if chain.contains("/latest/api/token") || chain.contains("/latest/meta-data") => (
                Transient,
                format!(
                    "there are no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or their _FILE forms (and this is no EC2 instance with a role: {})",
                    innermost(error)
                ),
            ),
            _ if let Some(cure) = wrong_scheme(endpoint, &chain) => (Refused, cure),
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

/// What to do if the one side speaks TLS and the other does not.
fn wrong_scheme(endpoint: &str, chain: &str) -> Option<String> {
    let is_plain = chain.contains("InvalidContentType") || chain.contains("WrongVersionNumber");
    let has_tls = [
        "HTTP request to an HTTPS server",
        "HTTP request was sent to HTTPS port",
        "invalid HTTP version parsed",
    ]
    .iter()
    .any(|sign| chain.contains(sign));
    match endpoint.split_once("://")? {
        ("https", rest) if is_plain => Some(format!(
            "{endpoint} does not speak https there: if that is meant, set AWS_ENDPOINT_URL=http://{rest}, else correct the port"
        )),
        ("http", rest) if has_tls => {
            Some(format!("{endpoint} speaks https there, and no http: set AWS_ENDPOINT_URL=https://{rest}"))
        }
        _ => None,
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
        .filter(|region| is_region(region))
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

/// The same, cut off: what was read may be quoted in it.
fn short(error: &(dyn std::error::Error + 'static)) -> String {
    one_line(error).chars().take(400).collect()
}

/// The last cause, short: that is where the operating system's own words are.
fn innermost(error: &object_store::Error) -> String {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    without_answer(&cause.to_string())
}

/// An error's text up to where it begins to quote what the server said. That may be what the server was sent.
fn without_answer(text: &str) -> String {
    // Behind the status comes the whole body, whatever it is written in.
    let text = match text.split_once(" status code: ") {
        Some((_, answer)) => {
            format!("it answered {}", answer.split_once(':').map_or(answer, |(status, _)| status))
        }
        None => text.split_once(" error response: ").map_or(text, |(before, _)| before).to_owned(),
    };
    let plain = text.split(['<', '{', '"', '`', '\n']).next().unwrap_or_default();
    plain.trim().trim_end_matches(':').chars().take(200).collect()
}

/// `NoSuchKey`, `SlowDown`, `XAmzContentSHA256Mismatch`: nothing else is repeated, whatever a server calls its code.
fn is_code(text: &str) -> bool {
    text.len() <= 60
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
        && text.chars().any(|c| c.is_ascii_lowercase())
}

/// `eu-central-1`, `garage`: no access key looks like that.
fn is_region(text: &str) -> bool {
    text.len() < 40 && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start).and_then(|(_, rest)| rest.split_once(end)).map(|(inside, _)| inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_said_is_left_out_and_why_stays() {
        for (text, shown) in [
            ("Connection refused (os error 111)", "Connection refused (os error 111)"),
            ("invalid peer certificate: UnknownIssuer", "invalid peer certificate: UnknownIssuer"),
            ("Server returned non-2xx status code: 400 Bad Request: key: x", "it answered 400 Bad Request"),
            (
                "Server returned non-2xx status code: 503 Service Unavailable: ",
                "it answered 503 Service Unavailable",
            ),
            ("Server returned error response: <Error>x", "Server returned"),
            ("invalid type: string \"hunter2\", expected a map", "invalid type: string"),
            ("unknown variant `hunter2`", "unknown variant"),
            ("no answer within 120 s", "no answer within 120 s"),
        ] {
            assert_eq!(without_answer(text), shown);
        }
        for code in
            ["NoSuchKey", "XAmzContentSHA256Mismatch", "AuthorizationQueryParametersError", "Sdk.Error"]
        {
            assert!(is_code(code), "{code}");
        }
        for other in ["", "AKIA0123456789ABCDEF", "GK0123456789abcdef 01", "key: x", "noSuchKey"] {
            assert!(!is_code(other), "{other}");
        }
        assert!(is_region("eu-central-1") && is_region("auto") && !is_region("AKIA0123456789ABCDEF"));
    }
}
