//! What a server says instead of doing what it is asked for, typed where the answer comes in.
//!
//! The client has no type for it that others may see, and words its errors as it likes. So the answer is read before the client
//! gets to see it, and what was read travels through the client as the source of its error.

use std::error::Error;
use std::fmt;

use object_store::path::Path;
use serde::Deserialize;

use crate::causes::causes;
use crate::model::line::is_unsafe;

/// The words of a message that are shown.
const MOST_WORDS: usize = 40;

/// Longer words than these are no words: keys, signatures, hashes, requests to be signed.
const LONGEST_WORD: usize = 32;

/// An answer of the S3 protocol that is no success
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Of HTTP. 200, when a request that takes long failed after its answer had begun.
    pub(super) status: u16,
    /// `NoSuchKey`; empty where the answer has none, as one to a HEAD never has.
    pub(super) code: String,
    /// The region of the bucket, where the code is about that.
    pub(super) region: Option<String>,
    /// Or the whole page, where it is none of the protocol. Never shown: some servers echo the access key and what was signed.
    message: String,
    /// What of it may be shown.
    words: String,
    /// Whether it is a redirection that does not say where to.
    pub(super) is_bare: bool,
}

/// The body of such an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Body {
    code: String,
    message: String,
    region: Option<String>,
}

impl Refusal {
    /// Reads an answer with this status to a request with these values in its headers.
    pub(super) fn read(status: u16, body: &str, sent: &[String]) -> Self {
        let page = body;
        let body: Body = quick_xml::de::from_str(page).unwrap_or_default();
        let is_of_protocol = !body.code.is_empty() || !body.message.is_empty();
        Self {
            status,
            code: if is_code(&body.code) { body.code } else { String::new() },
            region: body.region.filter(|region| is_region(region)),
            words: words(&body.message, sent),
            message: if is_of_protocol { body.message } else { page.to_owned() },
            is_bare: false,
        }
    }

    /// A redirection that does not say where to.
    pub(super) fn bare_redirection(status: u16) -> Self {
        Self { is_bare: true, ..Self::read(status, "", &[]) }
    }

    /// What of an error is an answer of the server.
    pub(super) fn of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        find(error)
    }

    /// Whether the same request may be answered in another way a little later.
    pub(super) fn passes(&self) -> bool {
        match self.code.as_str() {
            // Refusals by their status, and accidents by their nature: of two requests at once, or on the way.
            "RequestTimeout"
            | "OperationAborted"
            | "ConditionalRequestConflict"
            | "IncompleteBody"
            | "BadDigest"
            | "XAmzContentSHA256Mismatch"
            // A limit on requests that some servers tell with a status of their own choice.
            | "SlowDown"
            | "TooManyRequests"
            | "RequestLimitExceeded"
            | "Throttling"
            | "ThrottlingException"
            | "KMS.ThrottlingException"
            | "ServiceUnavailable"
            | "InternalError" => true,
            "NotImplemented" => false,
            _ => {
                !matches!(self.status, 300..=499 | 501 | 505 | 507)
                    || matches!(self.status, 408 | 409 | 425 | 429)
            }
        }
    }

    /// Whether the client is to try again by itself: what is over in a moment.
    pub(super) fn is_over_soon(&self) -> bool {
        self.passes() && (self.status < 300 || self.status >= 500 || matches!(self.status, 408 | 429))
    }

    /// Whether the server may do it when the request has a checksum, as buckets with Object Lock want it: 400
    /// `InvalidRequest`, "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock
    /// parameters" (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html>). The words differ
    /// from server to server.
    pub(super) fn may_want_checksum(&self) -> bool {
        let has = |word| self.message.to_ascii_lowercase().contains(word);
        self.status == 400
            && (matches!(self.code.as_str(), "InvalidRequest" | "MissingContentMD5" | "InvalidArgument")
                || has("checksum")
                || has("content-md5"))
    }

    /// Whether the server may do it without the condition `If-None-Match`: Backblaze B2 and Alibaba OSS answer 501
    /// `NotImplemented`, others have words of their own for a header that they do not know.
    pub(super) fn may_not_know_conditions(&self) -> bool {
        self.status == 501
            || (matches!(self.status, 400 | 405)
                && matches!(
                    self.code.as_str(),
                    "NotImplemented"
                        | "InvalidArgument"
                        | "InvalidRequest"
                        | "UnsupportedHeader"
                        | "UnsupportedOperation"
                        | "MethodNotAllowed"
                        | ""
                ))
    }

    /// Whether the server keeps the object for a time: Cloudflare R2's bucket locks, Alibaba OSS, MinIO and others have a code of
    /// their own, AWS and those like it only words.
    pub(super) fn is_of_a_lock(&self) -> bool {
        matches!(
            self.code.as_str(),
            "ObjectLockedByBucketPolicy" | "ObjectLocked" | "FileImmutable" | "ObjectUnderRetention"
        ) || (self.status == 403
            && ["object lock", "worm", "retention policy"].iter().any(|words| self.says(words)))
    }

    /// The same error of the client as it would make of this answer.
    pub(super) fn typed(error: object_store::Error, path: &Path) -> object_store::Error {
        use object_store::Error::{
            AlreadyExists, Generic, NotFound, PermissionDenied, Precondition, Unauthenticated,
        };
        let Some(status) = Self::of(&error).map(|refusal| refusal.status) else { return error };
        let Generic { source, .. } = error else { return error };
        let path = path.to_string();
        match status {
            401 => Unauthenticated { path, source },
            403 => PermissionDenied { path, source },
            404 => NotFound { path, source },
            409 => AlreadyExists { path, source },
            412 => Precondition { path, source },
            _ => Generic { store: "S3", source },
        }
    }

    /// Whether the server's own words have these in them, whatever their case.
    pub(super) fn says(&self, words: &str) -> bool {
        self.message.to_ascii_lowercase().contains(words)
    }

    /// All that it said: to look for something in it, and never to be shown.
    pub(super) fn raw(&self) -> &str {
        &self.message
    }

    /// The server's words as they may be shown.
    pub(super) fn words(&self) -> &str {
        &self.words
    }
}

/// The error of this type among an error and its sources.
pub(super) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// What may be shown of a message: on one line, and nothing of what was sent, nor what looks like a key.
fn words(message: &str, sent: &[String]) -> String {
    // `key=minioadmin,` is an echo as well.
    let is_echo = |word: &str| {
        let parts = word.split(['=', ':', '/', ',', ';', '&', '"', '\'', '(', ')', '<', '>']);
        parts.filter(|part| part.len() >= 4).any(|part| sent.iter().any(|value| value.contains(part)))
    };
    let shown = message.split_whitespace().take(MOST_WORDS).map(|word| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_shown = is_word(bare) && word.len() <= LONGEST_WORD && !is_echo(bare);
        if is_shown && !word.chars().any(is_unsafe) { word } else { "…" }
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// A word of a sentence, a number, or the name of a header: keys, signatures and times have digits among their letters.
fn is_word(word: &str) -> bool {
    let has = |is: fn(&u8) -> bool| word.as_bytes().iter().any(is);
    word.starts_with("x-amz-")
        || !has(u8::is_ascii_digit)
        || (!has(u8::is_ascii_alphabetic) && word.len() <= 6)
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
    !text.is_empty()
        && text.len() < 40
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code.as_str() {
            "" => write!(f, "it answered {}", self.status),
            code => write!(f, "it answered {} {code}", self.status),
        }
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_what_it_echoes_is_not_shown() {
        let body = r#"<?xml version="1.0" encoding="UTF-8"?>
            <Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not match for
            AKIAIOSFODNN7EXAMPLE (minioadmin) key=minioadmin: 9c0a7d60b2a84a0c1f3a, 1000 x-amz-checksum-sha256 &#27;[m no</Message>
            <AWSAccessKeyId>AKIAIOSFODNN7EXAMPLE</AWSAccessKeyId><Region>eu-west-3</Region></Error>"#;
        let refusal =
            Refusal::read(403, body, &["AWS4-HMAC-SHA256 Credential=minioadmin/20261127".to_owned()]);
        assert_eq!((refusal.status, &*refusal.code), (403, "SignatureDoesNotMatch"));
        assert_eq!(refusal.region.as_deref(), Some("eu-west-3"));
        assert_eq!(
            refusal.words(),
            "The request signature we calculated does not match for … … … … 1000 x-amz-checksum-sha256 … no"
        );
        assert!(refusal.says("does not match"));
        assert_eq!(
            format!("{refusal} {refusal:?}"),
            "it answered 403 SignatureDoesNotMatch it answered 403 SignatureDoesNotMatch"
        );
    }

    #[test]
    fn what_is_no_answer_of_the_protocol_has_a_status_and_no_code() {
        for body in [
            "",
            "<html>502 Bad Gateway</html>",
            "{\"error\":1}",
            "<Error><Code>AKIA0123456789ABCDEF</Code></Error>",
        ] {
            let refusal = Refusal::read(502, body, &[]);
            assert_eq!((&*refusal.code, refusal.words()), ("", ""), "{body}");
            assert_eq!(refusal.to_string(), "it answered 502");
        }
    }

    #[test]
    fn what_is_repeated_of_a_server_looks_like_the_protocols_own_names() {
        for code in
            ["NoSuchKey", "XAmzContentSHA256Mismatch", "AuthorizationQueryParametersError", "Sdk.Error"]
        {
            assert!(is_code(code), "{code}");
        }
        for other in ["", "AKIA0123456789ABCDEF", "GK0123456789abcdef 01", "key: x", "noSuchKey"] {
            assert!(!is_code(other), "{other}");
        }
        assert!(is_region("eu-central-1") && is_region("auto") && !is_region("AKIA0123456789ABCDEF"));
        for key in
            ["AKIAIOSFODNN7EXAMPLE", "GK31c2f218a2e44f485b94239e", "c4n4ry-token", "2026-11-27T10:00:00Z"]
        {
            assert!(!is_word(key), "{key}");
        }
        for word in ["If-None-Match", "x-amz-checksum-sha256", "implementation", "NotImplemented", "1,000"] {
            assert!(is_word(word), "{word}");
        }
    }

    #[test]
    fn what_passes_is_tried_again_and_what_the_server_cannot_do_is_not() {
        for (status, code, passes, is_over_soon) in [
            (503, "SlowDown", true, true),
            (500, "", true, true),
            (200, "InternalError", true, true),
            (429, "", true, true),
            (408, "RequestTimeout", true, true),
            (409, "OperationAborted", true, false),
            (400, "RequestTimeout", true, false),
            (501, "NotImplemented", false, false),
            (501, "", false, false),
            (507, "XMinioStorageFull", false, false),
            (400, "InvalidRequest", false, false),
            (403, "AccessDenied", false, false),
            (301, "PermanentRedirect", false, false),
        ] {
            let refusal = Refusal::read(status, &format!("<Error><Code>{code}</Code></Error>"), &[]);
            assert_eq!((refusal.passes(), refusal.is_over_soon()), (passes, is_over_soon), "{status} {code}");
        }
    }

    #[test]
    fn a_lock_is_told_from_a_right_that_is_missing() {
        let refusal = |status, code, words: &str| {
            Refusal::read(
                status,
                &format!("<Error><Code>{code}</Code><Message>{words}</Message></Error>"),
                &[],
            )
        };
        for (status, code, words) in [
            (409, "ObjectLockedByBucketPolicy", "The object is locked by the bucket policy."),
            (409, "FileImmutable", "The object you specified is immutable."),
            (403, "AccessDenied", "Access Denied because object protected by object lock."),
            (403, "AccessDenied", "Object is WORM protected and cannot be overwritten"),
            (403, "AccessDenied", "Object is subject to bucket's retention policy and cannot be deleted"),
        ] {
            assert!(refusal(status, code, words).is_of_a_lock(), "{code}: {words}");
        }
        for (status, code, words) in [
            (403, "AccessDenied", "Access Denied"),
            (403, "", ""),
            (400, "InvalidRequest", "required for Put Object requests with Object Lock parameters"),
        ] {
            assert!(!refusal(status, code, words).is_of_a_lock(), "{code}: {words}");
        }
    }

    #[test]
    fn an_answer_travels_through_the_clients_errors() {
        let source: Box<dyn Error + Send + Sync> =
            Refusal::read(404, "<Error><Code>NoSuchBucket</Code></Error>", &[]).into();
        let error = object_store::Error::Generic { store: "S3", source };
        let error = Refusal::typed(error, &Path::from("a"));
        assert!(matches!(error, object_store::Error::NotFound { .. }));
        assert_eq!(Refusal::of(&error).unwrap().code, "NoSuchBucket");
        assert!(
            Refusal::of(&object_store::Error::NotImplemented {
                operation: "x".into(),
                implementer: "y".into()
            })
            .is_none()
        );
    }
}
