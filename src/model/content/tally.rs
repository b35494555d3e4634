//! What was found so far. It has bounds, whatever a dump says.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

use super::definitions::{Kind, Mark};
use super::rows::mix;
use super::skeleton::skeleton;
use super::{Content, Dialect, Fingerprint, MOST_OBJECTS, MOST_TABLES, Rows};
use crate::model::line::Name;

#[derive(Debug)]
pub(super) struct Tally {
    dialect: Dialect,
    content: Content,
    /// How many objects are named.
    named: usize,
    /// Whether there are too many tables to name.
    has_many: bool,
}

impl Tally {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, content: Content::default(), named: 0, has_many: false }
    }

    /// There is this table, though it may have no rows.
    pub(super) fn table(&mut self, name: &Name) {
        if self.has_many {
            self.content.tables += 1;
            return;
        }
        self.content.rows_of.entry(name.clone()).or_default();
        self.content.tables = self.content.rows_of.len() as u64;
        if self.content.rows_of.len() > MOST_TABLES {
            self.has_many = true;
            self.content.rows_of = BTreeMap::new();
        }
    }

    /// These are further rows of the table.
    pub(super) fn rows(&mut self, name: &Name, rows: Rows) {
        if !self.has_many && !self.content.rows_of.contains_key(name) {
            self.table(name);
        }
        let Content { rows: all, fingerprint, rows_of, .. } = &mut self.content;
        *all = all.saturating_add(rows.rows);
        fingerprint.0 = fingerprint.0.wrapping_add(rows.weight(name));
        if let Some(known) = rows_of.get_mut(name) {
            known.rows = known.rows.saturating_add(rows.rows);
            known.sum = Fingerprint(known.sum.0.wrapping_add(rows.sum.0));
        }
    }

    /// There is this object, whose text is all that tells it from others.
    pub(super) fn define(&mut self, kind: &str, name: &str, owner: &[u8], text: &[u8]) {
        self.mark(kind, name, owner, self.text(text));
    }

    pub(super) fn mark(&mut self, kind: &str, name: &str, owner: &[u8], (text, skeleton): (u64, u64)) {
        let owner = u32::try_from(xxh3_64(owner) & u64::from(u32::MAX)).unwrap_or_default();
        // Those of objects of one name are added up.
        let mark = Mark { text: mix(text), owner, skeleton: mix(skeleton) };
        self.named += self.content.definitions.add(&Kind::clean(kind), &Name::clean(name), mark);
        while self.named > MOST_OBJECTS {
            self.named -= self.content.definitions.forget_most_names().min(self.named);
        }
    }

    /// The hash of a text, and that of its skeleton.
    pub(super) fn text(&self, text: &[u8]) -> (u64, u64) {
        (xxh3_64(text), skeleton(self.dialect, text))
    }

    /// The same of lines whose order nobody promises.
    pub(super) fn lines(&self, text: &[u8]) -> (u64, u64) {
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let hashes = lines.map(|line| self.text(line));
        hashes.fold((0, 0), |(texts, skeletons), (text, skeleton)| {
            (texts.wrapping_add(mix(text)), skeletons.wrapping_add(mix(skeleton)))
        })
    }

    pub(super) fn end(self) -> Content {
        self.content
    }
}
