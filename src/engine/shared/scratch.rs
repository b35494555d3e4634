//! A server of the same kind to try a backup on.

use std::collections::BTreeMap;
use std::time::Duration;

/// Where everybody may make a folder that is in no volume of the image.
pub(in crate::engine) const FOLDER_IN_LAYER: &str = "/tmp/dumpcar-drill";

/// Of a target's environment what is `kept`, what is `wanted`, and what a server's texts depend on; and a made-up password wherever
/// there is one.
pub(in crate::engine) fn env(
    target: &BTreeMap<String, String>,
    kept: &[&str],
    wanted: &[String],
    passwords: &[&str],
    password: &str,
) -> BTreeMap<String, String> {
    let is_kept = |name: &String| {
        wanted.contains(name)
            || kept.contains(&name.as_str())
            || matches!(name.as_str(), "LANG" | "LANGUAGE" | "TZ")
            || name.starts_with("LC_")
    };
    let kept = target.iter().filter(|(name, value)| is_kept(name) && !value.is_empty());
    let mut env: BTreeMap<_, _> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    for name in passwords {
        env.entry((*name).to_owned()).or_insert_with(|| password.to_owned());
    }
    env
}

/// The arguments of a drill's server behind the command `image` has for it: what its target has and a dump depends on, and
/// nothing that happens by itself. `wanted` is the label `dumpcar.drill.args`, and stands above both; `more` says where the data is.
pub(in crate::engine) fn arguments(
    image: &[String],
    settings: Vec<String>,
    calm: &[&str],
    more: &[String],
    wanted: &[String],
) -> Vec<String> {
    let is_option = |word: &String| word.starts_with('-');
    // Who writes a command there wants that one.
    let (command, wanted) = match wanted {
        [command, rest @ ..] if !is_option(command) => (std::slice::from_ref(command), rest),
        _ => (image, wanted),
    };
    // An image without a command has an entry point that would take arguments for one.
    if command.is_empty() {
        return [wanted, more].concat();
    }
    let calm = calm.iter().map(|word| (*word).to_owned());
    let own = command.iter().cloned().chain(settings).chain(calm);
    own.chain(wanted.iter().cloned()).chain(more.iter().cloned()).collect()
}

/// Prints, a line each: the name of process 1, and the first word of its command line. Behind it, an engine's script prints the
/// number of the process that answers as the server, if it can be told.
///
/// While an image sets a server up, process 1 is its entry point, and the server that answers is one that will be stopped
/// again. An entry point may have any name, but it is a script: then the first word is that of a shell.
///
/// Before the server is asked: what process 1 is then, it is when the answer comes.
pub(in crate::engine) const PROCESS_ONE: &str = r"
cat /proc/1/comm
tr '\000' '\n' </proc/1/cmdline | sed -n 1p
";

/// Who answers as the server, and whether that is the one that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answering {
    /// The number of its process, if it is known.
    pub process: Option<u32>,
    first: First,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    /// A server, and no script of that name.
    Server,
    /// A shell: an image's entry point, mostly, which still sets a server up.
    Script,
    /// An init process, say.
    Other,
}

impl Answering {
    pub(in crate::engine) fn read(servers: &[&str], stdout: &[u8]) -> Self {
        const SHELLS: [&str; 6] = ["sh", "ash", "bash", "busybox", "dash", "ksh"];
        let text = String::from_utf8_lossy(stdout);
        let mut lines = text.lines().map(str::trim);
        let (name, word) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let word = word.rsplit('/').next().unwrap_or_default();
        let process = lines.next().and_then(|number| number.parse().ok());
        let first = if servers.contains(&name) && servers.contains(&word) {
            First::Server
        } else if SHELLS.contains(&word) {
            First::Script
        } else {
            First::Other
        };
        Self { process, first }
    }

    /// How long this process has to answer until it is taken for the one that stays; `None` when it is another one that will.
    pub fn settles_after(&self) -> Option<Duration> {
        match (self.process, self.first) {
            (Some(1), _) | (None, First::Server) => Some(Duration::ZERO),
            (Some(_), First::Server) => None,
            // Nobody can tell. A script that sets something up takes its time.
            (_, First::Script) => Some(Duration::from_secs(120)),
            (_, First::Other) => Some(Duration::from_secs(15)),
        }
    }
}
