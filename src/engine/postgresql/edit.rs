//! What is changed in a dump on its way into a server.
//!
//! `pg_dump` empties the `search_path`, so that a dump means the same wherever it is loaded. What needs the path that its database
//! had is then not found. A second load gets that path; for its reasons see [`Loading::own_path`].

use bytes::Bytes;

use super::globals::identifier;
use super::paths::{
    END, FOLLOW_SCHEMAS, GIVE_ROUTINES_THE_PATH, IF_MEANING_DEPENDS_ON_IT, OWN_PATH, REFRESH_LATER,
    REFRESH_THE_REST, TAKE_IT_BACK, WHOLE_PATH,
};
use super::restore::quoted;
use super::restrict::RestrictLines;
use super::script::Script;
use crate::engine::shared::loading::Loading;

/// By how much an edited dump is longer. What no edit needs of it are line ends.
const ROOM: usize = 16 * 1024;

const EMPTY_PATH: &[u8] = b"SELECT pg_catalog.set_config('search_path', '', false);\n";
const SET_TABLESPACE: &[u8] = b"SET default_tablespace = ";
/// Of a `pg_dump` from 17 on; an older server does not know it.
const TRANSACTION_TIMEOUT: &[u8] = b"SET transaction_timeout = 0;\n";
const ONLY_IF_KNOWN: &str = "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings \
                             WHERE name = 'transaction_timeout';\n";

const REFRESH: &[u8] = b"REFRESH MATERIALIZED VIEW ";

/// What comes behind an event trigger is not for it to refuse: `REFRESH MATERIALIZED VIEW`, and what is said at the end.
const EVENT_TRIGGER: &[u8] = b"CREATE EVENT TRIGGER ";
const WITHOUT_EVENT_TRIGGERS: &str = "SET session_replication_role = replica;\n";

/// `pg_dump` makes it so that it neither asks the other server nor starts.
const SUBSCRIPTION: &[u8] = b"CREATE SUBSCRIPTION ";
const MOST_NOTES: usize = 100;

const EXTENSION: &[u8] = b"CREATE EXTENSION IF NOT EXISTS ";
const TIMESCALEDB: &[u8] = b"timescaledb WITH SCHEMA ";
const CRON: &[u8] = b"pg_cron WITH SCHEMA pg_catalog;\n";
/// `pg_cron` is made only in the database that `cron.database_name` names, which this one will be, or in one of this name. Nobody
/// else sees the name.
const RENAME_FOR_CRON: &str = "\
BEGIN;
SELECT pg_catalog.set_config('dumpcar.database', pg_catalog.current_database()::text, true);
UPDATE pg_catalog.pg_database SET datname = 'contrib_regression' WHERE datname = pg_catalog.current_database();
";
const RENAME_BACK: &str = "\
UPDATE pg_catalog.pg_database SET datname = pg_catalog.current_setting('dumpcar.database')::pg_catalog.name
WHERE datname = pg_catalog.current_database();
COMMIT;
";

/// Edits a dump while it passes by in pieces.
#[derive(Debug)]
pub struct DumpEdit {
    restrict: RestrictLines,
    script: Script,
    changes: Changes,
    taken: usize,
    passed: usize,
}

#[derive(Debug, Default)]
struct Changes {
    loading: Loading,
    has_timeout: bool,
    has_event_triggers: bool,
    has_extension: bool,
    has_path: bool,
    has_whole_path: bool,
    /// Of the object that was made last.
    schema: Vec<u8>,
    have_routines: bool,
    have_views: bool,
    has_cron: bool,
    /// What TimescaleDB wants behind the dump.
    timescaledb: Option<Vec<u8>>,
    notes: Vec<String>,
}

impl DumpEdit {
    pub(in crate::engine) const ROOM: u64 = ROOM as u64;

    pub(in crate::engine) fn new(loading: Loading) -> Self {
        Self {
            restrict: RestrictLines::default(),
            script: Script::default(),
            changes: Changes { loading, ..Changes::default() },
            taken: 0,
            passed: 0,
        }
    }

    /// What can be passed on when this piece has come.
    pub(in crate::engine) fn take(&mut self, piece: Bytes) -> Bytes {
        self.taken += piece.len();
        let piece = self.restrict.take(piece);
        self.edit(&piece)
    }

    /// What is left at the end of the dump. With it, what was passed on is longer by [`Self::ROOM`].
    pub(in crate::engine) fn end(&mut self) -> Bytes {
        let rest = self.restrict.end();
        let mut out = Vec::from(self.edit(&rest));
        let before = out.len();
        self.script.end(&mut out);
        out.extend_from_slice(&self.changes.end());
        self.passed += out.len() - before;
        let room = (self.taken + ROOM).saturating_sub(self.passed);
        out.resize(out.len() + room, b'\n');
        self.passed += room;
        out.into()
    }

    pub(in crate::engine) fn notes(&self) -> &[String] {
        &self.changes.notes
    }

    fn edit(&mut self, piece: &[u8]) -> Bytes {
        let Self { script, changes, .. } = self;
        let mut out = Vec::with_capacity(piece.len());
        script.take(piece, &mut out, |line| changes.of(line));
        self.passed += out.len();
        out.into()
    }
}

impl Changes {
    /// What takes the place of this line. Each is made once, or is no longer than the line: there is [`ROOM`] for them.
    fn of(&mut self, line: &[u8]) -> Option<Vec<u8>> {
        if line == TRANSACTION_TIMEOUT {
            return (!std::mem::replace(&mut self.has_timeout, true)).then(|| ONLY_IF_KNOWN.into());
        }
        if let Some(value) = line.strip_prefix(SET_TABLESPACE) {
            let is_set = self.loading.default_tablespace && value != b"'';\n";
            return is_set.then(|| in_default_tablespace(line.len()));
        }
        if let Some(extension) = line.strip_prefix(EXTENSION) {
            return self.extension(line, extension);
        }
        if let Some(subscription) = line.strip_prefix(SUBSCRIPTION) {
            self.notes.extend(
                disabled(&String::from_utf8_lossy(subscription)).filter(|_| self.notes.len() < MOST_NOTES),
            );
            return None;
        }
        if line.starts_with(EVENT_TRIGGER) && !std::mem::replace(&mut self.has_event_triggers, true) {
            return Some([WITHOUT_EVENT_TRIGGERS.as_bytes(), line].concat());
        }
        if let Some(view) = line.strip_prefix(REFRESH) {
            return self.refresh(view);
        }
        if !self.loading.own_path {
            let is_first = self.has_extension && !self.has_whole_path && is_made_behind_extensions(line);
            self.has_whole_path |= is_first;
            return is_first.then(|| {
                let when = IF_MEANING_DEPENDS_ON_IT;
                [OWN_PATH, when, END, WHOLE_PATH, when, END]
                    .concat()
                    .into_bytes()
                    .into_iter()
                    .chain(line.iter().copied())
                    .collect()
            });
        }
        if line == EMPTY_PATH && !std::mem::replace(&mut self.has_path, true) {
            return Some([OWN_PATH, END].concat().into());
        }
        let schema = schema(line);
        let mut first = String::new();
        if (schema.is_some() || is_made_behind_extensions(line)) && !self.has_whole_path {
            self.has_whole_path = true;
            first = [WHOLE_PATH, END, FOLLOW_SCHEMAS].concat();
        }
        if needs_routines(line) && !self.have_routines {
            self.have_routines = true;
            self.schema.clear();
            first.push_str(GIVE_ROUTINES_THE_PATH);
        }
        match schema {
            Some(schema) if schema != self.schema => {
                self.schema = schema.to_owned();
                Some([first.as_bytes(), b"SELECT pg_temp.p('", schema, b"');\n"].concat())
            }
            Some(_) | None if first.is_empty() => None,
            Some(_) | None => Some([first.as_bytes(), line].concat()),
        }
    }

    fn refresh(&mut self, view: &[u8]) -> Option<Vec<u8>> {
        let view = view.strip_suffix(b";\n").filter(|view| is_bare(view))?;
        let first = if std::mem::replace(&mut self.have_views, true) { "" } else { REFRESH_LATER };
        Some([first.as_bytes(), b"SELECT pg_temp.r('", view, b"');\n"].concat())
    }

    fn end(&mut self) -> Vec<u8> {
        let mut last = Vec::new();
        for (is_wanted, sql) in [(self.have_views, REFRESH_THE_REST), (self.have_routines, TAKE_IT_BACK)] {
            last.extend_from_slice(if is_wanted { sql.as_bytes() } else { b"" });
        }
        last.extend(self.timescaledb.take().unwrap_or_default());
        last
    }

    fn extension(&mut self, line: &[u8], extension: &[u8]) -> Option<Vec<u8>> {
        self.has_extension = true;
        if extension == CRON && !std::mem::replace(&mut self.has_cron, true) {
            return Some([RENAME_FOR_CRON.as_bytes(), line, RENAME_BACK.as_bytes()].concat());
        }
        let schema = extension.strip_prefix(TIMESCALEDB)?.strip_suffix(b";\n")?;
        // As `pg_dump` has quoted it.
        let call = |what: &[u8]| [b"SELECT ", schema, b".timescaledb_", what, b"_restore();\n"].concat();
        if self.timescaledb.is_some() || schema.len() > 256 {
            return None;
        }
        self.timescaledb = Some(call(b"post"));
        Some([line, &call(b"pre")].concat())
    }
}

/// What is behind the name may have a password in it.
fn disabled(subscription: &str) -> Option<String> {
    let (name, _) = identifier(subscription)?;
    let quoted = quoted(&name);
    Some(format!(
        "subscription {name:?} is restored disabled: `ALTER SUBSCRIPTION {quoted} ENABLE` and `ALTER SUBSCRIPTION {quoted} REFRESH \
         PUBLICATION` let it go on, and rows since the backup may be missing"
    ))
}

/// The shortest way to say it is no longer than any other.
fn in_default_tablespace(length: usize) -> Vec<u8> {
    let mut line = b"SET default_tablespace='';".to_vec();
    line.resize(length.saturating_sub(1), b' ');
    line.push(b'\n');
    line
}

fn is_made_behind_extensions(line: &[u8]) -> bool {
    line.starts_with(b"CREATE ") && !line.starts_with(b"CREATE SCHEMA ")
}

/// The schema that the comment before an object names. What takes the comment's place is no longer.
fn schema(line: &[u8]) -> Option<&[u8]> {
    const MARK: &[u8] = b"; Schema: ";
    const OWNER: &[u8] = b"; Owner: ";
    if !line.starts_with(b"-- Name: ") && !line.starts_with(b"-- Data for Name: ") {
        return None;
    }
    let from = memchr::memmem::rfind(line, MARK)? + MARK.len();
    let rest = line.get(from..)?;
    let schema = rest.get(..memchr::memmem::find(rest, OWNER)?)?;
    (schema != b"-" && is_bare(schema)).then_some(schema)
}

/// Whether this is itself between quotes.
fn is_bare(text: &[u8]) -> bool {
    !text.iter().any(|byte| matches!(byte, b'\'' | b'\\' | b'\n' | b'\r'))
}

/// Whether this comment stands before what is made with an empty path.
fn needs_routines(line: &[u8]) -> bool {
    let types: [&[u8]; 3] =
        [b"; Type: INDEX; ", b"; Type: CONSTRAINT; ", b"; Type: MATERIALIZED VIEW DATA; "];
    line.starts_with(b"-- ") && types.iter().any(|kind| memchr::memmem::find(line, kind).is_some())
}

#[cfg(test)]
mod tests;
