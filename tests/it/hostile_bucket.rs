/// Objects that are far too large, and records that are far too many.
mod floods;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::support::hostile::manifests::{self, Planted, Truth};
use super::support::hostile::records::{self, NONE, SOME};
use super::support::hostile::verdicts::Verdicts;
use super::support::hostile::{GOOD, NASTY, PLANTED, Siege, changes_a_server};
use super::support::world::Ended;

/// What went, and what is new or another, between two looks at the bucket.
fn changes(
    before: &BTreeMap<String, (usize, u32)>,
    after: &BTreeMap<String, (usize, u32)>,
) -> (BTreeSet<String>, BTreeSet<String>) {
    let gone = before.keys().filter(|key| !after.contains_key(*key)).cloned().collect();
    let new = after.iter().filter(|(key, content)| before.get(*key) != Some(content));
    (gone, new.map(|(key, _)| key.clone()).collect())
}

/// The keys of the good backups of `pg` from this one to that one.
fn backups(of: &[&str]) -> BTreeSet<String> {
    of.iter()
        .flat_map(|stamp| ["app.sql", "manifest.json"].map(|file| format!("pg/{stamp}/{file}")))
        .collect()
}

/// Records of runs that are over may go, once nothing of theirs is left.
fn without_swept(mut gone: BTreeSet<String>) -> BTreeSet<String> {
    gone.retain(|key| !SOME.map(records::key).any(|record| record == *key));
    gone
}

fn json(ended: &Ended) -> Vec<serde_json::Value> {
    super::support::world::rows(&ended.stdout)
}

/// Everything that only reads.
#[tokio::test]
async fn what_only_reads_changes_nothing_and_tells_the_truth() {
    let planted = manifests::all();
    let siege = Siege::laid(&planted).await;
    let (before, mut verdicts) = (siege.contents(), Verdicts::default());
    for (args, statuses) in [
        (&["list"][..], &[0][..]),
        (&["list", "pg"], &[0]),
        (&["list", "--json"], &[0]),
        (&["verify"], &[1, 3]),
        (&["verify", "pg", "--all"], &[1, 3]),
        (&["verify", "--all", "--json"], &[1, 3]),
        (&["prune", "--dry-run"], &[0, 3]),
        (&["config"], &[0]),
        (&["config", "--json"], &[0]),
        (&["policy"], &[0]),
        (&["cat", "nobody"], &[4]),
        (&["restore", "nobody", "--yes"], &[4]),
        (&["drill", "nobody"], &[4]),
    ] {
        verdicts.endure(&siege, args, statuses).await;
        verdicts.unchanged(&format!("{args:?}"), &before, &siege);
    }
    verdicts.end();
}

/// `list` and `verify` see the same, and it is what there is.
#[tokio::test]
async fn every_planted_manifest_is_what_it_is() {
    let planted = manifests::all();
    let siege = Siege::laid(&planted).await;
    let mut verdicts = Verdicts::default();
    let state_of = |rows: &[serde_json::Value], target: &str| {
        let row = rows.iter().find(|row| row["target"] == target && row["backup"] == PLANTED);
        row.map_or_else(
            || "not shown".to_owned(),
            |row| row["state"].as_str().unwrap_or("not read").to_owned(),
        )
    };
    let listed = json(&verdicts.run(&siege, &["list", "--json"], "json", &[0]).await);
    let verified = json(&verdicts.run(&siege, &["verify", "--all", "--json"], "json", &[3]).await);
    for one in &planted {
        let (listed, verified) = (state_of(&listed, &one.target()), state_of(&verified, &one.target()));
        let is_right = match one.truth {
            Truth::Unreadable => listed == "unreadable" && verified == "unreadable",
            Truth::Incomplete => listed == "incomplete" && !["ok", "not shown"].contains(&verified.as_str()),
            Truth::Refused => listed != "not shown" && verified != "not shown",
            Truth::Strange => listed != "not shown" && verified != "not shown",
        };
        verdicts.expect(&one.name, is_right, || {
            format!("{:?}, listed as {listed}, verified as {verified}", one.truth)
        });
    }
    // Every one of those says why.
    for row in listed.iter().filter(|row| row["state"] == "unreadable" || row["state"] == "incomplete") {
        let is_told = row["reason"].as_str().is_some_and(|reason| !reason.is_empty());
        verdicts.expect("list", is_told, || format!("no reason: {row}"));
    }
    let listed = json(&verdicts.run(&siege, &["list", "pg", "--json"], "json", &[0]).await);
    for stamp in GOOD {
        let row = listed.iter().find(|row| row["backup"] == stamp).unwrap();
        verdicts.expect(stamp, row["state"] == "good", || format!("its neighbours are bad, and it is {row}"));
    }
    verdicts.end();
}

#[tokio::test]
async fn backups_are_made_and_only_good_ones_count() {
    let planted = manifests::all();
    let siege = Siege::laid(&planted).await;
    let (incomplete, mut verdicts) = (Siege::incomplete(&planted), Verdicts::default());
    // Each is two runs, and three backups are kept.
    for (args, gone) in [(&["backup"][..], &GOOD[..4]), (&["backup", "pg"], &GOOD[4..])] {
        let before = siege.contents();
        let ended = verdicts.endure(&siege, args, &[0, 3]).await;
        let what = format!("{args:?}");
        verdicts.expect(&what, !ended.logged("backup committed").is_empty(), || ended.stderr.clone());
        let (went, new) = changes(&before, &siege.contents());
        let (went, old) = (without_swept(went), backups(gone));
        // Of those that are incomplete, the newest three stay.
        let may_go = |key: &str| is_of_a_new_backup(key) || incomplete.contains(key);
        let lost: Vec<_> = went.iter().filter(|key| !may_go(key) && !old.contains(*key)).collect();
        verdicts.expect(&what, lost.is_empty(), || format!("deleted {lost:?}"));
        let kept: Vec<_> = old.difference(&went).collect();
        verdicts.expect(&what, kept.is_empty(), || format!("not deleted {kept:?}"));
        let made: Vec<_> = new.iter().filter(|key| !is_of_a_new_backup(key)).collect();
        verdicts.expect(&what, made.is_empty(), || format!("written {made:?}"));
        verdicts.named(&what, &ended);
    }
    verdicts.end();
}

fn manifests_of(keys: &BTreeSet<String>) -> usize {
    keys.iter().filter(|key| key.ends_with("/manifest.json")).count()
}

/// None of those that are planted has so late a date.
fn is_of_a_new_backup(key: &str) -> bool {
    key.split('/').nth(1).is_some_and(|stamp| stamp > "2026-11-25")
}

impl Verdicts {
    /// Every record that is none is named in a warning; an empty one says that its run has ended.
    fn named(&mut self, what: &str, ended: &Ended) {
        let warnings: Vec<&str> = ended.stderr.lines().filter(|line| line.contains("\"WARN\"")).collect();
        let planted = NONE.map(records::run_id).zip(records::nonsense());
        let planted = planted.filter(|(_, content)| !content.is_empty()).map(|(run, _)| run);
        let missing: Vec<String> =
            planted.filter(|run| !warnings.iter().any(|warning| warning.contains(run.as_str()))).collect();
        self.expect(what, missing.is_empty(), || {
            format!("{} records are not named: {missing:?}", missing.len())
        });
    }

    fn unchanged(&mut self, what: &str, before: &BTreeMap<String, (usize, u32)>, siege: &Siege) {
        let changes = changes(before, &siege.contents());
        self.expect(what, changes == Default::default(), || format!("gone and new: {changes:?}"));
    }
}

#[tokio::test]
async fn pruning_deletes_the_old_good_ones_and_nothing_else() {
    let planted = manifests::all();
    let siege = Siege::laid(&planted).await;
    let (before, mut verdicts) = (siege.contents(), Verdicts::default());
    verdicts.endure(&siege, &["prune"], &[0, 3]).await;
    let (gone, new) = changes(&before, &siege.contents());
    let incomplete = Siege::incomplete(&planted);
    let old: BTreeSet<String> = gone.intersection(&incomplete).cloned().collect();
    let left = manifests_of(&incomplete) - manifests_of(&old);
    verdicts.expect("prune", left == 3, || format!("{left} incomplete ones are left"));
    let gone: BTreeSet<String> = gone.difference(&incomplete).cloned().collect();
    let (gone, wanted) = (without_swept(gone), backups(&GOOD[..2]));
    verdicts.expect("prune", gone == wanted && new.is_empty(), || {
        let (more, less) = (gone.difference(&wanted), wanted.difference(&gone));
        format!("deleted {:?}, kept {:?}, new {new:?}", more.collect::<Vec<_>>(), less.collect::<Vec<_>>())
    });
    verdicts.end();
}

#[tokio::test]
async fn nothing_is_read_back_from_what_is_no_backup() {
    let planted = manifests::all();
    let siege = Siege::laid(&planted).await;
    let (before, mut verdicts) = (siege.contents(), Verdicts::default());
    for (one, format) in planted.iter().zip(["json", "text"].into_iter().cycle()) {
        // What may be a backup may be read; restoring it is another thing.
        let statuses: &[i32] = if one.is_plainly_bad() { &[1, 4] } else { &[0, 1, 4] };
        verdicts.run(&siege, &["cat", &one.target()], format, statuses).await;
    }
    verdicts.unchanged("cat", &before, &siege);
    verdicts.end();
}

/// Into which container it would go.
fn destination(one: &Planted) -> &'static str {
    match one.name.as_str() {
        "command" => "shop",
        name if name.starts_with("system-") && !name.contains("template") => "my",
        _ => "pg",
    }
}

#[tokio::test]
async fn nothing_is_restored_from_what_is_no_backup() {
    let planted = manifests::all();
    let siege = Siege::laid(&planted).await;
    let (before, mut verdicts) = (siege.contents(), Verdicts::default());
    for one in &planted {
        let (target, to) = (one.target(), destination(one));
        let ways: &[&[&str]] = &[
            &["restore", &target, "--to", to, "--yes"],
            &["restore", &target, "--to", to, "--yes", "--as", "another"],
        ];
        // Under another name a system schema is a database like any.
        let ways = if one.name.starts_with("system-") { &ways[..1] } else { ways };
        for (args, format) in ways.iter().zip(["json", "text"]) {
            let first = siege.world.docker.execs().len();
            // An incomplete one fails where it lacks something, in databases that nobody uses yet.
            let statuses: &[i32] = if one.truth == Truth::Strange { &[0, 1, 4] } else { &[1, 4] };
            verdicts.run(&siege, args, format, statuses).await;
            let execs = siege.world.docker.execs();
            let is_changed = execs[first..].iter().any(|exec| changes_a_server(&exec.request));
            let is_right = !is_changed || matches!(one.truth, Truth::Strange | Truth::Incomplete);
            verdicts.expect(&format!("{args:?}"), is_right, || "the server was changed".to_owned());
        }
    }
    // The records of the restores have gone again.
    verdicts.unchanged("restore", &before, &siege);
    verdicts.end();
}

#[tokio::test]
async fn a_drill_of_everything_asks_only_for_what_a_drill_needs() {
    let planted = manifests::all();
    let siege = Siege::laid(&planted).await;
    let (before, mut verdicts) = (siege.contents(), Verdicts::default());
    verdicts.run(&siege, &["drill"], "json", &[1, 3]).await;
    let (gone, new) = changes(&before, &siege.contents());
    verdicts.expect("drill", gone.is_empty(), || format!("deleted {gone:?}"));
    // What is not even a manifest is not tried, so there is nothing to write beside it.
    let is_none = |one: &&Planted| one.truth == Truth::Unreadable;
    let bad: Vec<_> = planted.iter().filter(is_none).map(Planted::target).collect();
    let told: Vec<_> =
        new.iter().filter(|key| bad.iter().any(|target| key.starts_with(&format!("{target}/")))).collect();
    verdicts.expect("drill", told.is_empty(), || format!("results of what is no backup: {told:?}"));
    let is_theirs =
        siege.world.docker.execs().iter().any(|exec| exec.request.snippet().contains("planted-command"));
    verdicts.expect("drill", !is_theirs, || "a stranger's command was run".to_owned());
    verdicts.end();
}

#[tokio::test]
async fn a_daemon_starts_and_leaves_everything_as_it_is() {
    let siege = Siege::laid(&manifests::all()).await;
    let (before, mut verdicts) = (siege.contents(), Verdicts::default());
    for format in ["json", "text"] {
        let world = &siege.world;
        let daemon = world.daemon_with(&[("DUMPCAR_LOG_FORMAT", format), ("DUMPCAR_CATCH_UP", "false")]);
        daemon.contains("planned", 2).await;
        // It looks at the records of all targets, these last.
        let last = records::key(SOME.start);
        let is_read = || world.s3.asked().iter().filter(|asked| asked.key().ends_with(&last)).count() > 0;
        super::support::world::until("the records are read", is_read).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let ended = daemon.stop().await;
        let what = format!("the daemon ({format})");
        verdicts.expect(&what, ended.status == 0, || format!("{} {}", ended.status, ended.stderr));
        verdicts.harmless(&what, &ended, format == "json");
        verdicts.innocent(&what, &siege.witness, &[]);
        if format == "json" {
            verdicts.named(&what, &ended);
        }
        let (gone, new) = changes(&before, &siege.contents());
        let gone = without_swept(gone);
        verdicts.expect(&what, gone.is_empty() && new.is_empty(), || format!("gone {gone:?}, new {new:?}"));
    }
    verdicts.end();
}

/// What drills are said to have found.
#[tokio::test]
async fn a_drill_result_from_nobody_is_none() {
    let siege = Siege::quiet().await;
    let good = serde_json::json!({
        "version": 1, "at": "2026-11-23T23:30:00Z", "instance": "a", "image_id": "x", "seconds": 1.5, "databases": 1,
        "tables": 1, "rows": 1,
    });
    let mut contents: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"null".to_vec(),
        b"\xff\xfe".to_vec(),
        vec![b'['; 200_000],
        b"{\"version\":".repeat(20_000),
    ];
    for (field, value) in [
        ("version", serde_json::json!(2)),
        ("version", serde_json::json!(-1)),
        ("at", NASTY.into()),
        ("at", "9999-12-31T23:59:59Z".into()),
        ("at", "-009999-01-02T01:59:59Z".into()),
        ("instance", NASTY.into()),
        ("instance", "x".repeat(1_000_000).into()),
        ("image_id", NASTY.into()),
        ("problem", NASTY.into()),
        ("problem", "x".repeat(1_000_000).into()),
        ("seconds", serde_json::json!(1e308)),
        ("seconds", serde_json::json!(-1e308)),
        ("databases", u64::MAX.into()),
        ("rows", serde_json::json!(-1)),
        ("rows", "many".into()),
    ] {
        let mut result = good.clone();
        result[field] = value;
        contents.push(result.to_string().into_bytes());
    }
    for (number, content) in contents.iter().enumerate() {
        let (target, object) = (format!("d-{number}"), super::support::hostile::good_object());
        siege.world.store_backup(&target, PLANTED, "postgresql", &[object]);
        siege.world.write(&format!("{target}/{PLANTED}/drill.json"), content);
    }
    let (before, mut verdicts) = (siege.contents(), Verdicts::default());
    for args in [&["list"][..], &["list", "--json"], &["list", "d-1"], &["verify"], &["prune", "--dry-run"]] {
        let ended = verdicts.endure(&siege, args, &[0]).await;
        let what = format!("{args:?}");
        if args == ["list"] {
            let missing: Vec<_> = (0..contents.len())
                .filter(|number| !ended.stdout.contains(&format!("d-{number} ")))
                .collect();
            verdicts.expect(&what, missing.is_empty(), || format!("not listed: {missing:?}"));
        }
        verdicts.expect(&what, ended.stdout.len() < 200_000, || format!("{} bytes", ended.stdout.len()));
        verdicts.unchanged(&what, &before, &siege);
    }
    verdicts.end();
}
