//! What a manifest must be to be one of Dumpcar's.
//!
//! A manifest comes out of the bucket, where whoever can write may have put it. Everybody reads it by [`Manifest::from_json`], so
//! what is said here holds for `list`, `cat`, `restore`, `drill`, `verify`, `prune` and for retention alike.

use std::collections::BTreeSet;

use super::inconsistency::Inconsistency;
use super::{Manifest, ManifestObject, ObjectKind};
use crate::model::key::database_file_stem;
use crate::model::missing::{self, Missing};

/// In bytes; a name has at most 63 bytes in PostgreSQL, and 64 characters of up to 4 bytes in MariaDB and MySQL.
const LONGEST_DATABASE: usize = 256;
/// In bytes. A label's value is as long as that only by mistake.
const LONGEST_COMMAND: usize = 64 * 1024;
const LONGEST_EXTENSION: usize = 16;

impl Manifest {
    /// Whether everything in it goes together, by itself and with the rest.
    ///
    /// # Errors
    /// The first thing that does not.
    pub(super) fn validate(&self) -> Result<(), Inconsistency> {
        if self.objects.is_empty() {
            return Err(Inconsistency::NoObjects);
        }
        let is_whole = self.is_whole();
        let (mut names, mut contents) = (BTreeSet::new(), BTreeSet::new());
        let (mut plain, mut stored) = (0_u64, 0_u64);
        for object in &self.objects {
            object.validate(is_whole)?;
            // One database, compressed in two ways, has two names.
            let is_new = contents.insert((object.kind, &object.database));
            if !names.insert(object.name.as_str()) || !is_new {
                return Err(Inconsistency::Twice(object.name.clone()));
            }
            plain = plain.checked_add(object.plain_bytes).ok_or(Inconsistency::Sizes)?;
            stored = stored.checked_add(object.stored_bytes).ok_or(Inconsistency::Sizes)?;
        }
        self.validate_missing()?;
        if self.accepted_smaller_than.is_some_and(|earlier| earlier >= self.stamp) {
            return Err(Inconsistency::Accepted);
        }
        match &self.restore_command {
            None => Ok(()),
            Some(command) if is_whole && command.len() <= LONGEST_COMMAND => Ok(()),
            Some(_) => Err(Inconsistency::Command),
        }
    }
}

impl Manifest {
    /// Whether everything is in one object, which is nobody's database.
    fn is_whole(&self) -> bool {
        self.objects.iter().any(|object| object.kind == ObjectKind::Dump)
    }

    fn validate_missing(&self) -> Result<(), Inconsistency> {
        let databases = || self.objects.iter().filter_map(|object| object.database.as_deref());
        let is_there = |missing: &Missing| databases().any(|database| missing.is_all_of(database));
        let is_possible = !self.is_whole() && self.missing.len() <= missing::MOST;
        if self.missing.is_empty() || is_possible && !self.missing.iter().any(is_there) {
            return Ok(());
        }
        Err(Inconsistency::Missing)
    }
}

impl ManifestObject {
    /// The name its content gives it: `<database>.sql.xz`, `globals.sql.xz`, `dump.<extension>.xz`. Never a path, nor the name of
    /// a file that is not an object.
    fn expected_name(&self) -> String {
        let stem = match (self.kind, &self.database) {
            (ObjectKind::Database, Some(database)) => database_file_stem(database),
            (ObjectKind::Globals, _) => "globals".to_owned(),
            (ObjectKind::Database | ObjectKind::Dump, _) => "dump".to_owned(),
        };
        format!("{stem}.{}{}", self.format, self.encoding.extension())
    }

    /// `is_whole`: whether its backup has everything in one object.
    fn validate(&self, is_whole: bool) -> Result<(), Inconsistency> {
        let shown = || self.name.chars().take(200).collect::<String>();
        let database = match (self.kind, &self.database) {
            (ObjectKind::Database, Some(name)) if !is_whole => Some(name),
            (ObjectKind::Globals, None) if !is_whole => None,
            (ObjectKind::Dump, None) if is_whole => None,
            (ObjectKind::Database | ObjectKind::Globals | ObjectKind::Dump, _) => {
                return Err(Inconsistency::Kind(shown()));
            }
        };
        let is_impossible =
            |name: &String| name.is_empty() || name.len() > LONGEST_DATABASE || name.contains('\0');
        if database.is_some_and(is_impossible) {
            return Err(Inconsistency::Database(shown()));
        }
        if !is_extension(&self.format) {
            return Err(Inconsistency::Format(shown()));
        }
        if self.name != self.expected_name() {
            return Err(Inconsistency::Name(shown()));
        }
        if self.plain_bytes == 0 || self.stored_bytes == 0 {
            return Err(Inconsistency::Empty(shown()));
        }
        let adds_up = match &self.content {
            None => true,
            Some(content) => content.adds_up(),
        };
        if adds_up { Ok(()) } else { Err(Inconsistency::Content(shown())) }
    }
}

/// Whether a text is what the label `extension` takes.
pub fn is_extension(text: &str) -> bool {
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
    is_plain && text.len() <= LONGEST_EXTENSION && text.split('.').all(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::example;
    use super::*;

    fn json() -> Value {
        serde_json::from_slice(&example().to_json()).unwrap()
    }

    fn read(manifest: &Value) -> Result<Manifest, String> {
        Manifest::from_json(manifest.to_string().as_bytes()).map_err(|error| error.to_string())
    }

    fn changed(pointer: &str, value: Value) -> Value {
        let mut manifest = json();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        manifest.pointer_mut(parent).unwrap()[field] = value;
        manifest
    }

    #[test]
    fn an_object_has_the_name_that_its_content_gives_it() {
        assert!(read(&json()).is_ok());
        for name in [
            "",
            ".",
            "..",
            "../shop.sql.xz",
            "a/b.sql.xz",
            "note.txt",
            "drill.json",
            "manifest.json",
            "shop.sql",
            "Shop.sql.xz",
            "shop.sql.xz\n",
            "shop.sql.xz?versionId=1",
            "%2e%2e",
            "globals.sql.xz",
        ] {
            assert!(read(&changed("/objects/0/name", name.into())).is_err(), "{name:?}");
        }
    }

    #[test]
    fn what_does_not_go_together_is_no_manifest() {
        let twice = json!([json()["objects"][0], json()["objects"][0]]);
        let mut otherwise = json()["objects"][0].clone();
        (otherwise["name"], otherwise["encoding"]) = ("shop.sql.gz".into(), json!(["gzip"]));
        let in_two_ways = json!([json()["objects"][0], otherwise]);
        let content = |tables: u64, rows: u64| {
            json!({
                "tables": tables, "rows": rows, "fingerprint": "0000000000000000",
                "rows_of": { "public.a": { "rows": 3, "sum": "0000000000000000" } },
                "definitions": { "table": { "public.a": "00000000000000ff0000000f" } },
            })
        };
        assert!(read(&changed("/objects/0/content", content(1, 3))).is_ok());
        for (pointer, value) in [
            ("/version", json!(0)),
            ("/objects", json!([])),
            ("/objects", twice),
            ("/objects", in_two_ways),
            ("/objects/0/kind", json!("dump")),
            ("/objects/0/kind", json!("globals")),
            ("/objects/0/database", Value::Null),
            ("/objects/0/database", json!("")),
            ("/objects/0/format", json!("rdb")),
            ("/objects/0/format", json!("sql/../..")),
            ("/objects/0/plain_bytes", json!(0)),
            ("/objects/0/stored_bytes", json!(0)),
            ("/objects/0/stored_bytes", json!(-1)),
            ("/objects/0/stored_bytes", json!(1e300)),
            ("/objects/0/content", content(2, 3)),
            ("/objects/0/content", content(1, 4)),
            ("/objects/0/content", {
                let mut content = content(1, 3);
                content["fingerprint"] = "0000000000000001".into();
                content
            }),
            ("/objects/0/content", {
                let mut content = content(1, 3);
                content["definitions"]["table"]["a\nb"] = "00000000000000ff0000000f".into();
                content
            }),
            ("/objects/0/content", {
                let mut content = content(1, 3);
                content["definitions"]["table"]["a"] = "00000000000000ff".into();
                content
            }),
            ("/restore_command", json!("rm -rf /")),
            ("/engine", json!("../oracle")),
            ("/image_id", json!("postgres:17")),
            ("/image_id", json!("../images/get?names=x")),
            ("/image_digest", json!("postgres:17")),
            ("/image_digest", json!(format!("a;b@sha256:{}", "0b".repeat(32)))),
            ("/docker_engine", json!("a\nb")),
            ("/objects/0/encoding", json!(["age"])),
            ("/objects/0/encoding", json!(["xz", "xz"])),
            ("/objects/0/encoding", json!("xz")),
            ("/image", json!("\u{1b}]0;x\u{7}")),
            ("/suspicious", json!("two\nlines")),
            ("/suspicious", json!("\u{202e}")),
            ("/server_version", json!("x".repeat(1000))),
        ] {
            assert!(read(&changed(pointer, value.clone())).is_err(), "{pointer} {value}");
        }
    }

    #[test]
    fn sums_do_not_overflow() {
        let mut manifest = json();
        let mut other = manifest["objects"][0].clone();
        (other["database"], other["name"]) = ("crm".into(), "crm.sql.xz".into());
        other["plain_bytes"] = u64::MAX.into();
        manifest["objects"].as_array_mut().unwrap().push(other);
        assert!(read(&manifest).unwrap_err().contains("do not add up"));
    }
}
