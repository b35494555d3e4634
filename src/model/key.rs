//! Object keys: `<target>/<stamp>/<object>` below the store's prefix.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::fmt::strtime;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use serde::{Deserialize, Serialize};

use super::target::TargetName;

/// The file name whose existence makes a folder a backup.
pub const MANIFEST: &str = "manifest.json";

/// The file beside a manifest that has its signature.
pub const SIGNATURE: &str = "manifest.json.sig";

/// The file beside a manifest that says what the backup's last drill found.
pub const DRILL: &str = "drill.json";

/// The file that a run without a record writes first, where nothing is yet: the folder is its own then. It stays, since such a
/// run deletes nothing.
pub const CLAIM: &str = "claim.txt";

/// The text at the prefix that explains the bucket to people.
pub const README: &str = "README.txt";

/// What the keys of Dumpcar's own small state begin with. No target can have this name.
pub const OWN_STATE: &str = ".dumpcar/";

/// Where `dumpcar check` puts what it writes to try the keys. Nothing stays there.
pub const TRIALS: &str = ".dumpcar/check";

/// What stands for itself in the query of a signed request: everything else is percent-encoded (RFC 3986, 2.3).
pub const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const STAMP_FORMAT: &str = "%Y-%m-%dT%H-%M-%SZ";

/// When a backup was started, to the second, in UTC: `2026-11-23T23-00-00Z`.
///
/// It sorts by time as text, says `Z`, and has no colon, which several tools and file systems refuse.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Stamp(Timestamp);

/// The text is not a stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must look like 2026-11-23T23-00-00Z")]
pub struct StampError;

impl Stamp {
    /// The stamp of this instant, its fraction of a second dropped.
    pub fn new(at: Timestamp) -> Self {
        Self(Timestamp::from_second(at.as_second()).unwrap_or(at))
    }

    pub fn timestamp(self) -> Timestamp {
        self.0
    }
}

impl FromStr for Stamp {
    type Err = StampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let civil = strtime::parse(STAMP_FORMAT, text)
            .and_then(|parts| parts.to_datetime())
            .map_err(|_| StampError)?;
        let at = civil.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| StampError)?.timestamp();
        let stamp = Self(at);
        // Only the one spelling: `2026-1-1T…` would parse, and then name another key than the one it was read from.
        if stamp.to_string() == text { Ok(stamp) } else { Err(StampError) }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.strftime(STAMP_FORMAT).to_string())
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Stamp {
    type Error = StampError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Stamp> for String {
    fn from(stamp: Stamp) -> Self {
        stamp.to_string()
    }
}

/// The folder of one backup: `<target>/<stamp>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackupKey {
    pub target: TargetName,
    pub stamp: Stamp,
}

impl BackupKey {
    /// The key of a file in this folder, relative to the store's prefix.
    pub fn object(&self, file_name: &str) -> String {
        format!("{self}/{file_name}")
    }

    /// The key of this backup's manifest.
    pub fn manifest(&self) -> String {
        self.object(MANIFEST)
    }

    /// The key of its signature.
    pub fn signature(&self) -> String {
        self.object(SIGNATURE)
    }

    /// The key of what claims this folder.
    pub fn claim(&self) -> String {
        self.object(CLAIM)
    }

    /// Splits a key relative to the prefix into its folder and file name; `None` when it is not one of Dumpcar's.
    pub fn parse(key: &str) -> Option<(Self, &str)> {
        let mut parts = key.splitn(3, '/');
        let target = parts.next()?.parse().ok()?;
        let stamp = parts.next()?.parse().ok()?;
        let file_name = parts.next()?;
        (!file_name.is_empty() && !file_name.contains('/')).then_some((Self { target, stamp }, file_name))
    }
}

impl fmt::Display for BackupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.target, self.stamp)
    }
}

/// The file name of a database's object, without its extensions.
///
/// Bytes outside `A-Z a-z 0-9 _ -` become `%XX`, dots included unless they stand inside the name; so do the first
/// letters of `globals` and `manifest`, names that are taken. Different databases therefore never share an object.
/// The manifest has the real name.
pub fn database_file_stem(database: &str) -> String {
    let reserved = database == "globals" || database == "manifest";
    let mut stem = String::with_capacity(database.len());
    for (index, byte) in database.bytes().enumerate() {
        let plain = match byte {
            b'_' | b'-' => true,
            b'.' => index > 0,
            other => other.is_ascii_alphanumeric() && !(reserved && index == 0),
        };
        if plain { stem.push(char::from(byte)) } else { stem.push_str(&format!("%{byte:02X}")) }
    }
    stem
}

/// Whether a file of this name is one of what Dumpcar writes beside a manifest and its objects.
pub fn is_beside(file_name: &str) -> bool {
    [DRILL, SIGNATURE, CLAIM].contains(&file_name)
}

/// Whether a file in a backup's folder may be an object Dumpcar wrote, by its name: `<database>.sql`, `globals.sql`,
/// `dump.<extension>` or the escaped path of a file, each with or without its compression's extension; or
/// what may lie beside a manifest. Somebody else's file is not to be touched.
pub fn may_be_object(file_name: &str) -> bool {
    if is_beside(file_name) {
        return true;
    }
    let plain =
        [".xz", ".zst", ".gz"].iter().find_map(|end| file_name.strip_suffix(end)).unwrap_or(file_name);
    let stem_of = |end: &str| plain.strip_suffix(end).filter(|stem| !stem.is_empty());
    // A database that is a file has its path for a name.
    let is_of_path = plain.starts_with("%2F");
    is_of_path
        || stem_of(".sql").is_some()
        || plain.strip_prefix("dump.").is_some_and(|extension| !extension.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_stamp_has_one_spelling() {
        let text = "2026-11-23T23-00-00Z";
        assert_eq!(text.parse::<Stamp>().unwrap().to_string(), text);
        for wrong in [
            "2026-11-23T23:00:00Z",
            "2026-1-23T23-00-00Z",
            "2026-11-23T23-00-00",
            "2026-13-01T00-00-00Z",
            "x",
        ] {
            assert!(wrong.parse::<Stamp>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn keys_of_other_tools_are_not_ours() {
        for key in [
            "shop/manifest.json",
            "shop/2026-11-23T23-00-00Z/",
            "shop/2026-11-23T23-00-00Z",
            "shop/2026-11-23T23-00-00Z/a/b",
            "shop/2026-11-23/shop.sql",
            ".dumpcar/2026-11-23T23-00-00Z/x",
            "",
        ] {
            assert_eq!(BackupKey::parse(key), None, "{key}");
        }
    }

    #[test]
    fn reserved_names_are_escaped() {
        assert_eq!(database_file_stem("globals"), "%67lobals");
        assert_eq!(database_file_stem("manifest"), "%6Danifest");
        assert_eq!(database_file_stem("..a.b/ä"), "%2E.a.b%2F%C3%A4");
    }

    #[test]
    fn files_of_others_are_told_by_their_names() {
        for ours in [
            "shop.sql.xz",
            "globals.sql",
            "a%2Eb.sql.zst",
            "dump.rdb",
            "dump.tar.gz",
            "dump.dump.xz",
            DRILL,
            SIGNATURE,
        ] {
            assert!(may_be_object(ours), "{ours}");
        }
        for other in [
            "note.txt",
            "manifest.json",
            ".sql",
            "dump.",
            "dump",
            "shop.sql.xz.part",
            "x.xz",
            "shop.sql.xz.sig",
        ] {
            assert!(!may_be_object(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn every_object_has_a_name_that_is_known(database in any::<String>(), compression in "(|\\.xz|\\.zst|\\.gz)") {
            let name = format!("{}.sql{compression}", database_file_stem(&database));
            prop_assert!(database.is_empty() || may_be_object(&name), "{}", name);
            let file = format!("{}.sqlite{compression}", database_file_stem(&format!("/{database}")));
            prop_assert!(may_be_object(&file), "{}", file);
        }

        #[test]
        fn a_key_is_read_back(name in "[A-Za-z0-9][A-Za-z0-9._-]{0,40}", second in 0i64..4_102_444_800, file in "[a-z.]{1,20}") {
            let key = BackupKey {
                target: name.parse().unwrap(),
                stamp: Stamp::new(Timestamp::from_second(second).unwrap()),
            };
            let text = key.object(&file);
            prop_assert_eq!(BackupKey::parse(&text), Some((key, file.as_str())));
        }

        #[test]
        fn stamps_sort_as_their_text(a in 0i64..4_102_444_800, b in 0i64..4_102_444_800) {
            let stamp = |second| Stamp::new(Timestamp::from_second(second).unwrap());
            prop_assert_eq!(stamp(a).cmp(&stamp(b)), stamp(a).to_string().cmp(&stamp(b).to_string()));
        }

        #[test]
        fn different_databases_have_different_objects(a in any::<String>(), b in any::<String>()) {
            prop_assume!(a != b);
            prop_assert_ne!(database_file_stem(&a), database_file_stem(&b));
        }

        #[test]
        fn an_object_name_is_one_plain_segment(name in any::<String>()) {
            let stem = database_file_stem(&name);
            prop_assert!(stem.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-%".contains(&b)));
            prop_assert!(!stem.starts_with('.'));
        }
    }
}
