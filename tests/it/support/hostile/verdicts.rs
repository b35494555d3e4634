//! All that went wrong under many attacks, not only the first of it.

use super::Siege;
use crate::support::witness::Witness;
use crate::support::world::Ended;

#[derive(Default)]
pub(crate) struct Verdicts(Vec<String>);

impl Verdicts {
    pub(crate) fn expect(&mut self, what: &str, is_right: bool, seen: impl FnOnce() -> String) {
        if !is_right {
            self.0.push(format!("{what}: {}", seen().chars().take(600).collect::<String>()));
        }
    }

    /// No screen is told anything, and every line is one event.
    pub(crate) fn harmless(&mut self, what: &str, ended: &Ended, is_json: bool) {
        for (stream, text) in [("stdout", &ended.stdout), ("stderr", &ended.stderr)] {
            let raw = text.lines().find_map(|line| Some((line.find(is_raw)?, line)));
            self.expect(what, raw.is_none(), || {
                let (at, line) = raw.unwrap();
                let (before, behind) = line.split_at(at);
                let behind: String = behind.chars().take(100).collect();
                format!("raw on {stream}: {:?}", format!("{}{behind}", end_of(before, 100)))
            });
            let is_forged = text.lines().any(|line| line.starts_with("2026-11-26T00:00:00Z INFO"));
            self.expect(what, !is_forged, || format!("a forged line on {stream}"));
        }
        let is_event = |line: &&str| serde_json::from_str::<serde_json::Value>(line).is_ok();
        let other = ended.stderr.lines().find(|line| is_json && !is_event(line));
        self.expect(what, other.is_none(), || format!("no JSON: {}", other.unwrap()));
    }

    /// Docker was asked for nothing that is not Dumpcar's business.
    pub(crate) fn innocent(&mut self, what: &str, witness: &Witness, named: &[&str]) {
        let strangers = witness.strangers(named);
        self.expect(what, strangers.is_empty(), || {
            format!("{} strange requests: {strangers:?}", strangers.len())
        });
    }

    /// Runs a command in both formats of the log. It must end with one of these statuses, and neither Docker nor a screen
    /// may notice what is in the bucket. Returns the second run.
    pub(crate) async fn endure(&mut self, siege: &Siege, args: &[&str], statuses: &[i32]) -> Ended {
        self.run(siege, args, "text", statuses).await;
        self.run(siege, args, "json", statuses).await
    }

    pub(crate) async fn run(
        &mut self,
        siege: &Siege,
        args: &[&str],
        format: &str,
        statuses: &[i32],
    ) -> Ended {
        self.run_watched(siege, args, format, statuses).await.0
    }

    /// The same, and the most memory it took, in KiB.
    pub(crate) async fn run_watched(
        &mut self,
        siege: &Siege,
        args: &[&str],
        format: &str,
        statuses: &[i32],
    ) -> (Ended, u64) {
        let what = format!("{args:?} ({format})");
        let (ended, most) = siege.world.run_watched(args, format).await;
        let ended = self.ended(&what, ended);
        let is_right = statuses.contains(&ended.status);
        self.expect(&what, is_right, || format!("status {}: {}", ended.status, end_of(&ended.stderr, 500)));
        // A dump is what it is.
        if args[0] != "cat" || ended.status != 0 {
            self.harmless(&what, &ended, format == "json");
        }
        self.innocent(&what, &siege.witness, &["pg", "my", "shop"]);
        (ended, most)
    }

    /// It did end.
    pub(crate) fn ended(&mut self, what: &str, ended: Option<Ended>) -> Ended {
        self.expect(what, ended.is_some(), || "it never ended".to_owned());
        ended.unwrap_or(Ended { status: -9, stdout: String::new(), stderr: String::new() })
    }

    /// It took not much more memory than it takes without an attack; in KiB.
    pub(crate) fn cheap(&mut self, what: &str, base: u64, most: u64) {
        const MORE: u64 = 32 * 1024;
        self.expect(what, most <= base + MORE, || format!("{} MiB instead of {}", most / 1024, base / 1024));
    }

    #[track_caller]
    pub(crate) fn end(self) {
        assert!(self.0.is_empty(), "{} are wrong:\n{}", self.0.len(), self.0.join("\n"));
    }
}

/// What no terminal shall be sent: control characters, and marks that turn text around.
fn is_raw(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The last so many characters.
fn end_of(text: &str, most: usize) -> String {
    text.chars().skip(text.chars().count().saturating_sub(most)).collect()
}
