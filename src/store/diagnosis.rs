//! What the store's refusals mean and what to do about them.

use std::fmt::Write as _;

use super::answer::NoCredentials;
use super::cause::{innermost, one_line, without_answer};
use super::error::{StoreError, StoreErrorKind};
use super::place::Place;
use super::proxy;
use super::refusal::{Refusal, find};
use crate::config::Proxy;
use crate::model::certificate::{self, Cures};

impl StoreError {
    /// Classifies what the S3 client reports for a request that should `what` ("write", "list", …) something.
    pub(super) fn diagnose(place: &Place, what: &'static str, error: &object_store::Error) -> Self {
        use StoreErrorKind::{Damaged, Denied, NotFound, Refused, Transient};
        let Place { bucket, endpoint, .. } = place;
        // Only what is read in pieces is asked for with a condition that can fail so.
        if let object_store::Error::Precondition { path, .. } = error {
            return Self::new(Damaged, format!("{path} was replaced in the bucket while it was read"));
        }
        if let Some(refusal) = Refusal::of(error) {
            if let Some((kind, text)) = place.proxy.as_ref().and_then(|proxy| proxy::refused(proxy, refusal))
            {
                return Self::new(kind, text);
            }
            // In a tunnel, only the store speaks.
            let is_plain = endpoint.starts_with("http://") && refusal.code.is_empty();
            let or_its = place.proxy.as_ref().filter(|_| is_plain).map(proxy::may_be_its).unwrap_or_default();
            if let Some((kind, text)) = told(place, what, refusal) {
                return Self { is_of_a_lock: refusal.is_of_a_lock(), ..Self::new(kind, text + &or_its) };
            }
            if let object_store::Error::NotFound { path, .. } = error {
                return Self::new(NotFound, format!("there is no {path} in the bucket {bucket}"));
            }
            let mut unknown = Self::unknown(place, what, refusal);
            unknown.text.push_str(&or_its);
            return unknown;
        }
        if let Some(failed) = find::<NoCredentials>(error) {
            return Self::new(Transient, no_credentials(failed));
        }
        let chain = one_line(error);
        let is_denied = matches!(
            error,
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }
        );
        let (kind, text) = if let object_store::Error::NotFound { path, .. } = error {
            (NotFound, format!("there is no {path} in the bucket {bucket}"))
        } else if is_denied {
            (Denied, denied(place, what))
        } else if let Some(cure) =
            wrong_scheme(endpoint, &chain).or_else(|| wrong_certificate(endpoint, &chain))
        {
            (Refused, cure + &place.proxy.as_ref().map(in_its_place).unwrap_or_default())
        } else if let Some(told) =
            place.proxy.as_ref().and_then(|proxy| proxy::failed(proxy, endpoint, &chain, &innermost(error)))
        {
            told
        } else if chain.contains("/latest/api/token") || chain.contains("/latest/meta-data") {
            let reason = innermost(error);
            (Transient, format!("{NO_KEYS} (and this is no EC2 instance with a role: {reason})"))
        } else if chain.contains("dns error") || chain.contains("onnect") {
            let reason = innermost(error);
            let cure = "check AWS_ENDPOINT_URL, DNS and the network";
            (Transient, format!("{endpoint} cannot be reached ({reason}): {cure}"))
        } else {
            let through = place.proxy.as_ref().map(|proxy| format!(" (through the proxy {})", proxy.address));
            let through = through.unwrap_or_default();
            (Transient, format!("{endpoint}{through} could not {what}: {}", innermost(error)))
        };
        Self::new(kind, text)
    }

    /// A refusal nobody has a cure for: in the server's words.
    fn unknown(place: &Place, what: &'static str, refusal: &Refusal) -> Self {
        let kind = if refusal.passes() { StoreErrorKind::Transient } else { StoreErrorKind::Refused };
        let (endpoint, words) = (&place.endpoint, refusal.words());
        let mut text = match refusal.code.as_str() {
            "" => format!("{endpoint} could not {what}: {refusal}"),
            code => format!("{endpoint} could not {what}: {code}"),
        };
        if !words.is_empty() {
            write!(text, ": {words}").expect("a String takes everything");
        }
        Self::new(kind, text)
    }
}

/// What a refusal means that providers are known to give, and what to do about it.
///
/// The codes are those of <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>, and those that other providers
/// document or were seen to send.
fn told(place: &Place, what: &'static str, refusal: &Refusal) -> Option<(StoreErrorKind, String)> {
    use StoreErrorKind::{Denied, Lost, Refused, Transient, Unsupported};
    let Place { bucket, endpoint, .. } = place;
    let code = refusal.code.as_str();
    Some(match code {
        "NoSuchBucket" => (
            Refused,
            format!("the bucket {bucket} does not exist at {endpoint}: create it, or correct DUMPCAR_STORE"),
        ),
        "InvalidBucketName" => {
            (Refused, format!("{endpoint} allows no bucket with the name {bucket}: correct DUMPCAR_STORE"))
        }
        "InvalidAccessKeyId" => (Refused, unknown_key(endpoint)),
        "SignatureDoesNotMatch" => {
            (Refused, format!("{endpoint} refused the secret key: check AWS_SECRET_ACCESS_KEY"))
        }
        // The next try gets new ones, or soon will.
        "ExpiredToken" | "TokenRefreshRequired" | "RequestExpired" if place.renews_credentials => {
            (Transient, format!("{endpoint} says the credentials have expired ({code})"))
        }
        "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" | "InvalidSecurityToken" => {
            (Refused, format!("{endpoint} refused the session token ({code}): renew AWS_SESSION_TOKEN"))
        }
        "RequestTimeTooSkewed" | "RequestExpired" => (
            Refused,
            format!("{endpoint} says this machine's clock is wrong ({code}): set the host's time (NTP)"),
        ),
        "NoSuchUpload" | "InvalidPart" | "InvalidPartOrder" => (
            Lost,
            format!("{endpoint} no longer has what was uploaded ({code}): did a lifecycle rule abort it?"),
        ),
        "AuthorizationHeaderMalformed"
        | "PermanentRedirect"
        | "TemporaryRedirect"
        | "IllegalLocationConstraintException"
        | "InvalidRegionName"
        | "InvalidRegion" => (Refused, wrong_region(place, refusal)),
        // Alibaba OSS and others take the bucket in the host's name only, or in the path only.
        "SecondLevelDomainForbidden" | "PathStyleDomainForbidden" => (
            Refused,
            format!(
                "{endpoint} wants the bucket in the host's name ({code}): set DUMPCAR_S3_PATH_STYLE=false"
            ),
        ),
        "VirtualHostDomainForbidden" => (
            Refused,
            format!("{endpoint} wants the bucket in the path ({code}): set DUMPCAR_S3_PATH_STYLE=true"),
        ),
        "InvalidStorageClass" | "UnsupportedStorageClass" => (
            Refused,
            format!("{endpoint} does not know this storage class: correct DUMPCAR_S3_STORAGE_CLASS"),
        ),
        "InvalidObjectState" | "ObjectNotInActiveTierError" => (
            Refused,
            format!(
                "the object is archived in a storage class that cannot be read at once ({code}): have the store restore it, \
                 with its own tools, and then run this again"
            ),
        ),
        "AccountProblem" | "NotSignedUp" | "UserSuspended" | "AccountSuspended" | "UserDisable"
        | "InvalidPayer" | "ArrearageOverdue" => (
            Refused,
            format!(
                "{endpoint} says that something is wrong with the account ({code}): look at its console, for unpaid bills \
                 for example"
            ),
        ),
        "AllAccessDisabled" | "AccessPointNotOwnedByYou" => (
            Refused,
            format!("{endpoint} has closed the bucket {bucket} to everybody ({code}): ask the provider"),
        ),
        "QuotaExceeded"
        | "XMinioAdminBucketQuotaExceeded"
        | "StorageFull"
        | "XMinioStorageFull"
        | "InsufficientStorage"
        | "StorageQuotaExceeded"
        | "StorageCapExceeded" => (
            Refused,
            format!(
                "{endpoint} has no more room ({code}): raise the quota, or have fewer backups kept (DUMPCAR_KEEP_…)"
            ),
        ),
        "TransactionCapExceeded" | "CapExceeded" | "DownloadCapExceeded" => (
            Refused,
            format!(
                "{endpoint} says that a limit of the account is reached ({code}): raise it in the provider's console"
            ),
        ),
        _ if refusal.is_of_a_lock() => {
            (Denied, format!("the bucket {bucket} keeps it under a lock ({code})"))
        }
        "EntityTooLarge" | "MaxPostPreDataLengthExceeded" | "TooManyParts" => (
            Refused,
            format!(
                "{endpoint} takes no object as large as this ({code}): lower DUMPCAR_S3_PART_SIZE or DUMPCAR_S3_MAX_PARTS"
            ),
        ),
        "EntityTooSmall" => {
            (Refused, format!("{endpoint} wants larger parts ({code}): raise DUMPCAR_S3_PART_SIZE"))
        }
        "KMS.DisabledException"
        | "KMS.NotFoundException"
        | "KMS.KMSInvalidStateException"
        | "KMS.InvalidStateException"
        | "KMS.AccessDeniedException" => (
            Refused,
            format!("{endpoint} cannot use the key of DUMPCAR_S3_SSE_KMS_KEY_ID, or of the bucket ({code})"),
        ),
        _ if let Some(cure) = wrong_scheme(endpoint, refusal.raw()) => (Refused, cure),
        _ if refusal.says("unsupported header 'x-amz-checksum") => {
            (Refused, format!("{endpoint} does not know checksums: remove DUMPCAR_S3_CHECKSUM"))
        }
        _ if refusal.says("invalid signature") => {
            (Refused, format!("{endpoint} refused the keys: check AWS_SECRET_ACCESS_KEY (and AWS_REGION)"))
        }
        _ if refusal.says("no such key") && code != "NoSuchKey" => (Refused, unknown_key(endpoint)),
        // B2 has no code of its own for it.
        _ if refusal.status == 403 && refusal.says("cap exceeded") => (
            Refused,
            format!(
                "{endpoint} says that a limit of the account is reached: raise it in the provider's console"
            ),
        ),
        "NotImplemented" | "MethodNotAllowed" => (Unsupported, format!("{endpoint} cannot {what} ({code})")),
        // The client does not follow, nor does it keep the answer's body.
        "" if matches!(refusal.status, 300..=399) => (Refused, wrong_region(place, refusal)),
        "AccessDenied" | "Forbidden" | "" if matches!(refusal.status, 401 | 403) => {
            (Denied, denied(place, what))
        }
        "AccessDenied" | "Forbidden" | "Unauthorized" | "UnauthorizedAccess" => (Denied, denied(place, what)),
        "" if matches!(refusal.status, 405 | 501) => {
            (Unsupported, format!("{endpoint} cannot {what} ({refusal})"))
        }
        _ => return None,
    })
}

fn unknown_key(endpoint: &str) -> String {
    format!(
        "{endpoint} does not know this access key: check AWS_ACCESS_KEY_ID (and that it belongs to this endpoint)"
    )
}

const NO_KEYS: &str =
    "there are no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or their _FILE forms";

/// The metadata service of an EC2 instance is the last place where keys are looked for.
fn no_credentials(failed: &NoCredentials) -> String {
    let NoCredentials { host, is_of_instance, is_silent, reason } = failed;
    let reason = without_answer(reason);
    match (is_of_instance, is_silent) {
        // It lets a container wait whose packets need more hops than the instance allows.
        (true, true) => format!(
            "{NO_KEYS} (the metadata service {host} does not answer: {reason}; if this is an EC2 instance with a role, set its \
             metadata hop limit to 2)"
        ),
        (true, false) => format!("{NO_KEYS} (and this is no EC2 instance with a role: {reason})"),
        (false, _) => {
            format!("{host} gave no keys for the store ({reason}): check the AWS_* variables that name it")
        }
    }
}

/// What to do if the one side speaks TLS and the other does not.
fn wrong_scheme(endpoint: &str, chain: &str) -> Option<String> {
    let is_plain = certificate::is_plain(chain);
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

/// What to do about a certificate that is not taken.
fn wrong_certificate(endpoint: &str, chain: &str) -> Option<String> {
    certificate::refused(endpoint, chain, Cures { authority: "DUMPCAR_S3_CA_FILE", name: "AWS_ENDPOINT_URL" })
}

/// Some proxies read along, with a certificate of their own.
fn in_its_place(proxy: &Proxy) -> String {
    format!(" (or it is one that the proxy {} puts in the store's place)", proxy.address)
}

fn denied(place: &Place, what: &str) -> String {
    let other_cure = match what {
        "delete" => "; for keys that are not to delete, set DUMPCAR_PRUNE=false",
        _ => "",
    };
    format!(
        "the keys may not {what} in the bucket {}: `dumpcar policy` prints the rights they need{other_cure}",
        place.bucket
    )
}

fn wrong_region(place: &Place, refusal: &Refusal) -> String {
    let region = refusal.region.as_ref().map(|region| format!(" to {region}")).unwrap_or_default();
    format!(
        "the bucket {} is in another region: set AWS_REGION{region} (Garage and R2 have names of their own: garage, auto)",
        place.bucket
    )
}
