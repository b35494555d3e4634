use std::time::{Duration, Instant};

use crate::support::hostile::records::{self, NONE};
use crate::support::hostile::verdicts::Verdicts;
use crate::support::hostile::{GOOD, Siege, manifests};
use crate::support::peak::Peak;
use crate::support::s3::Asked;

/// Objects of 70 MB where a few KB are expected.
#[tokio::test]
async fn giants_cost_no_memory() {
    let (quiet, siege) =
        (Siege::quiet().await, Siege::laid(&[manifests::giant(), manifests::giant_text()]).await);
    siege.world.write(&records::key(NONE.end - 1), &padded(&records::record(NONE.end - 1).to_string()));
    let result = r#"{"version":1,"at":"2026-11-23T23:30:00Z","instance":"a","image_id":"x","seconds":1,"databases":1,"tables":1,"rows":1}"#;
    siege.world.write(&format!("pg/{}/drill.json", GOOD[4]), &padded(result));
    let mut verdicts = Verdicts::default();
    for args in [
        &["list"][..],
        &["list", "pg"],
        &["list", "--json"],
        &["cat", "pg"],
        &["cat", "e-giant"],
        &["verify"],
        &["verify", "--all"],
        &["prune", "--dry-run"],
        &["restore", "e-giant", "--to", "pg", "--yes"],
        &["drill", "e-giant-text"],
        &["prune"],
        &["backup"],
        &["config"],
    ] {
        let (_, base) = quiet.world.run_watched(args, "json").await;
        let (_, most) = verdicts.run_watched(&siege, args, "json", &[0, 1, 3, 4]).await;
        verdicts.cheap(&format!("{args:?}"), base, most);
    }
    let peak_of = async |siege: &Siege| {
        let daemon = siege.world.daemon();
        let peak = Peak::of(daemon.pid());
        daemon.logs("planned", 2).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let most = peak.so_far();
        assert_eq!(daemon.stop().await.status, 0);
        most
    };
    let (base, most) = (peak_of(&quiet).await, peak_of(&siege).await);
    verdicts.cheap("the daemon", base, most);
    verdicts.end();
}

fn padded(json: &str) -> Vec<u8> {
    let mut content = vec![b' '; 70_000_000];
    content.extend_from_slice(json.as_bytes());
    content
}

/// Two thousand records cost a backup neither its night nor its log.
#[tokio::test]
async fn a_flood_of_records_is_neither_slow_nor_quiet() {
    const FLOOD: u32 = 2_000;
    let siege = Siege::quiet().await;
    for number in 0..FLOOD {
        let mut record = records::record(number);
        record["holder"]["boot"] = "another kernel".into();
        siege.world.write(&records::key(number), record.to_string().as_bytes());
    }
    let (started, mut verdicts) = (Instant::now(), Verdicts::default());
    let ended = verdicts.run(&siege, &["backup", "pg"], "json", &[0]).await;
    let elapsed = started.elapsed();
    verdicts.expect("backup", !ended.logged("backup committed").is_empty(), || ended.stderr.clone());
    let is_told = ended.stderr.lines().any(|line| line.contains("\"WARN\"") && line.contains("record"));
    verdicts.expect("backup", is_told, || "nobody is told".to_owned());
    let lines = ended.stderr.lines().count();
    verdicts.expect("backup", lines < 100, || format!("{lines} lines"));
    let is_read = |asked: &&Asked| asked.is_of_a_record() && asked.method == "GET";
    let reads = siege.world.s3.asked().iter().filter(is_read).count();
    verdicts.expect("backup", elapsed < Duration::from_secs(10), || format!("{elapsed:?} for {reads} reads"));
    verdicts.end();
}
