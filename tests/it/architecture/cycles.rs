//! No file uses another one that uses it in turn, through however many others.

use std::collections::{BTreeMap, BTreeSet};

use super::root;
use super::uses::{Sources, Use};

/// Each file, and those it uses.
type Graph = BTreeMap<String, BTreeSet<String>>;

fn graph<'a>(uses: impl Iterator<Item = &'a Use>) -> Graph {
    let mut graph = Graph::new();
    for one in uses {
        graph.entry(one.from.clone()).or_default().insert(one.to.clone());
    }
    graph
}

/// Everything that can be reached from a file.
fn reached(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from.to_owned()];
    while let Some(file) = next.pop() {
        for used in graph.get(&file).into_iter().flatten() {
            if reached.insert(used.clone()) {
                next.push(used.clone());
            }
        }
    }
    reached
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let uses = Sources::read(&root().join("src"), false).uses();
    assert!(uses.len() > 1000, "only {} uses were found", uses.len());
    let all = graph(uses.iter());
    let closes = |one: &&Use| reached(&all, &one.to).contains(&one.from);
    let circles: BTreeMap<_, _> =
        uses.iter().filter(closes).map(|one| ((&one.from, &one.to), &one.path)).collect();
    assert!(circles.is_empty(), "move what both need into a file of its own: {circles:#?}");
}
