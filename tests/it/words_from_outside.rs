use dumpcar::model::key::database_file_stem;
use serde_json::json;

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
        // A database may be called so; nothing else in a manifest may have such characters.
        let object =
            Object::database(&database_file_stem(HOSTILE), "none", b"-- a dump\n").says("database", HOSTILE);
        world.store_backup("shop", STAMP, "postgresql", std::slice::from_ref(&object));
        let ended = world.run(&["cat", "shop", "--database", "other"]).await;
        assert_eq!((ended.status, ended.stdout.as_str()), (4, ""), "{}", ended.stderr);
        assert_tame(&format!("cat, {format}"), &ended, 1);
        let mut manifest = manifest("shop", STAMP, "postgresql", &[object]);
        manifest["suspicious"] = HOSTILE.into();
        world.write(&format!("shop/{STAMP}/manifest.json"), manifest.to_string().as_bytes());
        for args in [&["list"][..], &["list", "--json"], &["verify"], &["verify", "--json"], &["cat", "shop"]]
        {
            let ended = world.run(args).await;
            for text in [&ended.stdout, &ended.stderr] {
                assert!(
                    !text.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')),
                    "{args:?}: {text:?}"
                );
            }
        }
    }
}
