//! How all targets are, once a week.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::kind::Kind;
use super::message::{Draft, Item};
use crate::report::board::{Status, Target};
use crate::text::{bytes, local, span};

/// A line for each target, those with a problem first, and what else is wrong.
pub(super) fn digest(status: &Status, now: Timestamp, time_zone: &TimeZone) -> Draft {
    let mut lines: Vec<(bool, Item)> = Vec::new();
    for (name, target) in &status.targets {
        let problem = status.problems.get(name.as_str());
        let text = problem.cloned().unwrap_or_else(|| good(target, now, time_zone));
        lines.push((problem.is_none(), Item::new(Kind::Digest, name.as_str(), &text)));
    }
    let is_told = |about: &String| status.targets.keys().any(|name| name.as_str() == about);
    for (about, problem) in status.problems.iter().filter(|(about, _)| !is_told(about)) {
        lines.push((false, Item::new(Kind::Digest, about, problem)));
    }
    lines.sort_by_key(|(is_good, _)| *is_good);
    let good = lines.iter().filter(|(is_good, _)| *is_good).count();
    let footer = format!("{good} of {} targets good", status.targets.len());
    let items: Vec<Item> = lines.into_iter().map(|(_, item)| item).collect();
    let nothing = || vec![Item::new(Kind::Digest, "(dumpcar)", "there is no target")];
    Draft { items: if items.is_empty() { nothing() } else { items }, footer: Some(footer) }
}

fn good(target: &Target, now: Timestamp, time_zone: &TimeZone) -> String {
    let ago = |at: Timestamp| format!("{} ago", span(now.duration_since(at).as_secs()));
    let Some(newest) = target.newest_good.map(|stamp| stamp.timestamp()) else {
        return "no good backup yet".to_owned();
    };
    let size = target.summary.as_ref().map(|summary| format!(", {}", bytes(summary.stored_bytes)));
    let drill = match &target.drilled {
        Some(drilled) if drilled.problem.is_none() => format!("; drill good {}", ago(drilled.at)),
        Some(_) => "; drill not good".to_owned(),
        None => String::new(),
    };
    let made = local(newest, time_zone);
    format!("newest good backup {made} ({}){}{drill}", ago(newest), size.unwrap_or_default())
}
