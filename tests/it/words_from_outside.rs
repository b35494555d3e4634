use serde_json::{Value, json};

use super::support::docker::{ExecRequest, Script, Step};
use super::support::stored::{Object, manifest};
use super::support::world::{Ended, World};

const STAMP: &str = "2026-01-02T23-00-00Z";

/// The title of a window, a colour, C1, DEL, a line of a log, a line separator, and a mark that turns text around.
const HOSTILE: &str = "x\u{1b}]0;TITLE\u{7}\u{1b}[31m\u{9b}31m\u{7f}\r\n2026-11-26T00:00:00.000+00:00  INFO backup committed \
                       target=wiki FAKE\u{2028}\u{202e}\u{2066}\u{200f}y";

const FORMATS: [&str; 2] = ["text", "json"];

/// A hook that fails with these words, and one whose output has no trailer.
fn play(exec: &ExecRequest) -> Script {
    match exec.snippet() {
        snippet if snippet.contains("freeze") => {
            Script::plays(vec![Step::Stderr(HOSTILE.as_bytes().into()), Step::Trailer(9)], Some(9))
        }
        snippet if snippet.contains("cut-it") => {
            Script::plays(vec![Step::Stderr(HOSTILE.as_bytes().into())], Some(0))
        }
        _ => Script::ends(b"-- a dump\n", 0),
    }
}

/// Nothing acts on a terminal; `events` are as many lines of the log, each of them begun by the program itself.
#[track_caller]
fn assert_tame(what: &str, ended: &Ended, events: usize) {
    for text in [&ended.stdout, &ended.stderr] {
        let acts = |c: char| c != '\n' && (c.is_control() || "\u{2028}\u{202e}\u{2066}\u{200f}".contains(c));
        assert!(!text.contains(acts), "{what}: {text:?}");
    }
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), events, "{what}: {}", ended.stderr);
    assert!(!lines.iter().any(|line| line.starts_with("2026-11-26T00:00:00")), "{what}: {}", ended.stderr);
    assert!(ended.stderr.contains("FAKE"), "{what} says it, escaped: {}", ended.stderr);
}

#[tokio::test]
async fn what_a_container_says_or_is_labelled_stays_in_its_line() {
    for format in FORMATS {
        for (what, labels) in [
            (
                "a hook",
                json!({ "dumpcar.enable": "true", "dumpcar.command": "dump-it", "dumpcar.before": "freeze" }),
            ),
            ("no trailer", json!({ "dumpcar.enable": "true", "dumpcar.command": "cut-it" })),
            ("a label", json!({ "dumpcar.enable": "true", format!("dumpcar.{HOSTILE}"): "1" })),
        ] {
            let world = World::new(play).await.set("DUMPCAR_LOG_FORMAT", format);
            world.docker.container("shop", labels, &[]);
            let ended = world.run(&["backup"]).await;
            assert_eq!(ended.status, 1, "{what}: {}", ended.stderr);
            assert_tame(&format!("{what}, {format}"), &ended, 1);
        }
    }
}

#[tokio::test]
async fn what_a_manifest_says_stays_in_its_line() {
    for format in FORMATS {
        let world = World::new(play).await.set("DUMPCAR_LOG_FORMAT", format);
        let object = Object::dump(b"-- a dump\n");
        world.store_backup("shop", STAMP, "custom", std::slice::from_ref(&object));
        let mut manifest = manifest("shop", STAMP, "custom", &[object]);
        manifest["suspicious"] = HOSTILE.into();
        world.write(&format!("shop/{STAMP}/manifest.json"), manifest.to_string().as_bytes());
        let ended = world.run(&["cat", "shop"]).await;
        assert_eq!((ended.status, ended.stdout.as_str()), (0, "-- a dump\n"), "{}", ended.stderr);
        assert_tame(&format!("cat, {format}"), &ended, 1);
        let ended = world.run(&["list"]).await;
        assert!(ended.stdout.lines().count() == 2 && ended.stdout.contains("FAKE"), "{:?}", ended.stdout);
        assert!(!ended.stdout.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')));
        let ended = world.run(&["list", "--json"]).await;
        assert!(!ended.stdout.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')));
        let rows: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(rows[0]["reason"], HOSTILE, "it is the same value");
    }
}
