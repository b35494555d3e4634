//! From containers to targets.

mod container;
mod decide;
mod files;
mod found;
mod target;
mod unique;

use std::collections::{BTreeSet, HashMap};

use crate::config::Config;
use crate::config::labels::{TargetLabels, forgotten_enable};
use crate::docker::{Container, Looked};
use crate::model::target::TargetName;
use container::{default_name, is_one_off, is_scratch};
use decide::{decide, decide_unreadable};
use unique::{drop_replaced, refuse_shared_histories, refuse_shared_names};

pub use container::scratch_of;
pub use decide::{destination, labelled, scratch};
pub use found::{Found, Readiness};
pub use target::{Target, names};

/// What the names of Dumpcar's labels begin with. Not only `enable` is looked for: a misspelt one is reported.
pub fn label_start(prefix: &str) -> String {
    format!("{prefix}.")
}

/// Decides about every labelled container. Containers of another group are left out.
pub fn discover(looked: Looked, config: &Config) -> Vec<Found> {
    let Looked { containers, unreadable, all } = looked;
    let mut found: Vec<Found> =
        containers.into_iter().filter_map(|container| decide(container, config, &all)).collect();
    found.extend(unreadable.into_iter().filter_map(|container| decide_unreadable(container, config)));
    found.sort_by(|a, b| a.name.cmp(&b.name));
    drop_replaced(&mut found);
    refuse_shared_names(&mut found, &config.label_prefix);
    refuse_shared_histories(&mut found, &config.label_prefix);
    found
}

/// The targets of other groups, by the names they have and had: they are served, though not by this sidecar.
pub fn of_other_groups(looked: &Looked, config: &Config) -> BTreeSet<TargetName> {
    let prefix = &config.label_prefix;
    let is_other = |labels: &HashMap<String, String>| {
        labels.get(&format!("{prefix}.group")).filter(|group| !group.is_empty()) != config.group.as_ref()
    };
    let readable = looked.containers.iter().map(|container| (&container.name, &container.labels));
    let unreadable = looked.unreadable.iter().map(|container| (&container.name, &container.labels));
    let others =
        readable.chain(unreadable).filter(|(name, labels)| is_other(labels) && !is_scratch(name, labels));
    others
        .flat_map(|(container, labels)| match TargetLabels::parse(labels, prefix) {
            Ok(Some(own)) => {
                let name = own.name.unwrap_or_else(|| default_name(labels, container));
                names(&name, &own.was)
            }
            Ok(None) => Vec::new(),
            Err(_) => vec![default_name(labels, container)],
        })
        .collect()
}

/// What nobody backs up, and somebody may believe that it is: labels without the one that counts.
pub fn overlooked(looked: &Looked, config: &Config) -> Vec<String> {
    let prefix = &config.label_prefix;
    let group = format!("{prefix}.group");
    let is_ours = |container: &&Container| {
        let of_group = container.labels.get(&group).filter(|group| !group.is_empty());
        of_group == config.group.as_ref()
            && !is_scratch(&container.name, &container.labels)
            && !is_one_off(&container.labels)
    };
    let labelled = looked.containers.iter().filter(is_ours);
    let named = labelled.filter_map(|container| {
        let label = forgotten_enable(&container.labels, prefix)?;
        let name = &container.name;
        Some(format!(
            "container {name} has the label {label}, but not {prefix}.enable=true: it is not backed up; {prefix}.enable=false says that this is meant"
        ))
    });
    named.collect()
}

#[cfg(test)]
mod tests;
