//! What the answers of the store say about the keys, by the names of IAM.

use std::time::Duration;

use jiff::Timestamp;

use super::item::{Area, CheckItem, Mark};
use crate::config::{Checksum, Config};
use crate::jobs::policy;
use crate::store::{Abilities, Lock, StoreError, StoreErrorKind};

/// What was tried, and the answers. `None`: it was not.
#[derive(Debug, Default)]
pub(super) struct Tried {
    pub(super) list: Option<Result<(), StoreError>>,
    /// When the first answer was there, by this machine's clock and by the store's.
    pub(super) listed_at: Option<Timestamp>,
    pub(super) date: Option<Timestamp>,
    pub(super) write: Option<Result<(), StoreError>>,
    /// Written a second time, where it must not be: whether that was done.
    pub(super) again: Option<Result<bool, StoreError>>,
    pub(super) read: Option<Result<(), StoreError>>,
    /// Begun, sent and completed.
    pub(super) upload: Option<Result<(), StoreError>>,
    pub(super) abort: Option<Result<(), StoreError>>,
    /// Whether the list of unfinished uploads has the one that was.
    pub(super) unfinished: Option<Result<bool, StoreError>>,
    pub(super) lock: Option<Result<Option<Lock>, StoreError>>,
    /// Whether a rule removes old versions.
    pub(super) lifecycle: Option<Result<bool, StoreError>>,
    pub(super) delete: Option<Result<(), StoreError>>,
}

impl Tried {
    pub(super) fn has_object(&self) -> bool {
        matches!(self.write, Some(Ok(())))
    }

    /// How long a default lock keeps what was just written.
    pub(super) fn locked(&self) -> Option<Duration> {
        let (Some(Ok(Some(lock))), Some(date)) = (&self.lock, self.date) else { return None };
        Some(Duration::try_from(lock.until.duration_since(date)).unwrap_or_default())
    }
}

const UPLOADS: &str = "s3:ListBucketMultipartUploads";
const LOCKS: &str = "s3:GetObjectRetention";
const RULES: &str = "s3:GetLifecycleConfiguration";

/// Without these, backups are made and pruned all the same.
const BESIDE: [&str; 4] = ["s3:AbortMultipartUpload", UPLOADS, LOCKS, RULES];

/// A right, what a refusal of it means, and whether anything fails then.
struct Right {
    action: &'static str,
    allowed: &'static str,
    denied: &'static str,
    then: Mark,
}

/// What is said of each right that was tried, and of what the store can do.
pub(super) fn items(config: &Config, tried: &Tried, abilities: Abilities) -> Vec<CheckItem> {
    if matches!(&tried.list, Some(Err(error)) if !error.is_denied()) {
        return Vec::new();
    }
    // Keys that only write are enough where nothing is deleted.
    let then = if config.prune { Mark::Failure } else { Mark::Warning };
    let listing = if config.prune {
        "the keys may not list: every backup fails, since it begins with a list of what there is"
    } else {
        "the keys may not list: backups are made, but nothing is caught up on, compared, listed or restored with these keys"
    };
    let reading = if config.prune {
        "the keys may not read: every backup but the first fails, since it is compared with the one before; none can be verified or restored"
    } else {
        "the keys may not read: backups are made, but not compared, verified, drilled or restored with these keys"
    };
    let right = |action, allowed, denied, then| Right { action, allowed, denied, then };
    let mut items = Vec::new();
    let mut tell = |right: Right, answer: Option<Result<(), &StoreError>>| {
        items.extend(answer.map(|answer| told(config, &right, answer)));
    };
    tell(right("s3:ListBucket", "the folder was listed", listing, then), plain(&tried.list));
    let denied = "the keys may not write: no backup can be made";
    tell(right("s3:PutObject", "an object was written", denied, Mark::Failure), plain(&tried.write));
    tell(right("s3:GetObject", "it was read back", reading, then), plain(&tried.read));
    let denied = "the keys may not upload in parts: dumps that are larger than one part cannot be stored";
    let upload = right("s3:PutObject (parts)", "an object was uploaded in parts", denied, Mark::Failure);
    tell(upload, plain(&tried.upload));
    let denied = "the keys may not give an upload up: the parts of one that fails stay, and are billed";
    let abort = right("s3:AbortMultipartUpload", "an upload was given up", denied, Mark::Warning);
    tell(abort, plain(&tried.abort));
    let denied = "the keys may not list unfinished uploads: what a killed run has sent stays, and is billed";
    let unfinished = right(UPLOADS, "unfinished uploads were listed", denied, Mark::Warning);
    tell(unfinished, plain(&tried.unfinished));
    let denied = "the keys may not ask for locks: how long the store keeps what Dumpcar deletes is not told";
    let lock = right(LOCKS, "locks can be asked for", denied, Mark::Warning);
    tell(lock, plain(&tried.lock));
    let denied = "the keys may not read lifecycle rules: whether old versions go is not told";
    let rules = right(RULES, "lifecycle rules can be read", denied, Mark::Warning);
    tell(rules, plain(&tried.lifecycle));
    items.extend(tried.delete.as_ref().map(|answer| deletion(config, answer.as_ref().copied())));
    items.extend(unlisted(tried));
    items.extend(able(config, tried, abilities));
    items
}

/// Whether it was done, whatever came of it.
fn plain<T>(answer: &Option<Result<T, StoreError>>) -> Option<Result<(), &StoreError>> {
    answer.as_ref().map(|answer| answer.as_ref().map(|_| ()))
}

fn told(config: &Config, right: &Right, answer: Result<(), &StoreError>) -> CheckItem {
    let item = |mark, text: String| CheckItem::new(Area::Store, right.action, mark, text);
    match answer {
        Ok(()) => item(Mark::Ok, right.allowed.to_owned()),
        Err(error) if error.is_denied() => {
            let action = right.action.split(' ').next().unwrap_or(right.action);
            with_statement(config, action, item(right.then, right.denied.to_owned()))
        }
        Err(error) if right.action == UPLOADS && error.kind == StoreErrorKind::Unsupported => {
            item(Mark::Warning, format!("{error}: what a killed run has sent stays, and is billed"))
                .with_cure("let the bucket's lifecycle rules remove it: `dumpcar policy --lifecycle`")
        }
        Err(error) if BESIDE.contains(&right.action) => item(Mark::Warning, error.to_string()),
        Err(error) => item(Mark::Failure, error.to_string()),
    }
}

fn with_statement(config: &Config, action: &str, item: CheckItem) -> CheckItem {
    match policy::statement(config, action) {
        Some(statement) => item.with_cure(format!("add to the policy of the keys: {statement}")),
        None => item,
    }
}

/// Whether objects may be deleted, and whether they are to be.
fn deletion(config: &Config, answer: Result<(), &StoreError>) -> CheckItem {
    const ACTION: &str = "s3:DeleteObject";
    let item = |mark, text: &str| CheckItem::new(Area::Store, ACTION, mark, text);
    match answer {
        Ok(()) if config.prune => item(Mark::Ok, "the objects were deleted"),
        Ok(()) => item(
            Mark::Ok,
            "the objects were deleted; with DUMPCAR_PRUNE=false the keys need not be able to (`dumpcar policy --no-delete`)",
        ),
        Err(error) if error.is_of_a_lock() => item(
            Mark::Warning,
            "the bucket keeps it under a lock: what retention deletes goes only when its lock has ended",
        ),
        Err(error) if error.is_denied() && !config.prune => {
            item(Mark::Ok, "the keys may not delete, as DUMPCAR_PRUNE=false is meant for")
        }
        Err(error) if error.is_denied() => {
            let denied = "the keys may not delete: records of runs stay, and nothing is pruned";
            let item = with_statement(config, ACTION, item(Mark::Failure, denied));
            let cure = item.cure.clone().unwrap_or_default();
            item.with_cure(format!("{cure} (or, for keys that are not to delete, set DUMPCAR_PRUNE=false)"))
        }
        Err(error) => item(Mark::Failure, &error.to_string()),
    }
}

/// A store that lists unfinished uploads, and not this one.
fn unlisted(tried: &Tried) -> Option<CheckItem> {
    let text =
        "the store does not list an unfinished upload: what a killed run has sent stays, and is billed";
    let cure = "let the bucket's lifecycle rules remove it: `dumpcar policy --lifecycle`";
    let item = CheckItem::new(Area::Store, "unfinished uploads", Mark::Warning, text).with_cure(cure);
    matches!(tried.unfinished, Some(Ok(false))).then_some(item)
}

/// What the store can do, and what that means.
fn able(config: &Config, tried: &Tried, abilities: Abilities) -> Vec<CheckItem> {
    let item = |subject, mark, text: String| CheckItem::new(Area::Store, subject, mark, text);
    let mut items = Vec::new();
    if let Some(Ok(was_written)) = tried.again {
        let text = match (abilities.knows_conditions, was_written) {
            (true, false) => {
                "the store refuses to write over something: no manifest ever replaces another one"
            }
            (false, _) => "the store does not know them: Dumpcar looks before it writes a manifest",
            (true, true) => "the store passes over them: Dumpcar relies on names that no two runs share",
        };
        items.push(item("conditional writes", Mark::Ok, text.to_owned()));
    }
    if tried.has_object() {
        let text = match (config.s3.checksum, abilities.wants_checksums) {
            (Checksum::None, true) => "the store wants one with each write, and Dumpcar sends SHA-256",
            (Checksum::None, false) => {
                "none is sent; the store takes what comes without (DUMPCAR_S3_CHECKSUM)"
            }
            (Checksum::Sha256 | Checksum::Crc64Nvme, _) => "the store takes the one of DUMPCAR_S3_CHECKSUM",
        };
        items.push(item("checksums", Mark::Ok, text.to_owned()));
    }
    items.extend(versions(config, tried, abilities));
    if let (Some(Ok(Some(lock))), Some(span)) = (&tried.lock, tried.locked()) {
        items.push(locked(if lock.is_compliance { "compliance" } else { "governance" }, span));
    }
    if !config.prune {
        let text =
            "DUMPCAR_PRUNE=false: Dumpcar deletes nothing, and the DUMPCAR_KEEP_* rules have no effect";
        items.push(item("retention", Mark::Ok, text.to_owned()).with_cure(
            "let the bucket's lifecycle rules delete old backups: `dumpcar policy --no-delete --lifecycle`",
        ));
    }
    items
}

fn versions(config: &Config, tried: &Tried, abilities: Abilities) -> Option<CheckItem> {
    const SUBJECT: &str = "old versions";
    // Only a deletion shows it.
    if !config.prune || !matches!(tried.delete, Some(Ok(()))) {
        return None;
    }
    let item = |mark, text: &str| CheckItem::new(Area::Store, SUBJECT, mark, text);
    Some(match (abilities.leaves_versions, &tried.lifecycle) {
        (false, _) => item(Mark::Ok, "what is deleted is gone"),
        (true, Some(Ok(true))) => {
            item(Mark::Ok, "what is deleted stays as an old version until the bucket's lifecycle rule removes it")
        }
        (true, _) => item(
            Mark::Warning,
            "what is deleted or pruned stays as an old version and is billed: no lifecycle rule is known that removes it",
        )
        .with_cure("give the bucket the rules of `dumpcar policy --lifecycle` (docs/providers.md)"),
    })
}

/// A default lock of the bucket. What it comes to for a target's rules is in the target's growth.
fn locked(kind: &str, span: Duration) -> CheckItem {
    let days = (span.as_secs() + 43_200) / 86_400;
    let shown = if days > 0 { format!("{days} days") } else { humantime::format_duration(span).to_string() };
    let text = format!(
        "the bucket locks each object for {shown} ({kind}): what the rules delete earlier stays as an old version, and is billed, \
         until then"
    );
    CheckItem::new(Area::Store, "object lock", Mark::Ok, text)
}
