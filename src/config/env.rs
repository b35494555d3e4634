//! The variables: their names, where their values come from, and what is wrong before any value is looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;

use serde::Deserialize;

use super::error::ConfigErrors;
use super::nearest::nearest;
use crate::model::line::is_unsafe;

/// The only list of names. `RawEnv` has nothing but text, so that reading it cannot fail: the reader's own messages
/// print the value and do not name the variable.
macro_rules! variables {
    ($($field:ident $name:literal)*) => {
        /// The values by name without `DUMPCAR_`, as text; empty ones are absent.
        #[derive(Deserialize, Default)]
        pub(super) struct RawEnv { $(pub(super) $field: Option<String>,)* }

        /// Every variable except those of AWS.
        pub(super) const NAMES: &[&str] = &[$($name),*];

        #[cfg(test)]
        pub(super) const FIELDS: &[&str] = &[$(stringify!($field)),*];
    };
}

variables! {
    store "DUMPCAR_STORE"
    s3_path_style "DUMPCAR_S3_PATH_STYLE"
    s3_storage_class "DUMPCAR_S3_STORAGE_CLASS"
    s3_sse "DUMPCAR_S3_SSE"
    s3_sse_kms_key_id "DUMPCAR_S3_SSE_KMS_KEY_ID"
    s3_checksum "DUMPCAR_S3_CHECKSUM"
    s3_ca_file "DUMPCAR_S3_CA_FILE"
    upload_limit "DUMPCAR_UPLOAD_LIMIT"
    download_limit "DUMPCAR_DOWNLOAD_LIMIT"
    s3_max_parts "DUMPCAR_S3_MAX_PARTS"
    s3_part_size "DUMPCAR_S3_PART_SIZE"
    schedule "DUMPCAR_SCHEDULE"
    tz "TZ"
    on_start "DUMPCAR_ON_START"
    catch_up "DUMPCAR_CATCH_UP"
    jitter "DUMPCAR_JITTER"
    verify_schedule "DUMPCAR_VERIFY_SCHEDULE"
    keep_last "DUMPCAR_KEEP_LAST"
    keep_hourly "DUMPCAR_KEEP_HOURLY"
    keep_daily "DUMPCAR_KEEP_DAILY"
    keep_weekly "DUMPCAR_KEEP_WEEKLY"
    keep_monthly "DUMPCAR_KEEP_MONTHLY"
    keep_yearly "DUMPCAR_KEEP_YEARLY"
    keep_within "DUMPCAR_KEEP_WITHIN"
    prune "DUMPCAR_PRUNE"
    shrink_alert "DUMPCAR_SHRINK_ALERT"
    compression "DUMPCAR_COMPRESSION"
    transport "DUMPCAR_TRANSPORT"
    parallel "DUMPCAR_PARALLEL"
    parallel_databases "DUMPCAR_PARALLEL_DATABASES"
    timeout "DUMPCAR_TIMEOUT"
    stall_timeout "DUMPCAR_STALL_TIMEOUT"
    retries "DUMPCAR_RETRIES"
    group "DUMPCAR_GROUP"
    label_prefix "DUMPCAR_LABEL_PREFIX"
    drill_schedule "DUMPCAR_DRILL_SCHEDULE"
    drill_memory "DUMPCAR_DRILL_MEMORY"
    drill_disk "DUMPCAR_DRILL_DISK"
    drill_timeout "DUMPCAR_DRILL_TIMEOUT"
    helper_image "DUMPCAR_HELPER_IMAGE"
    signing_key "DUMPCAR_SIGNING_KEY"
    trusted_signers "DUMPCAR_TRUSTED_SIGNERS"
    listen "DUMPCAR_LISTEN"
    listen_auth "DUMPCAR_LISTEN_AUTH"
    notify_urls "DUMPCAR_NOTIFY_URLS"
    notify_on "DUMPCAR_NOTIFY_ON"
    notify_secret "DUMPCAR_NOTIFY_SECRET"
    ping_url "DUMPCAR_PING_URL"
    instance "DUMPCAR_INSTANCE"
    log "DUMPCAR_LOG"
    log_format "DUMPCAR_LOG_FORMAT"
    docker_host "DOCKER_HOST"
    docker_tls_verify "DOCKER_TLS_VERIFY"
    docker_cert_path "DOCKER_CERT_PATH"
    hostname "HOSTNAME"
}

/// The variables that name proxies, but for those of AWS.
pub(super) const PROXIES: [&str; 8] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

const PREFIX: &str = "DUMPCAR_";

/// Names that are planned: refused, because a setting that is silently without effect is worse than none.
const UNSUPPORTED: &[&str] = &["DUMPCAR_AGE_"];

/// How other tools call what these are for, without our prefix.
pub(super) const SPELLINGS: &[(&str, &str)] = &[
    ("RETENTION", "DUMPCAR_KEEP_LAST"),
    ("RETENTION_COUNT", "DUMPCAR_KEEP_LAST"),
    ("RETENTION_DAYS", "DUMPCAR_KEEP_WITHIN"),
    ("KEEP", "DUMPCAR_KEEP_LAST"),
    ("KEEP_DAYS", "DUMPCAR_KEEP_DAILY"),
    ("KEEP_WEEKS", "DUMPCAR_KEEP_WEEKLY"),
    ("KEEP_MONTHS", "DUMPCAR_KEEP_MONTHLY"),
    ("CRON", "DUMPCAR_SCHEDULE"),
    ("CRON_EXPRESSION", "DUMPCAR_SCHEDULE"),
    ("INTERVAL", "DUMPCAR_SCHEDULE"),
    ("BUCKET", "DUMPCAR_STORE"),
    ("S3_BUCKET", "DUMPCAR_STORE"),
    ("PREFIX", "DUMPCAR_STORE"),
    ("S3_PREFIX", "DUMPCAR_STORE"),
    ("S3_URL", "DUMPCAR_STORE"),
    ("ENDPOINT", "AWS_ENDPOINT_URL"),
    ("S3_ENDPOINT", "AWS_ENDPOINT_URL"),
    ("S3_ENDPOINT_URL", "AWS_ENDPOINT_URL"),
    ("REGION", "AWS_REGION"),
    ("S3_REGION", "AWS_REGION"),
    ("ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
    ("ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"),
    ("S3_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
    ("S3_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"),
    ("SECRET_KEY", "AWS_SECRET_ACCESS_KEY"),
    ("SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"),
    ("S3_SECRET_KEY", "AWS_SECRET_ACCESS_KEY"),
    ("S3_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"),
    ("TIMEZONE", "TZ"),
    ("LOG_LEVEL", "DUMPCAR_LOG"),
    ("CONCURRENCY", "DUMPCAR_PARALLEL"),
    ("HOSTNAME", "DUMPCAR_INSTANCE"),
    ("NAME", "DUMPCAR_INSTANCE"),
    ("NOTIFICATION_URLS", "DUMPCAR_NOTIFY_URLS"),
    ("NOTIFICATION_URL", "DUMPCAR_NOTIFY_URLS"),
    ("NOTIFICATIONS", "DUMPCAR_NOTIFY_URLS"),
    ("WEBHOOK_URL", "DUMPCAR_NOTIFY_URLS"),
    ("NOTIFICATION_LEVEL", "DUMPCAR_NOTIFY_ON"),
    ("HEALTHCHECKS_URL", "DUMPCAR_PING_URL"),
    ("HEALTHCHECK_URL", "DUMPCAR_PING_URL"),
    ("HEARTBEAT_URL", "DUMPCAR_PING_URL"),
];

/// Names of AWS that end in `_FILE` and mean the file itself. (`DUMPCAR_S3_CA_FILE` needs no entry: there is no
/// `DUMPCAR_S3_CA` it could be the file of.)
const PATHS: &[&str] = &[
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE",
];

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Default,
    Environment,
    /// The file that `NAME_FILE` names.
    File,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Default => "default",
            Self::Environment => "environment",
            Self::File => "file",
        })
    }
}

/// The variables that concern us, `NAME_FILE` resolved, empty ones left out.
pub(super) struct Environment {
    values: BTreeMap<String, (String, Source)>,
    /// Names that are set, but to nothing that can be used; reported already.
    broken: BTreeSet<String>,
}

impl Environment {
    pub(super) fn resolve(
        pairs: impl IntoIterator<Item = (String, String)>,
        read_file: &dyn Fn(&str) -> io::Result<String>,
        errors: &mut ConfigErrors,
    ) -> Self {
        let ours = |name: &str| {
            let name = indirection(name).unwrap_or(name);
            name.starts_with(PREFIX)
                || name.starts_with("AWS_")
                || NAMES.contains(&name)
                || PROXIES.contains(&name)
        };
        let set: BTreeMap<String, String> =
            pairs.into_iter().filter(|(name, value)| ours(name) && !value.is_empty()).collect();
        let mut this = Self { values: BTreeMap::new(), broken: BTreeSet::new() };
        for (name, value) in &set {
            if let Some(base) = indirection(name) {
                if set.contains_key(base) {
                    errors.add(base, format!("is set together with {name}; keep one of them"));
                    this.broken.insert(base.to_owned());
                    continue;
                }
                match read_secret(value, read_file) {
                    Ok(text) => {
                        this.values.insert(base.to_owned(), (text, Source::File));
                    }
                    Err(problem) => {
                        errors.add(name, problem);
                        this.broken.insert(base.to_owned());
                    }
                }
            } else if name.starts_with(PREFIX) && !NAMES.contains(&name.as_str()) {
                errors.add(name, unknown(name));
            } else {
                this.values.insert(name.clone(), (value.clone(), Source::Environment));
            }
        }
        for (name, (value, _)) in &this.values {
            if let Some(problem) = rubbish(name, value) {
                errors.add(name, problem);
                this.broken.insert(name.clone());
            }
        }
        this.values.retain(|name, _| !this.broken.contains(name));
        this
    }

    pub(super) fn raw(&self) -> RawEnv {
        let pairs = self.values.iter().filter(|(name, _)| NAMES.contains(&name.as_str()));
        let pairs = pairs
            .map(|(name, (value, _))| (name.strip_prefix(PREFIX).unwrap_or(name).to_owned(), value.clone()));
        envy::from_iter(pairs).expect("text, and each name once, always fits")
    }

    pub(super) fn source(&self, name: &str) -> Source {
        self.values.get(name).map_or(Source::Default, |(_, source)| *source)
    }

    /// Whether the name was given a value that could not be used and was reported.
    pub(super) fn is_broken(&self, name: &str) -> bool {
        self.broken.contains(name)
    }

    /// What is set under this name.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|(value, _)| value.as_str())
    }

    /// The variables of AWS, in the order of their names.
    pub(super) fn aws(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.values.iter().map(|(name, (value, _))| (name.as_str(), value.as_str()));
        pairs.filter(|(name, _)| name.starts_with("AWS_"))
    }
}

/// The name whose value is in the file that this variable names.
fn indirection(name: &str) -> Option<&str> {
    let base = name.strip_suffix("_FILE").filter(|_| !PATHS.contains(&name))?;
    let is_known =
        (base.starts_with("AWS_") && base != "AWS_") || NAMES.contains(&base) || PROXIES.contains(&base);
    is_known.then_some(base)
}

/// The problem names neither the path nor the content: whoever forgets that `_FILE` takes a path puts the secret there.
fn read_secret(path: &str, read_file: &dyn Fn(&str) -> io::Result<String>) -> Result<String, String> {
    let mut text = read_file(path).map_err(|error| format!("the file cannot be read ({})", error.kind()))?;
    // Editors end a file with a newline; a second one would be meant.
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() { Err("the file is empty".to_owned()) } else { Ok(text) }
}

/// What is part of a value and cannot be meant: it would be signed, sent and logged.
fn rubbish(name: &str, value: &str) -> Option<&'static str> {
    // Keys, and lists of keys or receivers, have several lines.
    let has_lines = matches!(name, "DUMPCAR_SIGNING_KEY" | "DUMPCAR_TRUSTED_SIGNERS" | "DUMPCAR_NOTIFY_URLS");
    let is_rubbish = |c: char| is_unsafe(c) && !(has_lines && matches!(c, '\n' | '\r' | '\t'));
    let is_quoted = |quote| value.len() > 1 && value.starts_with(quote) && value.ends_with(quote);
    if value.chars().any(is_rubbish) {
        Some(
            "has a control character in it, such as the end of a line: a file may end with one, and have no other",
        )
    } else if is_quoted('"') || is_quoted('\'') {
        Some("has quotes around it that are part of the value, as in a file for --env-file: remove them")
    } else if !has_lines && value.trim() != value {
        Some("has a space at its beginning or its end: remove it")
    } else {
        None
    }
}

fn unknown(name: &str) -> String {
    if UNSUPPORTED.iter().any(|start| name.starts_with(start)) {
        return "is not supported by this version; remove it".to_owned();
    }
    let (word, suffix) = name.strip_suffix("_FILE").map_or((name, ""), |word| (word, "_FILE"));
    let word = word.strip_prefix(PREFIX).unwrap_or(word);
    if let Some((_, meant)) = SPELLINGS.iter().find(|(other, _)| *other == word) {
        return format!("is not a known variable; did you mean {meant}{suffix}?");
    }
    // A prefix where there is none: DUMPCAR_TZ, DUMPCAR_AWS_REGION.
    if NAMES.contains(&word) || word.starts_with("AWS_") {
        return format!("is not a known variable; did you mean {word}?");
    }
    // Compared without the common beginning, which would make everything look alike.
    match nearest(word, NAMES.iter().filter_map(|name| name.strip_prefix(PREFIX))) {
        Some(nearest) => format!("is not a known variable; did you mean {PREFIX}{nearest}{suffix}?"),
        None => "is not a known variable".to_owned(),
    }
}
