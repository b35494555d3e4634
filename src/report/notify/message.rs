//! A message, before it takes the form of any service.

use jiff::Timestamp;

use super::kind::{Kind, Severity};
use crate::text::escaped;

/// The longest text of one thing, in characters: what a tool said may be longer, and the log has it.
const LONGEST: usize = 1_000;

/// One thing that a message tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) kind: Kind,
    /// What it is about, as in the daemon's health: a target's name, or something in parentheses.
    pub(super) about: String,
    /// The target's name, if it is about one.
    pub(super) target: Option<String>,
    /// What is wrong or what is good, in one line; empty if the kind says it all.
    pub(super) text: String,
}

/// What a drill's problem begins with, before the target's name.
const DRILL: &str = "(drill) ";

impl Item {
    pub(super) fn new(kind: Kind, about: &str, text: &str) -> Self {
        let target = about.strip_prefix(DRILL).unwrap_or(about);
        let target = (!target.starts_with('(')).then(|| target.to_owned());
        Self { kind, about: about.to_owned(), target, text: one_line(text) }
    }

    /// What it is about, for people.
    pub(super) fn subject(&self) -> &str {
        match &self.target {
            Some(target) => target,
            None if self.about == "(verify)" => "the bucket",
            None => "Dumpcar",
        }
    }

    fn head(&self) -> String {
        match (self.kind, self.about.starts_with(DRILL)) {
            (Kind::Recovered, true) => format!("{}: drill good again", self.subject()),
            (Kind::Test | Kind::Digest, _) if self.target.is_none() => self.kind.words().to_owned(),
            (kind, _) => format!("{}: {}", self.subject(), kind.words()),
        }
    }

    fn line(&self) -> String {
        match (self.kind, self.text.as_str()) {
            (Kind::Test | Kind::Digest, text) => match &self.target {
                Some(target) => format!("{target}: {text}"),
                None => text.to_owned(),
            },
            (_, "") => self.head(),
            (_, text) => format!("{}: {text}", self.head()),
        }
    }
}

/// What a message is made of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Draft {
    /// At least one.
    pub(super) items: Vec<Item>,
    /// A last line about all of it.
    pub(super) footer: Option<String>,
}

/// A message. All of it is text that does nothing but to be read; a service's own markup is escaped by its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// New for each. It stays the same when it is sent again, so that a receiver can tell.
    pub(super) id: String,
    pub(super) at: Timestamp,
    /// The Dumpcar that sends it.
    pub(super) instance: String,
    pub(super) kind: Kind,
    pub(super) title: String,
    /// At least one.
    pub(super) items: Vec<Item>,
    /// A last line about all of it.
    pub(super) footer: Option<String>,
}

impl Message {
    pub(super) fn new(id: String, at: Timestamp, instance: &str, draft: Draft) -> Self {
        let Draft { items, footer } = draft;
        let kind = kind_of(&items);
        let title = one_line(&format!("[dumpcar {instance}] {}", headline(&items, kind)));
        Self {
            id,
            at,
            instance: one_line(instance),
            kind,
            title,
            items,
            footer: footer.map(|line| one_line(&line)),
        }
    }

    /// That of its most urgent item.
    pub(super) fn severity(&self) -> Severity {
        let all = self.items.iter().map(|item| item.kind.severity());
        all.max().unwrap_or(Severity::Info)
    }

    /// The text below the title.
    pub(super) fn lines(&self) -> Vec<String> {
        self.items.iter().map(Item::line).chain(self.footer.clone()).collect()
    }
}

/// That of all items, if they are of one kind.
fn kind_of(items: &[Item]) -> Kind {
    let first = items.first().map_or(Kind::Report, |item| item.kind);
    if items.iter().all(|item| item.kind == first) { first } else { Kind::Report }
}

fn headline(items: &[Item], kind: Kind) -> String {
    if let [item] = items {
        return item.head();
    }
    if kind == Kind::Digest {
        return kind.words().to_owned();
    }
    let count = |severity| items.iter().filter(|item| item.kind.severity() == severity).count();
    let counts = [
        (count(Severity::Problem), "problem", "problems"),
        (count(Severity::Good), "good again", "good again"),
        (count(Severity::Info), "backup good", "backups good"),
    ];
    let parts: Vec<String> = counts
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, several)| format!("{count} {}", if count == 1 { one } else { several }))
        .collect();
    parts.join(", ")
}

/// `text` in one line of bounded length, in which nothing acts on a terminal or turns text around.
fn one_line(text: &str) -> String {
    let line = escaped(text);
    match line.char_indices().nth(LONGEST) {
        None => line.into_owned(),
        Some((at, _)) => format!("{}…", line.split_at(at).0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(items: Vec<Item>) -> Message {
        Message::new("id".to_owned(), Timestamp::UNIX_EPOCH, "nas", Draft { items, footer: None })
    }

    #[test]
    fn one_thing_is_the_title_and_several_are_counted() {
        let failed = Item::new(Kind::BackupFailed, "shop", "no disk");
        let drill = Item::new(Kind::Recovered, "(drill) blog", "");
        let one = message(vec![failed.clone()]);
        assert_eq!(one.title, "[dumpcar nas] shop: backup failed");
        assert_eq!(one.lines(), ["shop: backup failed: no disk"]);
        let two = message(vec![failed, drill.clone()]);
        assert_eq!(two.title, "[dumpcar nas] 1 problem, 1 good again");
        assert_eq!((two.kind, two.severity()), (Kind::Report, Severity::Problem));
        assert_eq!(two.lines(), ["shop: backup failed: no disk", "blog: drill good again"]);
        assert_eq!(message(vec![drill]).severity(), Severity::Good);
    }

    #[test]
    fn what_is_no_target_has_a_name_for_people() {
        let lines = message(vec![
            Item::new(Kind::Daemon, "(dumpcar)", "Docker does not answer"),
            Item::new(Kind::VerificationFailed, "(verify)", "1 damaged"),
        ])
        .lines();
        assert_eq!(
            lines,
            ["Dumpcar: cannot work: Docker does not answer", "the bucket: verification failed: 1 damaged"]
        );
    }

    #[test]
    fn words_of_a_tool_are_one_short_line() {
        let item =
            Item::new(Kind::BackupFailed, "shop", &format!("a\nb\u{1b}[31m\u{202e}{}", "x".repeat(5_000)));
        assert!(
            item.text.starts_with("a\\nb\\u{1b}[31m\\u{202e}x") && item.text.chars().count() == LONGEST + 1
        );
    }
}
