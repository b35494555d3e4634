//! Who made a target's backups, and whether two go on making them.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::future::is_from_the_future;
use super::key::Stamp;
use super::line::Line;

/// A writer is heard of again after this at the latest, if its own rhythm says nothing else: by then it has missed a night.
const SHORTEST: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// No writer is waited for longer: what it left is an old host's.
const LONGEST: Duration = Duration::from_secs(28 * 24 * 60 * 60);

/// Who made a backup, as far as its manifest tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    engine: Option<Line>,
    /// Absent when it is only a container's id: another container of the same sidecar has another one.
    name: Option<Line>,
}

impl Writer {
    /// `None` when nothing tells it from others.
    pub fn new(engine: Option<&Line>, instance: &Line) -> Option<Self> {
        let is_id = instance.len() == 12 && instance.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
        let is_name = !is_id && !instance.is_empty() && instance.as_str() != NO_NAME;
        let (engine, name) = (engine.cloned(), is_name.then(|| instance.clone()));
        (engine.is_some() || name.is_some()).then_some(Self { engine, name })
    }

    /// Whether something says that they are one: the Docker engine or the name.
    pub fn shares(&self, other: &Self) -> bool {
        let is_same = |one: &Option<Line>, another: &Option<Line>| one.is_some() && one == another;
        is_same(&self.engine, &other.engine) || is_same(&self.name, &other.name)
    }

    /// Whether nothing says that they are two.
    fn may_be(&self, other: &Self) -> bool {
        let differ = |one: &Option<Line>, another: &Option<Line>| matches!((one, another), (Some(one), Some(another)) if one != another);
        !differ(&self.engine, &other.engine) && !differ(&self.name, &other.name)
    }
}

/// What an instance may be called. Between the two there is the name that the Docker engine has for its machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstanceNames {
    /// What the settings say.
    pub set: Option<String>,
    /// The name of the own host: in a container, that is mostly the container's id.
    pub host: Option<String>,
}

impl InstanceNames {
    /// What it is called as long as Docker has not said anything.
    pub fn own(&self) -> &str {
        self.set.as_deref().or(self.host.as_deref()).unwrap_or(NO_NAME)
    }
}

/// The instance where neither Docker nor the environment has a name.
pub const NO_NAME: &str = "unknown";

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.engine) {
            (Some(name), _) => f.write_str(name),
            (None, Some(engine)) => write!(f, "Docker engine {}", engine.as_str()),
            (None, None) => f.write_str(NO_NAME),
        }
    }
}

/// Two writers of one target: each of them prunes what the other has made, unless somebody tells them apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The one that made the newest backup.
    pub newest: Writer,
    pub other: Writer,
    /// The other's newest backup.
    pub last: Stamp,
    /// The newest one has made no other backup: it may have taken the other's place, on a new host.
    pub is_first: bool,
}

impl Clash {
    /// Both, by their names; by their engines as well if the names are the same.
    pub fn names(&self) -> (String, String) {
        let (newest, other) = (self.newest.to_string(), self.other.to_string());
        if newest != other {
            return (newest, other);
        }
        let full = |writer: &Writer| match &writer.engine {
            Some(engine) => format!("{writer} (Docker engine {})", engine.as_str()),
            None => writer.to_string(),
        };
        (full(&self.newest), full(&self.other))
    }

    /// What to do about it, where the labels begin with `prefix`.
    pub fn cure(prefix: &str) -> String {
        format!("give each a prefix (DUMPCAR_STORE) or a target name (label {prefix}.name) of its own")
    }
}

/// Whether two writers go on making these backups.
///
/// They do if the newest one's writer had made one before the other's newest one. A host that took another one's place makes only
/// one change, and the other is not heard of again: that is none, from its second backup on. Nor is it one any more when the other
/// has been silent for twice as long as between its last two backups.
pub fn clash<'a>(
    backups: impl IntoIterator<Item = (Stamp, Option<&'a Writer>)>,
    now: Timestamp,
) -> Option<Clash> {
    let known = backups.into_iter().filter_map(|(stamp, writer)| Some((stamp, writer?)));
    let mut known: Vec<(Stamp, &Writer)> =
        known.filter(|(stamp, _)| !is_from_the_future(*stamp, now)).collect();
    known.sort_by_key(|(stamp, _)| std::cmp::Reverse(*stamp));
    let (_, newest) = *known.first()?;
    let (last, other) = *known.iter().find(|(_, writer)| !writer.may_be(newest))?;
    let before = known.iter().find(|(stamp, writer)| *stamp < last && writer.may_be(other));
    let rhythm = before.map_or(Duration::ZERO, |(before, _)| since(*before, last.timestamp()));
    if since(last, now) > rhythm.saturating_mul(2).clamp(SHORTEST, LONGEST) {
        return None;
    }
    let returned =
        known.iter().any(|(stamp, writer)| *stamp < last && writer.may_be(newest) && !writer.may_be(other));
    let is_first = known.iter().take_while(|(stamp, _)| *stamp > last).count() == 1;
    let clash = Clash { newest: newest.clone(), other: other.clone(), last, is_first: !returned };
    (returned || is_first).then_some(clash)
}

fn since(stamp: Stamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(stamp.timestamp())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(letter: char) -> Option<Writer> {
        Writer::new(Some(&Line::clean(&format!("ENGINE-{letter}"))), &Line::clean(&format!("host-{letter}")))
    }

    /// Who made one backup each night, the newest last; `now` is the hour after that.
    fn nights(made: &str, later: i64) -> Option<String> {
        let night = |n: usize| {
            let at = 1_790_000_000 + i64::try_from(n).unwrap() * 86_400;
            Stamp::new(Timestamp::from_second(at).unwrap())
        };
        let writers: Vec<_> = made.chars().map(|letter| writer(letter).filter(|_| letter != '-')).collect();
        let last = night(made.len() - 1).timestamp().as_second();
        let now = Timestamp::from_second(last + 3600 + later * 86_400).unwrap();
        let made = writers.iter().enumerate().map(|(n, writer)| (night(n), writer.as_ref()));
        let clash = clash(made, now)?;
        let (newest, other) = clash.names();
        Some(format!("{newest} {} {other}", if clash.is_first { "after" } else { "and" }))
    }

    #[test]
    fn two_writers_by_turns_are_two_and_a_new_host_is_one() {
        for (made, found) in [
            ("a", None),
            ("aaaa", None),
            ("aaab", Some("host-b after host-a")),
            ("aaabb", None),
            ("aaabbbbbb", None),
            ("aba", Some("host-a and host-b")),
            ("aabab", Some("host-b and host-a")),
            ("aaaba", Some("host-a and host-b")),
            ("aabbab", Some("host-b and host-a")),
            // It moved, and moves again.
            ("abbc", Some("host-c after host-b")),
            // Not known who: no alarm, and none is hidden.
            ("a-a", None),
            ("a-ba", Some("host-a and host-b")),
            // Over: each has its own place again.
            ("ababaaa", Some("host-a and host-b")),
            ("ababaaaa", None),
            ("abaaa", None),
        ] {
            assert_eq!(nights(made, 0).as_deref(), found, "{made}");
        }
        assert_eq!(nights("aaab", 3), None, "the old host was silent for long enough");
        assert_eq!(nights("aba", 3), None);
    }

    #[test]
    fn a_clock_that_was_wrong_makes_no_writer() {
        let at = |text: &str| text.parse::<Stamp>().unwrap();
        let (a, b) = (writer('a'), writer('b'));
        let made = [
            (at("2026-11-01T23-00-00Z"), a.as_ref()),
            (at("2026-11-02T23-00-00Z"), a.as_ref()),
            (at("2030-11-02T23-00-00Z"), b.as_ref()),
        ];
        assert_eq!(clash(made, at("2026-11-03T00-00-00Z").timestamp()), None);
    }

    #[test]
    fn an_id_of_a_container_is_nobodys_name() {
        let of = |engine: Option<&str>, instance: &str| {
            Writer::new(engine.map(Line::clean).as_ref(), &Line::clean(instance))
        };
        assert_eq!(of(None, "4be4f12a0c3d"), None);
        assert_eq!(of(None, "unknown"), None);
        let (one, another) = (of(Some("E"), "4be4f12a0c3d").unwrap(), of(Some("E"), "host-a").unwrap());
        assert!(one.may_be(&another));
        assert!(!of(Some("F"), "host-a").unwrap().may_be(&another));
        assert!(!of(Some("E"), "host-b").unwrap().may_be(&another));
        assert!(of(None, "host-a").unwrap().may_be(&another));
        assert_eq!(one.to_string(), "Docker engine E");
    }

    #[test]
    fn hosts_of_one_name_are_told_apart() {
        let host = |engine| Writer::new(Some(&Line::clean(engine)), &Line::clean("debian"));
        let (a, b) = (host("A"), host("B"));
        let at = |text: &str| text.parse::<Stamp>().unwrap();
        let made = [
            (at("2026-11-01T23-00-00Z"), a.as_ref()),
            (at("2026-11-02T23-00-00Z"), b.as_ref()),
            (at("2026-11-02T23-30-00Z"), a.as_ref()),
        ];
        let clash = clash(made, at("2026-11-03T00-00-00Z").timestamp()).unwrap();
        let expected = ("debian (Docker engine A)".to_owned(), "debian (Docker engine B)".to_owned());
        assert_eq!(clash.names(), expected);
    }
}
