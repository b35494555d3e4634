//! One name has one target.

use std::collections::{BTreeMap, BTreeSet};

use super::found::{Found, Readiness};
use crate::model::target::TargetName;

/// A stopped container is no target of its own when there is another one of the same name: Swarm keeps the containers
/// of a service's earlier tasks.
pub(super) fn drop_replaced(found: &mut Vec<Found>) {
    let is_stopped = |one: &Found| matches!(one.state, Readiness::Unavailable { is_stopped: true, .. });
    let mut seen: BTreeSet<TargetName> =
        found.iter().filter(|one| !is_stopped(one)).map(|one| one.name.clone()).collect();
    found.retain(|one| !is_stopped(one) || seen.insert(one.name.clone()));
}

/// Two targets with one name would mix their backups and delete each other's: neither is backed up.
pub(super) fn refuse_shared_names(found: &mut [Found], prefix: &str) {
    let mut owners: BTreeMap<TargetName, Vec<String>> = BTreeMap::new();
    for one in found.iter() {
        owners.entry(one.name.clone()).or_default().push(one.container.clone());
    }
    for one in found {
        let Some(sharing) = owners.get(&one.name).filter(|sharing| sharing.len() > 1) else { continue };
        one.state = Readiness::Misconfigured {
            reason: format!(
                "the containers {} have the same target name {}: give each its own label {prefix}.name",
                sharing.join(" and "),
                one.name,
            ),
        };
    }
}

/// The history of a former name has one target: another container that still has the name, or wants it as well, is an error for
/// both. One that is stopped was replaced.
pub(super) fn refuse_shared_histories(found: &mut Vec<Found>, prefix: &str) {
    let renamed: Vec<(String, Vec<TargetName>)> = found
        .iter()
        .filter(|one| !one.was.is_empty())
        .map(|one| (one.container.clone(), one.was.clone()))
        .collect();
    let is_replaced = |one: &Found| {
        let is_stopped = matches!(one.state, Readiness::Unavailable { is_stopped: true, .. });
        is_stopped && renamed.iter().any(|(by, was)| *by != one.container && was.contains(&one.name))
    };
    found.retain(|one| !is_replaced(one));
    for (container, was) in &renamed {
        for former in was {
            let others = found.iter().filter(|one| one.container != *container && one.serves(former));
            let others: Vec<String> = others.map(|one| one.container.clone()).collect();
            let Some(other) = others.first() else { continue };
            let reason = format!(
                "the label {prefix}.was of container {container} names {former}, which container {other} still is: remove the label, or the container {other}"
            );
            for one in found.iter_mut() {
                if one.container == *container || others.contains(&one.container) {
                    one.state = Readiness::Misconfigured { reason: reason.clone() };
                }
            }
        }
    }
}
