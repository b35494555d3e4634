//! What tools and servers say, and how it is read.

use std::fmt;

use super::facts::Facts;
use super::failure::ToolFailure;

/// The operating system's words, the same in every program. The first that is found decides, here and in every list of signs: of two that
/// are in one message the more telling stands first.
const SYSTEM: [(&str, ToolFailure); 6] = [
    // A segment lies in memory, whatever the message says of a device.
    ("could not resize shared memory segment", ToolFailure::NoMemory),
    ("no space left on device", ToolFailure::DiskFull),
    ("disk quota exceeded", ToolFailure::DiskFull),
    ("read-only file system", ToolFailure::ReadOnly),
    ("cannot allocate memory", ToolFailure::NoMemory),
    ("out of memory", ToolFailure::NoMemory),
];

/// What the scripts of Dumpcar say themselves.
const OWN: [(&str, ToolFailure); 3] = [
    ("dumpcar: cannot read ", ToolFailure::PasswordFile),
    ("dumpcar: cannot find ", ToolFailure::ToolMissing),
    ("dumpcar: the server at ", ToolFailure::OtherServer),
];

/// What a failed command said.
pub struct Said<'a> {
    /// As a shell gives it: 128 + signal.
    pub exit_status: i32,
    /// The end of what it said, as it was said.
    pub stderr: &'a str,
    /// In lower case, without what a tool repeats of its own query.
    pub lower: String,
    /// The same without names and values.
    plain: String,
    /// The line that tells most.
    pub line: &'a str,
    /// That line, without secrets.
    pub shown: String,
    pub facts: &'a Facts<'a>,
    hide: &'a dyn Fn(&str) -> String,
}

impl fmt::Debug for Said<'_> {
    /// Without what may have secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { exit_status, shown, .. } = self;
        f.debug_struct("Said").field("exit_status", exit_status).field("shown", shown).finish_non_exhaustive()
    }
}

impl<'a> Said<'a> {
    pub(in crate::engine) fn new(
        exit_status: i32,
        stderr: &'a str,
        facts: &'a Facts<'a>,
        hide: &'a dyn Fn(&str) -> String,
    ) -> Self {
        // What a tool repeats of its own query has names that mean nothing.
        let lines = stderr.lines().filter(|line| !line.contains(" was: "));
        let lower = lines.clone().map(str::to_ascii_lowercase).collect::<Vec<_>>().join("\n");
        let plain = lines.map(|line| without_names(line).to_ascii_lowercase()).collect::<Vec<_>>().join("\n");
        let line = told(stderr);
        let shown = shown(stderr, line, hide);
        Self { exit_status, stderr, lower, plain, line, shown, facts, hide }
    }

    /// What the operating system says, in every program's words.
    pub(in crate::engine) fn of_the_system(&self) -> Option<ToolFailure> {
        SYSTEM.iter().find(|(sign, _)| self.plain.contains(sign)).map(|(_, failure)| *failure)
    }

    /// The first of an engine's signs that is there; before them those of Dumpcar's scripts.
    pub(in crate::engine) fn find(&self, signs: &[(&str, ToolFailure)]) -> Option<ToolFailure> {
        OWN.iter().chain(signs).find(|(sign, _)| self.plain.contains(sign)).map(|(_, failure)| *failure)
    }

    /// Whether one line has both, the first before a name.
    pub(in crate::engine) fn has(&self, start: &str, end: &str) -> bool {
        self.lower.lines().any(|line| line.contains(start) && line.contains(end))
    }

    /// Another line than the one that tells most, as it is shown.
    pub(in crate::engine) fn show(&self, line: &str) -> String {
        shown(self.stderr, line.trim(), self.hide)
    }

    /// What a script of Dumpcar says between `start` and the next `end`.
    pub(in crate::engine) fn marked(&self, start: &str, end: &str) -> Option<&'a str> {
        marked(self.stderr, start, end)
    }

    /// The password file that was not taken as it is.
    pub(in crate::engine) fn file_with_carriage_return(&self) -> Option<&'a str> {
        self.marked("the password file ", " ends in a carriage return")
    }
}

/// What stands between `start` and the next `end`.
fn marked<'t>(stderr: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let rest = stderr
        .lines()
        .find_map(|line| line.starts_with("dumpcar: ").then(|| line.split_once(start)).flatten())?
        .1;
    Some(rest.split_once(end).map_or(rest, |(found, _)| found))
}

/// The last line that is no mere warning: what a reader of the log needs of stderr.
fn told(stderr: &str) -> &str {
    let is_telling = |line: &&str| {
        let lower = line.to_ascii_lowercase();
        !lower.is_empty() && !lower.contains("warning:") && !lower.contains("deprecated program name")
    };
    // PostgreSQL explains an error in lines after it.
    let is_error =
        |line: &&str| ["error:", "FATAL:", "ERROR", "dumpcar:"].iter().any(|sign| line.contains(sign));
    let lines = || stderr.lines().map(str::trim).filter(is_telling);
    lines().rfind(is_error).or_else(|| lines().next_back()).unwrap_or("nothing on stderr")
}

/// A line of stderr as it is shown: without secrets, at most 300 characters.
///
/// They are looked for in all of it: of a secret with several lines, one alone is not recognized.
fn shown(stderr: &str, line: &str, hide: &dyn Fn(&str) -> String) -> String {
    let hidden = hide(stderr);
    let at = stderr.lines().position(|other| other.trim() == line);
    let is_aligned = hidden.lines().count() == stderr.lines().count();
    let shown = match at {
        Some(at) if is_aligned => hidden.lines().nth(at).unwrap_or_default().trim(),
        Some(_) => told(&hidden),
        // Words of our own.
        None => line,
    };
    shown.chars().filter(|c| !c.is_control()).take(300).collect()
}

/// What is quoted in a server's answer to a statement, taken out: names and values mean nothing, whatever is in them.
fn without_names(line: &str) -> String {
    let trimmed = line.trim_start();
    // Of a statement, and no message of its own.
    if ["DETAIL:", "CONTEXT:", "LINE ", "QUERY:", "STATEMENT:"].iter().any(|start| trimmed.starts_with(start))
    {
        return String::new();
    }
    let is_number = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    let quote = if line.contains("ERROR:  ") {
        '"'
    } else if trimmed.strip_prefix("ERROR ").is_some_and(is_number) {
        '\''
    } else {
        return line.to_owned();
    };
    let (mut kept, mut is_in, mut before) = (String::new(), false, ' ');
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let is_letter = |c: char| c.is_ascii_alphanumeric();
        // `can't`
        let is_inside_a_word =
            !is_in && is_letter(before) && chars.peek().is_some_and(|next| is_letter(*next));
        if c == quote && !is_inside_a_word {
            is_in = !is_in;
            kept.push(c);
        } else if !is_in {
            kept.push(c);
        }
        before = c;
    }
    kept
}
