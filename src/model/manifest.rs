//! The manifest: what a backup consists of and what was proved about it.
//!
//! It is written last. An object without a manifest is not a backup (promise P1).

use std::fmt;
use std::num::NonZeroU32;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::content::Content;
use super::database::DatabaseOptions;
use super::encoding::Encoding;
use super::engine::EngineName;
use super::id::{ImageDigest, ImageId};
use super::key::Stamp;
use super::line::Line;
use super::missing::Missing;
use super::target::TargetName;
use super::trigger::Trigger;
use super::writers::Writer;

mod inconsistency;
mod validate;

pub use inconsistency::Inconsistency;
pub use validate::is_extension;

/// The format this version writes. A reader refuses a higher one instead of guessing.
pub const VERSION: u32 = 1;

/// A manifest has at most so many bytes; a larger one is not read, and not written. Room for 25,000 databases, or for 500 with
/// a thousand tables each.
pub const LARGEST: u64 = 16 * 1024 * 1024;

/// The content of `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`VERSION`] when written.
    pub version: u32,
    pub target: TargetName,
    pub stamp: Stamp,
    pub engine: EngineName,
    /// As the server itself says it; empty for a custom engine.
    pub server_version: Line,
    /// The image's name as the container was started with. It is shown and never asked for.
    pub image: Line<512>,
    /// A drill starts the very same image.
    pub image_id: ImageId,
    /// What the image is pulled by when it is gone; absent for one that no registry has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<ImageDigest>,
    /// What the Docker engine calls itself that wrote the backup, if it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker_engine: Option<Line>,
    /// Who wrote the backup: `DUMPCAR_INSTANCE`.
    pub instance: Line,
    /// Who else goes on writing backups of this target, as far as this one has seen: each wants a place of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_writer: Option<Line>,
    /// The Dumpcar version that wrote it.
    pub dumpcar: Line,
    /// What started the run.
    pub trigger: Trigger,
    pub started: Timestamp,
    pub finished: Timestamp,
    /// How a custom engine's dump is put back: `dumpcar.restore-command`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_command: Option<String>,
    /// Why somebody should look before relying on it: it is far smaller than the last good backup was. Absent from a
    /// good one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspicious: Option<Line<2048>>,
    /// The last good backup before this one, which is far smaller, and was accepted (`--accept-smaller`). Retention keeps that one
    /// for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_smaller_than: Option<Stamp>,
    /// Whether the run kept no record, and claimed its folder by a file instead: see [`CLAIM`](super::key::CLAIM).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub claimed: bool,
    /// What could not be dumped, and why: with anything here, the backup is incomplete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    pub objects: Vec<ManifestObject>,
}

/// What an object holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    /// One database.
    Database,
    /// What belongs to the whole server: roles, users, grants.
    Globals,
    /// Whatever a custom engine's command printed.
    Dump,
}

/// One object of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestObject {
    /// The file's name in the backup's folder.
    pub name: String,
    pub kind: ObjectKind,
    /// The database's real name; absent for globals and custom dumps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// How an empty one like it is made: encoding, collation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<DatabaseOptions>,
    /// `sql`, or a custom engine's extension.
    pub format: String,
    /// How it was made of the dump.
    pub encoding: Encoding,
    /// Size of the dump as the tool printed it.
    pub plain_bytes: u64,
    pub plain_sha256: Sha256,
    /// Size of the object in the store.
    pub stored_bytes: u64,
    pub stored_sha256: Sha256,
    /// What is in a database's dump: a drill compares it with what it restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
}

/// About how many bytes of a manifest the names of tables and objects may take: every `list` reads them.
const MOST_NAMES: usize = 4 * 1024 * 1024;

impl Manifest {
    /// Takes the names of tables and objects out of the largest databases until there is room for the rest: their numbers and
    /// sums stay.
    pub fn shorten(&mut self) {
        let mut contents: Vec<_> =
            self.objects.iter_mut().filter_map(|object| object.content.as_mut()).collect();
        contents.sort_by_key(|content| std::cmp::Reverse(content.named_bytes()));
        let mut bytes: usize = contents.iter().map(|content| content.named_bytes()).sum();
        for content in contents {
            if bytes <= MOST_NAMES {
                return;
            }
            bytes -= content.named_bytes();
            content.forget_names();
        }
    }

    /// Reads a manifest of this version or an older one. What it returns is right in itself: see [`Inconsistency`].
    ///
    /// # Errors
    /// Not JSON, not a manifest, not one that Dumpcar writes, or written by a newer Dumpcar.
    pub fn from_json(json: &[u8]) -> Result<Self, ManifestError> {
        /// Read on its own first: a newer manifest need not fit today's fields.
        #[derive(Deserialize)]
        struct Version {
            version: NonZeroU32,
        }
        let Version { version } = serde_json::from_slice(json).map_err(ManifestError::Malformed)?;
        let version = version.get();
        if version > VERSION {
            return Err(ManifestError::Newer { version });
        }
        let manifest: Self = serde_json::from_slice(json).map_err(ManifestError::Malformed)?;
        manifest.validate()?;
        Ok(manifest)
    }

    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("a manifest has only string keys");
        json.push(b'\n');
        json
    }

    /// Who wrote it, if that can be told from others.
    pub fn writer(&self) -> Option<Writer> {
        Writer::new(self.docker_engine.as_ref(), &self.instance)
    }

    /// The sum of a valid manifest's sizes does not overflow.
    pub fn plain_bytes(&self) -> u64 {
        self.objects.iter().fold(0, |sum, object| sum.saturating_add(object.plain_bytes))
    }

    pub fn stored_bytes(&self) -> u64 {
        self.objects.iter().fold(0, |sum, object| sum.saturating_add(object.stored_bytes))
    }
}

/// Why a `manifest.json` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("not a manifest")]
    Malformed(#[source] serde_json::Error),
    #[error("not a manifest of Dumpcar's: {0}")]
    Inconsistent(#[from] Inconsistency),
    #[error(
        "written by a newer Dumpcar (manifest version {version}, this one reads up to {VERSION}); upgrade Dumpcar"
    )]
    Newer { version: u32 },
}

/// A SHA-256 digest, written as 64 hexadecimal digits so that it compares with `sha256sum`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Sha256(pub [u8; 32]);

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Sha256> for String {
    fn from(digest: Sha256) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Sha256 {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut digest = [0; 32];
        hex::decode_to_slice(text, &mut digest).map_err(|_| "a SHA-256 digest is 64 hexadecimal digits")?;
        Ok(Self(digest))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::compression::Compression;
    use super::super::content::Rows;
    use super::*;

    pub(crate) fn example() -> Manifest {
        Manifest {
            version: VERSION,
            target: "shop-db".parse().unwrap(),
            stamp: "2026-11-23T23-00-00Z".parse().unwrap(),
            engine: EngineName::known("postgresql"),
            server_version: Line::clean("17.6"),
            image: Line::clean("postgres:17"),
            image_id: format!("sha256:{}", "0a".repeat(32)).parse().unwrap(),
            image_digest: Some(format!("postgres@sha256:{}", "0b".repeat(32)).parse().unwrap()),
            docker_engine: Some(Line::clean("ENGI:NEOF")),
            instance: Line::clean("host-a"),
            other_writer: None,
            dumpcar: Line::clean("0.1.0"),
            trigger: Trigger::Schedule,
            started: "2026-11-23T23:00:00Z".parse().unwrap(),
            finished: "2026-11-23T23:00:09Z".parse().unwrap(),
            restore_command: None,
            suspicious: None,
            accepted_smaller_than: None,
            claimed: false,
            missing: Vec::new(),
            objects: vec![ManifestObject {
                name: "shop.sql.xz".into(),
                kind: ObjectKind::Database,
                database: Some("shop".into()),
                options: None,
                format: "sql".into(),
                encoding: Compression::Xz(None).into(),
                plain_bytes: 1000,
                plain_sha256: Sha256([0xab; 32]),
                stored_bytes: 100,
                stored_sha256: Sha256([0x01; 32]),
                content: None,
            }],
        }
    }

    #[test]
    fn a_manifest_is_read_back_as_it_was_written() {
        assert_eq!(Manifest::from_json(&example().to_json()).unwrap(), example());
    }

    /// The bucket outlives the program: these bytes are what version 1 is, whatever the code says later.
    #[test]
    fn version_1_stays_what_it_is() {
        insta::assert_snapshot!(String::from_utf8(example().to_json()).unwrap());
    }

    /// An addition that readers of version 1 pass over: the others' bytes stay the same without it.
    #[test]
    fn only_a_suspicious_backup_says_so() {
        let reason = r#"database "shop": 120.0 KiB instead of 4.1 MiB"#;
        let suspicious = Manifest { suspicious: Some(Line::clean(reason)), ..example() };
        assert_eq!(Manifest::from_json(&suspicious.to_json()).unwrap(), suspicious);
        let json: serde_json::Value = serde_json::from_slice(&suspicious.to_json()).unwrap();
        assert_eq!((&json["version"], &json["suspicious"]), (&1.into(), &reason.into()));
        assert!(!String::from_utf8(example().to_json()).unwrap().contains("suspicious"));
    }

    /// A manifest is read by every `list`, and has to be read at all.
    #[test]
    fn names_give_way_where_there_are_too_many() {
        let content = |names: usize| {
            let rows =
                |n: usize| (Line::clean(&format!("public.a_table_with_a_long_name_{n:06}")), Rows::default());
            let rows_of: std::collections::BTreeMap<_, _> = (0..names).map(rows).collect();
            Content { tables: names as u64, rows_of, ..Content::default() }
        };
        let object = |n: usize, names| ManifestObject {
            name: format!("db{n}.sql.xz"),
            database: Some(format!("db{n}")),
            content: Some(content(names)),
            ..example().objects.into_iter().next().unwrap()
        };
        let small = (0..3).map(|n| object(n, 10));
        let objects = small.chain((3..40).map(|n| object(n, super::super::content::MOST_TABLES))).collect();
        let mut manifest = Manifest { objects, ..example() };
        manifest.shorten();
        let bytes = manifest.to_json();
        assert!(bytes.len() < 2 * MOST_NAMES, "{}", bytes.len());
        let named = |object: &ManifestObject| !object.content.as_ref().unwrap().rows_of.is_empty();
        assert!(manifest.objects[..3].iter().all(named), "the small ones keep theirs");
        assert!(manifest.objects.iter().filter(|object| named(object)).count() > 10);
        assert_eq!(Manifest::from_json(&bytes).unwrap(), manifest);
        let whole = Manifest { objects: vec![object(0, 10)], ..example() };
        let mut same = whole.clone();
        same.shorten();
        assert_eq!(same, whole);
    }

    #[test]
    fn only_an_incomplete_backup_names_what_is_missing() {
        let missing =
            vec![Missing::new(Some("aaa"), Some("v"), "invalid"), Missing::new(None, None, "refused")];
        let incomplete = Manifest { missing, ..example() };
        assert_eq!(Manifest::from_json(&incomplete.to_json()).unwrap(), incomplete);
        let json: serde_json::Value = serde_json::from_slice(&incomplete.to_json()).unwrap();
        let wanted = serde_json::json!([
            { "database": "aaa", "object": "v", "reason": "invalid" },
            { "reason": "refused" },
        ]);
        assert_eq!(json["missing"], wanted);
        assert!(!String::from_utf8(example().to_json()).unwrap().contains("missing"));
        // The database is there.
        let missing = vec![Missing::new(Some("shop"), None, "gone")];
        let contradiction = Manifest { missing, ..example() };
        assert!(Manifest::from_json(&contradiction.to_json()).is_err());
        let missing = vec![Missing::new(Some("aaa"), None, "gone"); super::super::missing::MOST + 1];
        assert!(Manifest::from_json(&Manifest { missing, ..example() }.to_json()).is_err());
    }

    #[test]
    fn a_newer_manifest_is_refused_by_name() {
        let error = Manifest::from_json(br#"{"version": 2, "all": "else differs"}"#).unwrap_err();
        assert!(matches!(error, ManifestError::Newer { version: 2 }));
    }

    #[test]
    fn sizes_are_sums_and_never_overflow() {
        let object = |plain_bytes, stored_bytes| ManifestObject {
            plain_bytes,
            stored_bytes,
            ..example().objects.into_iter().next().unwrap()
        };
        let sizes = |objects| {
            let manifest = Manifest { objects, ..example() };
            (manifest.plain_bytes(), manifest.stored_bytes())
        };
        assert_eq!(sizes(vec![]), (0, 0));
        assert_eq!(sizes(vec![object(1000, 100), object(30, 20)]), (1030, 120));
        // Anything may be in a bucket.
        assert_eq!(sizes(vec![object(u64::MAX, u64::MAX), object(1, 1)]), (u64::MAX, u64::MAX));
    }

    /// Half a digest, or one with signs in it, must not be taken for another one.
    #[test]
    fn only_64_hexadecimal_digits_are_a_digest() {
        let digest = |text: &str| Sha256::try_from(text.to_owned());
        assert_eq!(digest(&"aB".repeat(32)), Ok(Sha256([0xab; 32])));
        for text in ["", "ab", &"ab".repeat(31), &"ab".repeat(33), &"+a".repeat(32), &"xy".repeat(32)] {
            assert!(digest(text).is_err(), "{text}");
        }
        assert_eq!(format!("{:?}", Sha256([0xab; 32])), "ab".repeat(32));
    }
}
