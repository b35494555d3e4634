//! What a drill found.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::content::{Difference, Object};
use super::id::ImageId;
use super::key::{BackupKey, Stamp};
use super::line::{Line, Name};
use super::target::TargetName;

/// The format this version writes. A higher one is left to whoever understands it.
const VERSION: u32 = 1;

/// More than a drill ever tells of one database.
const MOST_DIFFERENCES: usize = 16;

/// More remarks than these are counted.
const MOST_REMARKS: usize = 40;

/// The content of `drill.json`, beside the manifest of the backup that was restored.
///
/// A drill executes what is in the bucket, and this file goes back there. So it has no text that a tool printed: whoever
/// writes a backup into the bucket could otherwise read here what his dump has found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrillResult {
    /// [`VERSION`] when written.
    version: u32,
    /// The backup it is about.
    target: TargetName,
    stamp: Stamp,
    /// When it was done.
    pub at: Timestamp,
    /// Who did it: `DUMPCAR_INSTANCE`.
    pub instance: Line,
    /// The image of the server it was restored into.
    pub image_id: ImageId,
    /// From the start of the server to the last comparison.
    pub seconds: f64,
    /// Databases that were restored and compared.
    pub databases: u64,
    pub tables: u64,
    pub rows: u64,
    /// What is to be known of a backup that is good.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<Remark>,
    /// Why the backup is not good; absent when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// What a drill says of a backup, in the words that every report has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Ok,
    /// All of it came back, and so much is printed differently.
    Remarks(u64),
    /// The server refused something of it, or something else came back.
    Failed,
    /// The drill itself could not be done: that says nothing about the backup.
    Inconclusive,
}

impl Verdict {
    /// For programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok | Self::Remarks(_) => "ok",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
        }
    }

    pub fn is_good(self) -> bool {
        matches!(self, Self::Ok | Self::Remarks(_))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remarks(0) | Self::Ok => f.write_str("ok"),
            Self::Remarks(1) => f.write_str("ok, 1 remark"),
            Self::Remarks(number) => write!(f, "ok, {number} remarks"),
            Self::Failed => f.write_str("FAILED"),
            Self::Inconclusive => f.write_str("inconclusive"),
        }
    }
}

/// Why a backup is not good. Its names are the manifest's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Problem {
    /// There is nothing in it to restore.
    Empty {},
    /// The bucket does not have the object.
    Missing { object: Name },
    /// The object is not what the manifest says.
    Damaged { object: Name },
    /// The server, or the restore command, refused something of the object.
    LoadFailed { object: Name },
    /// The server refused to give the restored databases their names.
    SwapFailed {},
    /// The restored database cannot be dumped again.
    DumpFailed { database: Name },
    /// The restored database has another content.
    Content { database: Name, differences: Vec<Difference> },
    /// The query of the label failed.
    QueryFailed {},
    /// The query of the label has another answer than the label expects.
    Query {},
}

/// Something that is no problem. Its names are the manifest's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Remark {
    /// The server prints the restored object in another way, and always in this one from then on: it means the same.
    PrintedDifferently { database: Name, object: Object },
    /// Remarks beyond [`MOST_REMARKS`].
    More { remarks: u64 },
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PrintedDifferently { database, object } => {
                write!(f, "database {:?}: {object} is printed differently and means the same", &**database)
            }
            Self::More { remarks } => write!(f, "and {remarks} more"),
        }
    }
}

impl fmt::Display for Problem {
    /// The kind only: names out of the bucket are for JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty {} => "nothing to restore",
            Self::Missing { .. } => "object missing",
            Self::Damaged { .. } => "object damaged",
            Self::LoadFailed { .. } => "does not load",
            Self::SwapFailed {} => "cannot be put in place",
            Self::DumpFailed { .. } => "cannot be dumped again",
            Self::Content { .. } => "content differs",
            Self::QueryFailed {} => "query failed",
            Self::Query {} => "wrong answer",
        })
    }
}

impl DrillResult {
    /// A drill that has found nothing yet.
    pub fn new(key: &BackupKey, at: Timestamp, instance: &str, image_id: &ImageId) -> Self {
        Self {
            version: VERSION,
            target: key.target.clone(),
            stamp: key.stamp,
            at,
            instance: Line::clean(instance),
            image_id: image_id.clone(),
            seconds: 0.0,
            databases: 0,
            tables: 0,
            rows: 0,
            remarks: Vec::new(),
            problem: None,
        }
    }

    /// The backup it is about.
    pub fn backup(&self) -> Stamp {
        self.stamp
    }

    /// Adds a remark, as far as there is room for it.
    pub fn remark(&mut self, remark: Remark) {
        let is_full = self.remarks.len() >= MOST_REMARKS;
        match self.remarks.last_mut() {
            Some(Remark::More { remarks }) => *remarks = remarks.saturating_add(1),
            _ if is_full => self.remarks.push(Remark::More { remarks: 1 }),
            _ => self.remarks.push(remark),
        }
    }

    /// How many remarks there are.
    fn count_remarks(&self) -> u64 {
        let count = |remark: &Remark| match remark {
            Remark::More { remarks } => *remarks,
            Remark::PrintedDifferently { .. } => 1,
        };
        self.remarks.iter().map(count).fold(0, u64::saturating_add)
    }

    pub fn verdict(&self) -> Verdict {
        match (&self.problem, self.count_remarks()) {
            (Some(_), _) => Verdict::Failed,
            (None, 0) => Verdict::Ok,
            (None, remarks) => Verdict::Remarks(remarks),
        }
    }

    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("a result has only string keys");
        json.push(b'\n');
        json
    }

    /// `None` when it is none of this backup, or one that only a newer Dumpcar understands.
    pub fn from_json(json: &[u8], key: &BackupKey) -> Option<Self> {
        let result: Self = serde_json::from_slice(json).ok()?;
        let is_small = match &result.problem {
            Some(Problem::Content { differences, .. }) => differences.len() <= MOST_DIFFERENCES,
            Some(_) | None => true,
        };
        let is_of_this = result.target == key.target && result.stamp == key.stamp;
        let is_small = is_small && result.remarks.len() <= MOST_REMARKS + 1;
        (result.version <= VERSION && is_of_this && is_small).then_some(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> BackupKey {
        BackupKey { target: "shop".parse().unwrap(), stamp: "2026-11-23T23-00-00Z".parse().unwrap() }
    }

    fn good() -> DrillResult {
        let at = "2026-11-23T23:30:00Z".parse().unwrap();
        DrillResult {
            databases: 2,
            tables: 3,
            rows: 4,
            seconds: 1.5,
            ..DrillResult::new(&key(), at, "host-a", &format!("sha256:{}", "0a".repeat(32)).parse().unwrap())
        }
    }

    fn object(kind: &str, name: &str) -> Object {
        serde_json::from_value(serde_json::json!({ "type": kind, "name": name })).unwrap()
    }

    fn json(result: &DrillResult) -> String {
        String::from_utf8(result.to_json()).unwrap()
    }

    /// The bucket outlives the program.
    #[test]
    fn version_1_stays_what_it_is() {
        insta::assert_snapshot!(json(&good()), @r#"
        {
          "version": 1,
          "target": "shop",
          "stamp": "2026-11-23T23-00-00Z",
          "at": "2026-11-23T23:30:00Z",
          "instance": "host-a",
          "image_id": "sha256:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a",
          "seconds": 1.5,
          "databases": 2,
          "tables": 3,
          "rows": 4
        }
        "#);
        let name = Name::clean;
        let differences = vec![
            Difference::TableMissing { table: name("a") },
            Difference::Rows { table: name("b"), expected: 2, found: 1 },
            Difference::More { differences: 7 },
            Difference::TablesUnexpected { tables: 2, first: String::new() },
            Difference::Tables { expected: 2, found: 1 },
            Difference::RowsTotal { expected: 2, found: 1 },
            Difference::Values { table: name("b") },
            Difference::ValuesTotal,
            Difference::ObjectMissing { object: object("index", "a_b_idx on a") },
            Difference::ObjectDiffers { object: object("view", "v") },
            Difference::OwnerDiffers { object: object("table", "a") },
            Difference::ObjectsUnexpected { objects: 3, first: String::new() },
            Difference::Objects { objects: "index".parse().unwrap(), expected: 2, found: 1 },
            Difference::ObjectsDiffer { objects: "index".parse().unwrap() },
        ];
        let problems = [
            Problem::Empty {},
            Problem::Missing { object: name("shop.sql.xz") },
            Problem::Damaged { object: name("shop.sql.xz") },
            Problem::LoadFailed { object: name("shop.sql.xz") },
            Problem::SwapFailed {},
            Problem::DumpFailed { database: name("shop") },
            Problem::Content { database: name("shop"), differences },
            Problem::QueryFailed {},
            Problem::Query {},
        ];
        let mut all = String::new();
        for problem in problems {
            all += &serde_json::to_string(&problem).unwrap();
            all.push('\n');
            let bad = DrillResult { problem: Some(problem), ..good() };
            assert_eq!(DrillResult::from_json(&bad.to_json(), &key()), Some(bad));
        }
        insta::assert_snapshot!(all, @r#"
        {"kind":"empty"}
        {"kind":"missing","object":"shop.sql.xz"}
        {"kind":"damaged","object":"shop.sql.xz"}
        {"kind":"load_failed","object":"shop.sql.xz"}
        {"kind":"swap_failed"}
        {"kind":"dump_failed","database":"shop"}
        {"kind":"content","database":"shop","differences":[{"kind":"table_missing","table":"a"},{"kind":"rows","table":"b","expected":2,"found":1},{"kind":"more","differences":7},{"kind":"tables_unexpected","tables":2},{"kind":"tables","expected":2,"found":1},{"kind":"rows_total","expected":2,"found":1},{"kind":"values","table":"b"},{"kind":"values_total"},{"kind":"object_missing","object":{"type":"index","name":"a_b_idx on a"}},{"kind":"object_differs","object":{"type":"view","name":"v"}},{"kind":"owner_differs","object":{"type":"table","name":"a"}},{"kind":"objects_unexpected","objects":3},{"kind":"objects","objects":"index","expected":2,"found":1},{"kind":"objects_differ","objects":"index"}]}
        {"kind":"query_failed"}
        {"kind":"query"}
        "#);
    }

    #[test]
    fn a_verdict_has_one_word_everywhere() {
        let verdicts =
            [Verdict::Ok, Verdict::Remarks(1), Verdict::Remarks(2), Verdict::Failed, Verdict::Inconclusive];
        let words = verdicts.map(|verdict| format!("{verdict} = {}", verdict.word()));
        insta::assert_snapshot!(words.join(" | "), @"ok = ok | ok, 1 remark = ok | ok, 2 remarks = ok | FAILED = failed | inconclusive = inconclusive");
        assert_eq!(good().verdict(), Verdict::Ok);
        assert_eq!(DrillResult { problem: Some(Problem::Query {}), ..good() }.verdict(), Verdict::Failed);
    }

    #[test]
    fn remarks_are_bounded_and_counted() {
        let mut result = good();
        assert_eq!(result.verdict(), Verdict::Ok);
        for count in 1..=MOST_REMARKS + 3 {
            let object = object("check constraint", &format!("c{count} on orders"));
            result.remark(Remark::PrintedDifferently { database: Name::clean("shop"), object });
        }
        assert_eq!(result.verdict(), Verdict::Remarks(MOST_REMARKS as u64 + 3));
        assert_eq!(
            result.remarks[0].to_string(),
            r#"database "shop": check constraint c1 on orders is printed differently and means the same"#
        );
        assert_eq!(result.remarks.last(), Some(&Remark::More { remarks: 3 }));
        assert_eq!(
            serde_json::to_string(&result.remarks[0]).unwrap(),
            r#"{"kind":"printed_differently","database":"shop","object":{"type":"check constraint","name":"c1 on orders"}}"#
        );
        assert_eq!(DrillResult::from_json(&result.to_json(), &key()), Some(result.clone()));
        result.remarks.push(Remark::More { remarks: 1 });
        assert_eq!(DrillResult::from_json(&result.to_json(), &key()), None);
        result.problem = Some(Problem::Query {});
        assert_eq!(result.verdict(), Verdict::Failed);
    }

    #[test]
    fn a_result_that_is_not_of_this_backup_or_not_understood_is_none() {
        let read = |json: &str| DrillResult::from_json(json.as_bytes(), &key());
        let good_json = json(&good());
        assert_eq!(read(&good_json), Some(good()));
        let bad = DrillResult { problem: Some(Problem::Query {}), ..good() };
        let bad_json = json(&bad);
        for (from, to) in [
            ("\"version\": 1", "\"version\": 2"),
            ("\"shop\"", "\"blog\""),
            ("T23-00-00Z", "T23-00-01Z"),
            ("\"host-a\"", &format!("{:?}", "a".repeat(2000))),
            ("{\n    \"kind\": \"query\"\n  }", "\"ERROR: a tool said this\""),
            ("\"query\"", "\"of_a_newer_version\""),
        ] {
            let changed = bad_json.replace(from, to);
            assert_ne!(changed, bad_json, "{from}");
            assert_eq!(read(&changed), None, "{changed}");
        }
        let many = vec![Difference::ValuesTotal; MOST_DIFFERENCES + 1];
        let many = Problem::Content { database: Name::clean("shop"), differences: many };
        assert_eq!(read(&json(&DrillResult { problem: Some(many), ..good() })), None);
        assert_eq!(read("{}"), None);
    }
}
