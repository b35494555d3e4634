use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::support::docker::{Container, holds_within, tools, until};

const END: &str = include_str!("../../src/docker/end.sh");
const FEED: &str = include_str!("../../src/docker/feed.sh");
const LEFTOVER: &str = include_str!("../../src/docker/leftover.sh");

const SHELLS: [&str; 3] = ["/bin/dash", "/bin/bash", "/bin/busybox"];

/// What an end may take on a machine that does something else at the same time: four rounds of a second.
const SOON: Duration = Duration::from_secs(12);

/// Says so only when it has read its input to the end.
const READER: &str = "trap 'exit 143' TERM\nset -e\ncat >/tmp/fed\necho SAW EOF";
const STUBBORN: &str = "trap '' TERM\nset -e\ncat >/tmp/fed\necho SAW EOF";

fn container(shell: &str) -> Container {
    let start = format!("ln -sf {shell} /bin/sh && exec sleep infinity");
    let container = Container::run(&[&tools(), "bash", "-c", &start]);
    until("the shell is in place", || container.processes() == ["sleep infinity"]);
    container
}

/// A tool that is being fed.
struct Fed<'a> {
    container: &'a Container,
    child: Child,
    input: Option<ChildStdin>,
    outputs: [Arc<Mutex<Vec<u8>>>; 2],
}

impl<'a> Fed<'a> {
    fn start(container: &'a Container, bytes: usize, tool: &str) -> Self {
        Self::begin(container, "", bytes, tool)
    }

    /// One whose input comes compressed.
    fn packed(container: &'a Container, tool: &str) -> Self {
        let fed = Self::begin(container, "l=zstd\n", 0, tool);
        until("it says in which form", || fed.said()[0].contains('\n'));
        assert_eq!(fed.said()[0], "zstd\n");
        fed
    }

    fn begin(container: &'a Container, first: &str, bytes: usize, tool: &str) -> Self {
        let mut command = Command::new("docker");
        command.args(["exec", "-i", &container.id, "sh", "-c"]);
        command.args([&format!("#dumpcar-run-\n{first}{END}{FEED}"), "dumpcar", "MARK", &bytes.to_string()]);
        command.args([tool, "sh", "an argument"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        fn collect(mut from: impl Read + Send + 'static) -> Arc<Mutex<Vec<u8>>> {
            let collected = Arc::new(Mutex::new(Vec::new()));
            let into = Arc::clone(&collected);
            thread::spawn(move || {
                let mut piece = [0; 4096];
                while let Ok(count @ 1..) = from.read(&mut piece) {
                    into.lock().unwrap().extend_from_slice(&piece[..count]);
                }
            });
            collected
        }
        let outputs = [collect(child.stdout.take().unwrap()), collect(child.stderr.take().unwrap())];
        Self { container, input: child.stdin.take(), child, outputs }
    }

    /// One that has ended takes nothing.
    fn write(&mut self, bytes: &[u8]) {
        drop(self.input.as_mut().unwrap().write_all(bytes));
    }

    fn vanish(&mut self) {
        self.input = None;
    }

    fn said(&self) -> [String; 2] {
        [0, 1].map(|which| String::from_utf8_lossy(&self.outputs[which].lock().unwrap()).into_owned())
    }

    fn await_word(&self) {
        until("everything is passed on", || self.said()[0].contains("fed\n"));
    }

    fn await_verdict(&self) {
        until("the tool has ended", || self.said()[0].contains("\nMARK "));
    }

    /// The verdict, and what the tool has said; nothing of it is left.
    fn end(mut self) -> (String, String) {
        let ended = holds_within(SOON, || self.child.try_wait().unwrap().is_some());
        let said = self.said();
        assert!(ended, "it goes on: {said:?} {:?}", self.container.processes());
        let alone = holds_within(SOON, || self.container.processes() == ["sleep infinity"]);
        assert!(alone, "left: {:?}", self.container.processes());
        until("everything it said is here", || {
            self.outputs.iter().all(|output| Arc::strong_count(output) == 1)
        });
        let [stdout, stderr] = self.said();
        let verdict = stdout.lines().find_map(|line| line.strip_prefix("MARK ")).unwrap_or("none").to_owned();
        (verdict, stderr)
    }
}

impl Drop for Fed<'_> {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn under_every_shell(test: impl Fn(&Container) + Sync) {
    for shell in SHELLS {
        println!("{shell}");
        test(&container(shell));
    }
}

fn assert_ended_blind((verdict, stderr): (String, String)) {
    assert!(["143", "137"].contains(&verdict.as_str()), "{verdict}: {stderr}");
    assert!(!stderr.contains("SAW EOF"), "{stderr}");
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_tool_reads_all_of_its_input_and_its_status_is_the_verdict() {
    under_every_shell(|container| {
        for (status, input) in [(0, b"hello world\n".to_vec()), (3, Vec::new()), (255, vec![b'x'; 300_000])] {
            let tool = format!("cat >/tmp/fed; echo \"saw the end of it, and $1\"; exit {status}");
            let mut fed = Fed::start(container, input.len(), &tool);
            fed.write(&input);
            fed.await_word();
            assert!(fed.said()[1].is_empty(), "before it is told so: {:?}", fed.said());
            fed.write(b"\n");
            fed.await_verdict();
            fed.write(b"\n");
            let (verdict, stderr) = fed.end();
            assert_eq!((verdict, stderr.trim()), (status.to_string(), "saw the end of it, and an argument"));
            assert!(container.feed(&["cat", "/tmp/fed"], b"").0.unwrap() == input);
        }
    });
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_sidecar_that_has_vanished_before_its_tool_starts_is_noticed() {
    under_every_shell(|container| {
        let script =
            "printf hel | timeout 10 sh -c \"$1\" dumpcar MARK 12 \"$2\" sh 2>&1 || echo \"timeout: $?\"";
        for _ in 0..3 {
            let said = container.exec(&["sh", "-c", script, "sh", &format!("{END}{FEED}"), READER]);
            assert!(said.contains("MARK 143") && !said.contains("SAW EOF"), "{said}");
        }
    });
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_tool_never_sees_an_end_of_input_that_is_not_the_dumps() {
    under_every_shell(|container| {
        for tool in [READER, STUBBORN] {
            let mut fed = Fed::start(container, 12, tool);
            fed.write(b"hel");
            fed.vanish();
            assert_ended_blind(fed.end());
        }
        for tool in [READER, STUBBORN] {
            let mut fed = Fed::start(container, 12, tool);
            fed.write(b"hello world\n");
            fed.await_word();
            fed.vanish();
            assert_ended_blind(fed.end());
        }
    });
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_tool_that_still_works_when_its_sidecar_vanishes_is_ended() {
    under_every_shell(|container| {
        for tool in ["trap 'exit 143' TERM\nset -e", "trap '' TERM\nset -e"] {
            let tool = format!("{tool}\ncat >/dev/null; echo SAW THE WORD; sleep 100; echo SAW EOF");
            let mut fed = Fed::start(container, 6, &tool);
            fed.write(b"hello\n");
            fed.await_word();
            fed.write(b"\n");
            until("the tool is told", || fed.said()[1].contains("SAW THE WORD"));
            fed.vanish();
            assert_ended_blind(fed.end());
        }
    });
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_tool_that_fails_early_says_so_while_there_is_more_to_read() {
    under_every_shell(|container| {
        let mut fed =
            Fed::start(container, 10_000_000, "head -c 10 >/dev/null; echo 'no such role' >&2; exit 7");
        fed.write(&[0; 3_000_000]);
        fed.await_verdict();
        fed.vanish();
        assert_eq!(fed.end(), ("7".to_owned(), "no such role\n".to_owned()));
    });
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn hundreds_of_megabytes_pass_to_the_last_byte() {
    under_every_shell(|container| {
        let mut fed = Fed::start(container, 300_000_000, "wc -c");
        for _ in 0..300 {
            fed.write(&[b'\n'; 1_000_000]);
        }
        fed.await_word();
        fed.write(b"\n");
        fed.await_verdict();
        fed.write(b"\n");
        assert_eq!(fed.end(), ("0".to_owned(), "300000000\n".to_owned()));
    });
}

/// A connection that broke without a word: the sweep ends what nobody will ever speak to again.
#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_tool_that_is_swept_sees_no_end_of_its_input() {
    under_every_shell(|container| {
        for is_all in [false, true] {
            let mut fed = Fed::start(container, 4, READER);
            fed.write(if is_all { b"hel\n" } else { b"hel" });
            until("it reads", || container.processes().contains(&"cat".to_owned()));
            if is_all {
                fed.await_word();
            }
            container.exec(&["sh", "-c", &format!("{END}{LEFTOVER}"), "sh", "run"]);
            assert_ended_blind(fed.end());
        }
    });
}

/// As `docker/feed.rs` sends it: pieces behind their lengths, and a word at the end.
fn packed(dump: &[u8]) -> Vec<u8> {
    let frames = zstd::encode_all(dump, 1).unwrap();
    let mut sent = Vec::new();
    for piece in frames.chunks(70_001) {
        sent.extend(format!("{}\n", piece.len()).into_bytes());
        sent.extend_from_slice(piece);
    }
    sent.extend(b"end\n");
    sent
}

/// Numbers that nothing makes small.
fn noise(bytes: usize) -> Vec<u8> {
    (0_u32..)
        .flat_map(|n| n.wrapping_mul(0x9e37_79b9).rotate_left(n % 31).to_be_bytes())
        .take(bytes)
        .collect()
}

/// Also with the `dd` of busybox.
fn under_every_shell_and_tool(test: impl Fn(&Container) + Sync) {
    under_every_shell(&test);
    let other = container("/bin/busybox");
    other.exec(&["/bin/busybox", "ln", "-sf", "/bin/busybox", "/usr/local/bin/dd"]);
    test(&other);
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_comes_compressed_is_read_to_the_last_byte() {
    let dumps = [Vec::new(), b"hello world\n".to_vec(), noise(3_000_000), vec![b'x'; 40_000_000]];
    under_every_shell_and_tool(|container| {
        for dump in &dumps {
            for status in [0, 3] {
                let mut fed = Fed::packed(container, &format!("cat >/tmp/fed; exit {status}"));
                fed.write(&packed(dump));
                fed.await_word();
                assert!(!fed.said()[0].contains("MARK"), "before it is told so: {:?}", fed.said());
                fed.write(b"\n");
                fed.await_verdict();
                fed.write(b"\n");
                assert_eq!(fed.end(), (status.to_string(), String::new()));
                assert!(
                    container.feed(&["cat", "/tmp/fed"], b"").0.unwrap() == *dump,
                    "{} bytes",
                    dump.len()
                );
            }
        }
    });
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn what_comes_compressed_and_breaks_off_is_never_whole() {
    let sent = packed(&noise(1_000_000));
    let whole = sent.len();
    under_every_shell(|container| {
        // Nothing; in a line; behind one; in a piece; between two; before the word, in it, and behind it.
        for cut in [0, 3, 6, 100, 6 + 70_001, whole - 4, whole - 1, whole] {
            let mut fed = Fed::packed(container, READER);
            fed.write(&sent[..cut]);
            if cut == whole {
                fed.await_word();
            }
            fed.vanish();
            assert_ended_blind(fed.end());
        }
    });
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_zstd_that_is_killed_does_not_end_the_dump() {
    let sent = packed(&noise(1_000_000));
    under_every_shell(|container| {
        for tool in [READER, STUBBORN] {
            let mut fed = Fed::packed(container, tool);
            fed.write(&sent[..500_000]);
            container.exec(&["sh", "-c", "until p=$(pidof zstd); do sleep 0.1; done; kill -KILL $p"]);
            fed.write(&sent[500_000..]);
            fed.await_verdict();
            fed.vanish();
            let (verdict, stderr) = fed.end();
            let said = "dumpcar: zstd, which its input passes, was ended (exit status 137): set DUMPCAR_TRANSPORT=off";
            assert!(stderr.contains(said), "{stderr}");
            assert_ended_blind((verdict, stderr));
        }
    });
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn a_tool_that_fails_while_its_input_comes_compressed_says_why() {
    let sent = packed(&noise(8_000_000));
    under_every_shell(|container| {
        let mut fed = Fed::packed(container, "head -c 10 >/dev/null; echo 'no such role' >&2; exit 7");
        fed.write(&sent);
        fed.await_verdict();
        fed.vanish();
        assert_eq!(fed.end(), ("7".to_owned(), "no such role\n".to_owned()));
    });
}

#[test]
#[ignore = "needs Docker: scripts/test docker"]
fn where_nothing_reads_zstd_it_comes_as_it_is() {
    for (program, breaks) in [
        ("zstd", "rm /usr/bin/zstd"),
        ("zstd", "printf '#!/bin/sh\nexit 3\n' >/usr/bin/zstd"),
        ("dd", "rm /bin/dd"),
        ("dd", "printf '#!/bin/sh\nexec cat\n' >/bin/dd"),
    ] {
        let container = container("/bin/dash");
        container.exec(&["sh", "-c", breaks]);
        let mut fed = Fed::begin(&container, "l=zstd\n", 6, "cat");
        until("it says in which form", || fed.said()[0].contains('\n'));
        assert_eq!(fed.said()[0], "plain\n", "{program}");
        fed.write(b"hello\n");
        fed.await_word();
        fed.write(b"\n");
        fed.await_verdict();
        fed.write(b"\n");
        assert_eq!(fed.end(), ("0".to_owned(), "hello\n".to_owned()), "{program}");
    }
}
