//! A dump as the commands that make its keys.
//!
//! `RESTORE` takes a value as a dump has it, with a checksum: `restoreCommand` and `createDumpPayload` in `cluster.c`. So a value
//! passes from one server into another as it was written. Each database of the dump goes into one that is empty.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};

use crate::model::content::{DumpPart, DumpParts, PUT_OFF};

/// The version behind a value. A server takes none above its own, and no server reads a value by it. Redis 5 has this one.
const VERSION: u16 = 9;

/// Libraries are in memory until the end: in bytes, all of them together.
const MOST_LIBRARIES: usize = 16 * 1024 * 1024;

/// Fills an empty database, or fails if somebody else uses it by now.
const CLAIM: &str = "if redis.call('DBSIZE') ~= 0 then return redis.error_reply('database ' .. ARGV[3] .. ' is in use by now') end \
    redis.call('SET', ARGV[1], ARGV[2]) return 'OK'";

/// Reads a dump and gives commands for the client's `--pipe`.
#[derive(Debug)]
pub struct Commands {
    parts: DumpParts,
    all_free: Vec<u32>,
    /// Databases that are empty, the next one last.
    free: Vec<u32>,
    /// Each database of the dump with the one that its keys go into.
    places: BTreeMap<u64, u32>,
    selected: Option<u32>,
    mark: String,
    /// Nothing expires meanwhile.
    is_on_trial: bool,
    /// They are the server's, and not of a database: at the end, when all else is there.
    libraries: Vec<Vec<u8>>,
    problem: Option<String>,
    notes: Vec<String>,
}

impl Commands {
    /// `free`: databases that are empty, in the order in which they are to be taken. `mark`: the name of a key that tells them.
    pub(super) fn new(free: &[u32], mark: &str, is_on_trial: bool) -> Self {
        Self {
            parts: DumpParts::new(is_on_trial),
            all_free: free.to_vec(),
            free: free.iter().rev().copied().collect(),
            places: BTreeMap::new(),
            selected: None,
            mark: mark.to_owned(),
            is_on_trial,
            libraries: Vec::new(),
            problem: None,
            notes: Vec::new(),
        }
    }

    /// The same, of which nothing has come.
    pub(in crate::engine) fn anew(&self) -> Self {
        Self::new(&self.all_free, &self.mark, self.is_on_trial)
    }

    /// Why what was passed on is not all of the dump.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    pub fn take(&mut self, piece: Option<&[u8]>) -> Bytes {
        let mut out = BytesMut::new();
        let Some(piece) = piece else {
            if let Err(unread) = self.parts.end() {
                self.fail(format!("the dump cannot be put back into a running server: {unread}"));
            }
            for library in std::mem::take(&mut self.libraries) {
                command(&mut out, &[b"FUNCTION", b"LOAD", b"REPLACE", &library]);
            }
            return out.freeze();
        };
        for part in self.parts.take(piece) {
            self.part(part, &mut out);
        }
        out.freeze()
    }

    fn part(&mut self, part: DumpPart, out: &mut BytesMut) {
        // What comes behind is not wanted any more.
        if self.problem.is_some() {
            return;
        }
        match part {
            DumpPart::Library(code) => {
                let bytes: usize = self.libraries.iter().map(Vec::len).sum();
                if bytes + code.len() > MOST_LIBRARIES {
                    self.fail("the dump has more libraries of functions than a server would".to_owned());
                } else {
                    self.libraries.push(code);
                }
            }
            DumpPart::Key { database, name, expires, mut value } => {
                let Some(place) = self.place(database, out) else { return };
                if self.selected != Some(place) {
                    command(out, &[b"SELECT", place.to_string().as_bytes()]);
                    self.selected = Some(place);
                }
                let later = if self.is_on_trial { PUT_OFF } else { 0 };
                let expires = expires.map_or(0, |time| time.saturating_add(later));
                value.extend_from_slice(&VERSION.to_le_bytes());
                value.extend_from_slice(&DumpParts::checksum(&value).to_le_bytes());
                let expires = expires.to_string();
                command(out, &[b"RESTORE", &name, expires.as_bytes(), &value, b"ABSTTL"]);
            }
            DumpPart::TooLarge { name, most } => {
                let name = name.map_or_else(
                    || "a key whose name is too long".to_owned(),
                    |name| format!("key {name:?}"),
                );
                self.fail(format!(
                    "{name} has a value of more than {} MiB, which Dumpcar does not put into a running server: start a server with \
                     the file instead",
                    most >> 20
                ));
            }
            DumpPart::LeftOut(what) => {
                if !self.notes.iter().any(|note| note == what) {
                    self.notes.push(what.to_owned());
                }
            }
        }
    }

    fn place(&mut self, database: u64, out: &mut BytesMut) -> Option<u32> {
        if let Some(place) = self.places.get(&database) {
            return Some(*place);
        }
        let Some(place) = self.free.pop() else {
            self.fail(format!(
                "the backup has keys in {} databases, and the server has fewer that are empty: start it with more (--databases)",
                self.places.len() + 1
            ));
            return None;
        };
        let number = place.to_string();
        command(out, &[b"SELECT", number.as_bytes()]);
        self.selected = Some(place);
        let (mark, of) = (self.mark.as_bytes(), database.to_string());
        command(out, &[b"EVAL", CLAIM.as_bytes(), b"0", mark, of.as_bytes(), number.as_bytes()]);
        self.places.insert(database, place);
        Some(place)
    }

    fn fail(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }
}

/// A command as clients send it: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.
fn command(out: &mut BytesMut, words: &[&[u8]]) {
    out.put_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.put_slice(format!("${}\r\n", word.len()).as_bytes());
        out.put_slice(word);
        out.put_slice(b"\r\n");
    }
}
