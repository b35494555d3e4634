//! What the bucket has, as a table or as JSON.

use jiff::Timestamp;
use serde::Serialize;

use crate::model::key::Stamp;
use crate::model::target::TargetName;
use crate::store::Catalog;
use crate::text::{Table, bytes, span};

/// One backup in the listing.
#[derive(Debug, Serialize)]
pub struct Row {
    pub target: TargetName,
    pub backup: Stamp,
    pub age_seconds: i64,
    pub objects: u32,
    pub stored_bytes: u64,
}

/// The backups of `targets` (all, when there are none), each target's newest first.
pub fn rows(catalog: &Catalog, targets: &[TargetName], now: Timestamp) -> Vec<Row> {
    catalog
        .targets()
        .filter(|target| targets.is_empty() || targets.contains(target))
        .flat_map(|target| catalog.backups(target))
        .map(|backup| Row {
            age_seconds: now.as_second() - backup.key.stamp.timestamp().as_second(),
            target: backup.key.target,
            backup: backup.key.stamp,
            objects: backup.objects,
            stored_bytes: backup.bytes,
        })
        .collect()
}

/// The rows for people.
pub fn table(rows: &[Row]) -> String {
    let mut table = Table::new(["TARGET", "BACKUP", "AGE", "OBJECTS", "SIZE"]);
    for row in rows {
        table.push([
            row.target.to_string(),
            row.backup.to_string(),
            span(row.age_seconds),
            row.objects.to_string(),
            bytes(row.stored_bytes),
        ]);
    }
    table.to_string()
}
