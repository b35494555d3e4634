//! What is in a dump besides rows: objects by kind and name, with hashes of their texts and owners.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::fingerprint::{Fingerprint, digits};
use super::rows::{mix, seeded};
use crate::model::line::{Line, Name};

/// A manifest is read by every `list`: it does not name more objects than this.
pub const MOST_OBJECTS: usize = 10_000;

/// What an object is: `table`, `check constraint`.
pub(super) type Kind = Line<64>;

/// No dump has more kinds of objects; what is beyond is of one kind.
const MOST_KINDS: usize = 200;
const BEYOND: &str = "object";

/// The objects of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Definitions(pub(super) BTreeMap<Kind, Group>);

/// The objects of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Group {
    Named(BTreeMap<Name, Mark>),
    /// Where a manifest would get too large.
    Summed(Sums),
}

/// How many objects there are, and the sums of the hashes of their names, owners and texts.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sums {
    pub(super) count: u64,
    pub(super) names: Fingerprint,
    pub(super) owners: Fingerprint,
    pub(super) texts: Fingerprint,
    /// In memory only, as in a [`Mark`].
    #[serde(skip)]
    pub(super) skeletons: u64,
}

/// What tells an object from another one of its name; written as 24 hexadecimal digits, 16 of the text and 8 of the owner.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) struct Mark {
    pub(super) text: u64,
    pub(super) owner: u32,
    /// In memory only: two dumps are compared by it, and never a dump with a manifest.
    pub(super) skeleton: u64,
}

impl PartialEq for Sums {
    fn eq(&self, other: &Self) -> bool {
        let all = |sums: &Self| (sums.count, sums.names, sums.owners, sums.texts);
        all(self) == all(other)
    }
}

impl Eq for Sums {}

impl PartialEq for Mark {
    fn eq(&self, other: &Self) -> bool {
        (self.text, self.owner) == (other.text, other.owner)
    }
}

impl Eq for Mark {}

impl From<Mark> for String {
    fn from(mark: Mark) -> Self {
        format!("{:016x}{:08x}", mark.text, mark.owner)
    }
}

impl TryFrom<String> for Mark {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const WRONG: &str = "the mark of an object is 24 hexadecimal digits";
        let (start, end) = text.split_at_checked(16).ok_or(WRONG)?;
        let (text, owner) = (digits(start, 16).ok_or(WRONG)?, digits(end, 8).ok_or(WRONG)?);
        Ok(Self { text, owner: u32::try_from(owner).map_err(|_| WRONG)?, skeleton: 0 })
    }
}

impl Mark {
    /// Two objects of one name, as far as a dump tells, are one to it, in whatever order they come.
    fn and(self, other: Self) -> Self {
        Self {
            text: self.text.wrapping_add(other.text),
            owner: self.owner.wrapping_add(other.owner),
            skeleton: self.skeleton.wrapping_add(other.skeleton),
        }
    }
}

impl Sums {
    fn add(&mut self, name: &Name, mark: Mark) {
        let add = |sum: &mut u64, hash: u64| *sum = sum.wrapping_add(mix(seeded(hash, name.as_bytes())));
        self.count = self.count.saturating_add(1);
        add(&mut self.names.0, 0);
        add(&mut self.owners.0, mark.owner.into());
        add(&mut self.texts.0, mark.text);
        add(&mut self.skeletons, mark.skeleton);
    }
}

impl Group {
    pub(super) fn sums(&self) -> Sums {
        match self {
            Self::Named(objects) => {
                let mut sums = Sums::default();
                objects.iter().for_each(|(name, mark)| sums.add(name, *mark));
                sums
            }
            Self::Summed(sums) => *sums,
        }
    }

    fn named(&self) -> usize {
        match self {
            Self::Named(objects) => objects.len(),
            Self::Summed(_) => 0,
        }
    }

    pub(super) fn forget_names(&mut self) {
        *self = Self::Summed(self.sums());
    }
}

impl Definitions {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many objects there are.
    pub fn count(&self) -> u64 {
        self.0.values().map(|group| group.sums().count).fold(0, u64::saturating_add)
    }

    /// Returns how many names that adds.
    pub(super) fn add(&mut self, kind: &Kind, name: &Name, mark: Mark) -> usize {
        let is_beyond = self.0.len() >= MOST_KINDS && !self.0.contains_key(kind);
        let kind = if is_beyond { Kind::clean(BEYOND) } else { kind.clone() };
        match self.0.entry(kind).or_insert_with(|| Group::Named(BTreeMap::new())) {
            Group::Named(objects) => {
                let before = objects.len();
                objects.entry(name.clone()).and_modify(|known| *known = known.and(mark)).or_insert(mark);
                objects.len() - before
            }
            Group::Summed(sums) => {
                sums.add(name, mark);
                0
            }
        }
    }

    /// Forgets the names of the kind with the most of them; returns how many these were.
    pub(super) fn forget_most_names(&mut self) -> usize {
        let Some(largest) = self.0.values_mut().max_by_key(|group| group.named()) else { return 0 };
        let names = largest.named();
        largest.forget_names();
        names
    }

    pub(super) fn forget_names(&mut self) {
        self.0.values_mut().for_each(Group::forget_names);
    }

    /// About how many bytes of a manifest its names take.
    pub(super) fn named_bytes(&self) -> usize {
        const BESIDES: usize = 50;
        let bytes = |group: &Group| match group {
            Group::Named(objects) => objects.keys().map(|name| name.len() + BESIDES).sum(),
            Group::Summed(_) => 0,
        };
        self.0.values().map(bytes).sum()
    }

    /// Whether there are no more than are ever written.
    pub(super) fn is_bounded(&self) -> bool {
        let names = self.0.values().map(Group::named).sum::<usize>();
        names <= MOST_OBJECTS && self.0.len() <= MOST_KINDS + 1
    }
}
