//! What the bucket holds.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt;
use jiff::Timestamp;
use object_store::ObjectStore;
use object_store::path::Path;
use xxhash_rust::xxh3::Xxh3;

use super::bucket::Store;
use super::error::{StoreError, StoreErrorKind};
use super::timeout::{ANSWER_LIMIT, within};
use crate::model::key::{BackupKey, DRILL, MANIFEST, OWN_STATE, README, Stamp, is_beside, may_be_object};
use crate::model::manifest::Manifest;
use crate::model::retention::is_from_the_future;
use crate::model::target::TargetName;

/// The backups below the prefix, read from one listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    folders: BTreeMap<TargetName, BTreeMap<Stamp, Folder>>,
    /// Objects below the prefix that are not Dumpcar's. They are never touched.
    pub foreign: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Folder {
    manifest: Option<Version>,
    has_drill: bool,
    /// Names and sizes, by name: a server that lists an object twice does not make it two. No map: there are very many
    /// of these, with very few objects in each.
    objects: Vec<(Box<str>, u64)>,
    /// When the last of what may be Dumpcar's objects was written, by the store's clock.
    written: Option<Timestamp>,
}

/// What tells one content of a key from another without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub bytes: u64,
    /// Not every store says it everywhere.
    pub e_tag: Option<String>,
}

impl Version {
    /// Whether the two are of the same content, as far as is known.
    pub fn is_same(&self, other: &Self) -> bool {
        let differ = matches!((&self.e_tag, &other.e_tag), (Some(one), Some(another)) if one != another);
        self.bytes == other.bytes && !differ
    }
}

/// How often a listing may show the same object before it is clear that it will never end.
const REPEATS: u32 = 3;

/// Notices a listing that goes round in circles.
///
/// It remembers one key, and another one each time that the listing has become twice as long: so sooner or later one
/// that is inside the circle, for long enough to see it come by a few times.
#[derive(Default)]
struct LoopDetector {
    seen: u64,
    key: Option<Path>,
    repeats: u32,
}

impl LoopDetector {
    fn is_looping(&mut self, key: &Path) -> bool {
        self.seen += 1;
        if self.key.as_ref() == Some(key) {
            self.repeats += 1;
        } else if self.seen.is_power_of_two() {
            self.key = Some(key.clone());
            self.repeats = 0;
        }
        self.repeats >= REPEATS
    }
}

/// A backup as the listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBackup {
    pub key: BackupKey,
    pub manifest: Version,
    /// Objects beside the manifest.
    pub objects: u32,
    /// Their size in the store.
    pub bytes: u64,
    /// Whether there is a drill's result.
    pub has_drill: bool,
}

impl Store {
    /// Lists everything below the prefix, or one target's folder: a request for each 1,000 objects.
    ///
    /// # Errors
    /// See [`StoreError`]. There is no partial catalog: who plans deletions must see everything.
    pub async fn catalog(&self, target: Option<&TargetName>) -> Result<Catalog, StoreError> {
        let root = self.path("");
        let below = target.map_or_else(|| root.clone(), |target| self.path(target.as_str()));
        let below = (!below.as_ref().is_empty()).then_some(below);
        let mut objects = self.backend.list(below.as_ref());
        let mut catalog = Catalog::default();
        let mut detector = LoopDetector::default();
        let prefix_len = if root.as_ref().is_empty() { 0 } else { root.as_ref().len() + 1 };
        while let Some(meta) =
            within(ANSWER_LIMIT, objects.try_next()).await.map_err(|error| self.error("list", error))?
        {
            if detector.is_looping(&meta.location) {
                return Err(StoreError::new(
                    StoreErrorKind::Damaged,
                    format!("{} lists the same objects again and again", self.place.endpoint),
                ));
            }
            let relative = meta.location.as_ref().get(prefix_len..).unwrap_or_default();
            // Without a time, it is as young as can be.
            let written = Timestamp::from_second(meta.last_modified.timestamp()).unwrap_or(Timestamp::MAX);
            catalog.add(relative, Version { bytes: meta.size, e_tag: meta.e_tag }, written);
        }
        Ok(catalog)
    }
}

impl Store {
    /// Lists the folders of a target and of its former names.
    ///
    /// # Errors
    /// See [`Store::catalog`].
    pub async fn catalog_of(&self, names: &[TargetName]) -> Result<Catalog, StoreError> {
        let mut all = Catalog::default();
        for name in names {
            let one = self.catalog(Some(name)).await?;
            all.folders.extend(one.folders);
            all.foreign += one.foreign;
        }
        Ok(all)
    }
}

impl Folder {
    fn add(&mut self, name: &str, bytes: u64) {
        // Listings come in order.
        let is_next = self.objects.last().is_none_or(|(last, _)| **last < *name);
        let place = match is_next {
            true => Err(self.objects.len()),
            false => self.objects.binary_search_by(|(other, _)| (**other).cmp(name)),
        };
        match place.map(|known| self.objects.get_mut(known)) {
            Ok(Some((_, known))) => *known = bytes,
            Ok(None) => {}
            Err(place) => self.objects.insert(place, (name.into(), bytes)),
        }
    }
}

impl Catalog {
    fn add(&mut self, key: &str, found: Version, written: Timestamp) {
        let Some((BackupKey { target, stamp }, file_name)) = BackupKey::parse(key) else {
            if !key.starts_with(OWN_STATE) && key != README {
                self.foreign += 1;
            }
            return;
        };
        let folder = self.folders.entry(target).or_default().entry(stamp).or_default();
        if file_name == MANIFEST {
            folder.manifest = Some(found);
        } else if is_beside(file_name) {
            folder.has_drill |= file_name == DRILL;
            folder.written = folder.written.max(Some(written));
        } else {
            folder.add(file_name, found.bytes);
            if may_be_object(file_name) {
                folder.written = folder.written.max(Some(written));
            }
        }
    }

    /// Every target that has a backup.
    pub fn targets(&self) -> impl Iterator<Item = &TargetName> {
        self.folders
            .iter()
            .filter(|(_, folders)| folders.values().any(|folder| folder.manifest.is_some()))
            .map(|(target, _)| target)
    }

    /// Every target that has a folder, with or without a backup in it.
    pub fn names(&self) -> impl Iterator<Item = &TargetName> {
        self.folders.keys()
    }

    /// Names and sizes of the files beside a backup's manifest.
    pub fn files(&self, key: &BackupKey) -> impl Iterator<Item = (&str, u64)> {
        let folder = self.folders.get(&key.target).and_then(|folders| folders.get(&key.stamp));
        folder.into_iter().flat_map(|folder| &folder.objects).map(|(name, bytes)| (&**name, *bytes))
    }

    /// What a backup's folder lacks of what its manifest names, in words; `None` when each object is listed with its size.
    pub fn lacks(&self, key: &BackupKey, manifest: &Manifest) -> Option<String> {
        let listed: BTreeMap<&str, u64> = self.files(key).collect();
        manifest.objects.iter().find_map(|object| match listed.get(object.name.as_str()) {
            None => Some(format!("{} is not in the bucket", object.name)),
            Some(bytes) if *bytes != object.stored_bytes => Some(format!(
                "{} has {bytes} bytes in the bucket instead of {}",
                object.name, object.stored_bytes
            )),
            Some(_) => None,
        })
    }

    /// A fingerprint of what is listed of a backup: as long as it is the same, so is what the backup lacks.
    pub fn fingerprint(&self, key: &BackupKey) -> u64 {
        let mut hash = Xxh3::new();
        for (name, bytes) in self.files(key) {
            hash.update(name.as_bytes());
            hash.update(&[0]);
            hash.update(&bytes.to_le_bytes());
        }
        hash.digest()
    }

    /// Every folder of a target, whether it is a backup or not.
    pub fn stamps(&self, target: &TargetName) -> BTreeSet<Stamp> {
        self.folders.get(target).map(|folders| folders.keys().copied().collect()).unwrap_or_default()
    }

    /// Whether there is a backup of this name and stamp.
    pub fn has_backup(&self, target: &TargetName, stamp: Stamp) -> bool {
        let folder = self.folders.get(target).and_then(|folders| folders.get(&stamp));
        folder.is_some_and(|folder| folder.manifest.is_some())
    }

    /// The folders of a target that have objects and no manifest, and were last written before `limit`.
    pub fn orphans(&self, target: &TargetName, limit: Timestamp) -> Vec<Stamp> {
        let folders = self.folders.get(target).into_iter().flatten();
        folders
            .filter(|(stamp, folder)| {
                let is_old = folder.written.is_some_and(|written| written < limit);
                folder.manifest.is_none() && is_old && stamp.timestamp() < limit
            })
            .map(|(stamp, _)| *stamp)
            .collect()
    }

    /// The backups of a target under its names, newest first. Of two of one second, that of the first name is taken: rules know
    /// backups by their stamps.
    pub fn history(&self, names: &[TargetName]) -> Vec<StoredBackup> {
        let mut all: Vec<StoredBackup> = names.iter().flat_map(|name| self.backups(name)).collect();
        // Stable: those of the first name stay before the others.
        all.sort_by_key(|backup| std::cmp::Reverse(backup.key.stamp));
        all.dedup_by_key(|backup| backup.key.stamp);
        all
    }

    /// Those of [`history`](Self::history) that are not dated in the future: such a one would be the newest until that day.
    pub fn to_date(&self, names: &[TargetName], now: Timestamp) -> Vec<StoredBackup> {
        let mut all = self.history(names);
        all.retain(|backup| !is_from_the_future(backup.key.stamp, now));
        all
    }

    /// A target's backups, newest first. Folders without a manifest are not backups.
    pub fn backups(&self, target: &TargetName) -> Vec<StoredBackup> {
        self.folders
            .get(target)
            .into_iter()
            .flatten()
            .filter_map(|(stamp, folder)| {
                Some(StoredBackup {
                    key: BackupKey { target: target.clone(), stamp: *stamp },
                    manifest: folder.manifest.clone()?,
                    objects: u32::try_from(folder.objects.len()).unwrap_or(u32::MAX),
                    bytes: folder.objects.iter().map(|(_, bytes)| bytes).sum(),
                    has_drill: folder.has_drill,
                })
            })
            .rev()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(bytes: u64, e_tag: Option<&str>) -> Version {
        Version { bytes, e_tag: e_tag.map(str::to_owned) }
    }

    #[test]
    fn a_content_is_the_same_until_something_says_otherwise() {
        for (one, another, is_same) in [
            (version(10, Some("a")), version(10, Some("a")), true),
            (version(10, Some("a")), version(10, None), true),
            (version(10, Some("a")), version(10, Some("b")), false),
            (version(10, Some("a")), version(11, Some("a")), false),
            (version(10, None), version(11, None), false),
        ] {
            assert_eq!(
                (one.is_same(&another), another.is_same(&one)),
                (is_same, is_same),
                "{one:?} {another:?}"
            );
        }
    }

    #[test]
    fn only_folders_with_a_manifest_are_backups() {
        let mut catalog = Catalog::default();
        for key in [
            "shop/2026-11-23T23-00-00Z/shop.sql.xz",
            "shop/2026-11-23T23-00-00Z/globals.sql.xz",
            "shop/2026-11-23T23-00-00Z/manifest.json",
            "shop/2026-11-24T23-00-00Z/shop.sql.xz",
            "shop/2026-11-22T23-00-00Z/manifest.json",
            "other/2026-11-22T23-00-00Z/dump.bin",
            ".dumpcar/runs/x.json",
            "photos/cat.jpg",
        ] {
            catalog.add(key, version(10, None), Timestamp::UNIX_EPOCH);
        }
        let target = "shop".parse().unwrap();
        let found: Vec<_> =
            catalog.backups(&target).iter().map(|b| (b.key.stamp.to_string(), b.objects, b.bytes)).collect();
        assert_eq!(found, [("2026-11-23T23-00-00Z".into(), 2, 20), ("2026-11-22T23-00-00Z".into(), 0, 0)]);
        assert_eq!(catalog.targets().collect::<Vec<_>>(), [&target]);
        assert_eq!(catalog.foreign, 1);
    }

    #[test]
    fn only_what_is_old_by_every_clock_is_an_orphan() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let limit = at("2026-11-20T00:00:00Z");
        let mut catalog = Catalog::default();
        for (key, written) in [
            ("shop/2026-11-01T23-00-00Z/shop.sql.xz", "2026-11-01T23:10:00Z"),
            // A backup.
            ("shop/2026-11-02T23-00-00Z/shop.sql.xz", "2026-11-02T23:10:00Z"),
            ("shop/2026-11-02T23-00-00Z/manifest.json", "2026-11-02T23:10:00Z"),
            // Copied here a moment ago, and the manifest may follow.
            ("shop/2026-11-03T23-00-00Z/globals.sql.xz", "2026-11-03T23:10:00Z"),
            ("shop/2026-11-03T23-00-00Z/shop.sql.xz", "2026-11-23T23:10:00Z"),
            // A drill that ended after its backup was pruned.
            ("shop/2026-11-05T23-00-00Z/drill.json", "2026-11-06T23:10:00Z"),
            // Killed before the manifest.
            ("shop/2026-11-06T23-00-00Z/manifest.json.sig", "2026-11-06T23:10:00Z"),
            // Somebody else's.
            ("shop/2026-11-04T23-00-00Z/note.txt", "2026-11-04T23:10:00Z"),
            // Its clock was wrong.
            ("shop/2026-12-04T23-00-00Z/shop.sql.xz", "2026-11-04T23:10:00Z"),
        ] {
            catalog.add(key, version(10, None), at(written));
        }
        let found = catalog.orphans(&"shop".parse().unwrap(), limit);
        assert_eq!(
            found,
            ["2026-11-01T23-00-00Z", "2026-11-05T23-00-00Z", "2026-11-06T23-00-00Z"]
                .map(|stamp| stamp.parse().unwrap())
        );
    }

    #[test]
    fn an_object_that_is_listed_twice_is_one_object() {
        let mut catalog = Catalog::default();
        for key in ["shop.sql.xz", "manifest.json", "shop.sql.xz", "manifest.json"] {
            let key = format!("shop/2026-11-23T23-00-00Z/{key}");
            catalog.add(&key, version(10, None), Timestamp::UNIX_EPOCH);
        }
        let backups = catalog.backups(&"shop".parse().unwrap());
        assert_eq!(backups.len(), 1);
        assert_eq!((backups[0].objects, backups[0].bytes), (1, 10));
    }

    #[test]
    fn a_circle_is_noticed_wherever_it_begins_and_a_repeated_page_is_none() {
        let key = |number: u32| Path::from(number.to_string());
        for (lead, length) in [(0, 1), (0, 1000), (1, 1), (999, 1000), (12_345, 777)] {
            let mut detector = LoopDetector::default();
            let mut keys =
                (0..10 * (lead + length)).map(|n| if n < lead { n } else { lead + (n - lead) % length });
            assert!(keys.any(|number| detector.is_looping(&key(number))), "{lead} {length}");
        }
        let mut detector = LoopDetector::default();
        assert!(!(0..1000).chain(0..1000).chain(0..5000).any(|number| detector.is_looping(&key(number))));
    }
}
