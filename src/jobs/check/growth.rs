//! How long a target's dump takes, and what its backups come to in the bucket.

use jiff::Timestamp;

use super::around::Around;
use super::item::{Area, CheckItem, Mark};
use crate::config::Config;
use crate::discovery::Target;
use crate::engine::Survey;
use crate::model::compression::{Compression, CompressionChoice};
use crate::model::manifest::Manifest;
use crate::model::retention::Steady;
use crate::text::{bytes, span, took};

const SUBJECT: &str = "growth";

/// By the last good backup; without one, by the sizes of the databases.
pub(super) fn check(
    around: &Around<'_>,
    target: &Target,
    survey: Option<&Survey>,
    last: Option<&Manifest>,
) -> CheckItem {
    let (config, now) = (&around.app.config, around.now);
    let item = |mark, text: String| CheckItem::new(Area::Targets, SUBJECT, mark, text);
    let steady = kept(around, target);
    match (last, survey.and_then(|survey| estimate(target, survey))) {
        (Some(last), _) => {
            let elapsed = last.finished.duration_since(last.started);
            let text = format!(
                "the last backup took {} and has {}{}",
                took(elapsed.try_into().unwrap_or_default()),
                bytes(last.stored_bytes()),
                in_all(config, steady, last.stored_bytes(), now)
            );
            near_limit(target, elapsed.as_secs()).unwrap_or(item(Mark::Ok, text))
        }
        (None, Some(stored)) => {
            let text = format!(
                "no backup yet; by the size of the databases an estimate of {} for each{} (`dumpcar backup` measures it, and the time)",
                bytes(stored),
                in_all(config, steady, stored, now)
            );
            item(Mark::Ok, text)
        }
        (None, None) => {
            item(Mark::Untried, "no backup yet: `dumpcar backup` measures its size and time".to_owned())
        }
    }
}

/// A dump that grows a little more will be ended by the limit.
fn near_limit(target: &Target, seconds: i64) -> Option<CheckItem> {
    let limit = i64::try_from(target.timeout.as_secs()).unwrap_or(i64::MAX);
    let is_near = seconds.saturating_mul(10) > limit.saturating_mul(8);
    let (took, limit) = (span(seconds), span(limit));
    let text =
        format!("the last backup took {took} of the {limit} that a backup may take: a longer one fails");
    let item = CheckItem::new(Area::Targets, SUBJECT, Mark::Warning, text);
    is_near.then(|| item.with_cure("raise DUMPCAR_TIMEOUT, or the label `timeout` of this target"))
}

/// As much in the store as databases of this size have, by experience; nothing is known of the content.
fn estimate(target: &Target, survey: &Survey) -> Option<u64> {
    let wanted = survey.databases.iter().filter(|database| target.wants(&database.name));
    let sizes: Vec<u64> = wanted.filter_map(|database| database.size_hint).collect();
    let size = sizes.iter().fold(0_u64, |sum, size| sum.saturating_add(*size));
    let stored =
        if target.compression == CompressionChoice::Fixed(Compression::None) { size } else { size / 3 };
    (!sizes.is_empty()).then_some(stored)
}

/// How many backups there will be, if each scheduled run makes a good one.
fn kept(around: &Around<'_>, target: &Target) -> Option<Steady> {
    let config = &around.app.config;
    let next = |time: &Timestamp| target.schedule.next_after(*time, &config.time_zone);
    let times = std::iter::successors(next(&around.now), next);
    target.retention.steady(times, &config.time_zone, around.locked).filter(|_| config.prune)
}

fn in_all(config: &Config, steady: Option<Steady>, stored: u64, now: Timestamp) -> String {
    match steady {
        Some(steady) => {
            let after = span(steady.from.duration_since(now).as_secs());
            let all = bytes(stored.saturating_mul(steady.all()));
            let locked = match steady.locked {
                0 => String::new(),
                more => format!(", and the bucket's lock {more} more"),
            };
            format!("; the rules keep {} of its kind{locked}, about {all} after {after}", steady.backups)
        }
        None if config.prune => String::new(),
        None => "; each one stays until the bucket's lifecycle rules delete it".to_owned(),
    }
}
