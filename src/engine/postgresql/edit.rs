//! What is changed in a dump on its way into a server.
//!
//! `pg_dump` empties the `search_path`, so that a dump means the same wherever it is loaded. What needs the path that its database
//! had is then not found. A second load gets that path; for its reasons see [`Loading::own_path`].

use bytes::Bytes;

use super::globals::identifier;
use super::restore::quoted;
use super::restrict::RestrictLines;
use super::script::Script;

/// By how much an edited dump is longer. What no edit needs of it are line ends.
const ROOM: usize = 16 * 1024;

/// How a dump is loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Loading {
    /// With the `search_path` of the database, for one that does not load without.
    pub own_path: bool,
    /// Everything goes into the default tablespace.
    pub default_tablespace: bool,
}

const EMPTY_PATH: &[u8] = b"SELECT pg_catalog.set_config('search_path', '', false);\n";
const SET_TABLESPACE: &[u8] = b"SET default_tablespace = ";
/// Of a `pg_dump` from 17 on; an older server does not know it.
const TRANSACTION_TIMEOUT: &[u8] = b"SET transaction_timeout = 0;\n";
const ONLY_IF_KNOWN: &str = "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings \
                             WHERE name = 'transaction_timeout';\n";

/// The path that the database's owner has in it, or else everybody has; then those that other roles have. Whoever asks for
/// something by no more than its name has it in one of these.
const OWN_PATH: &str = "\
SELECT pg_catalog.set_config('search_path', pg_catalog.replace(pg_catalog.string_agg(path, ', ' ORDER BY place), '\"$user\"', \
pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(max(owner)))), false) FROM (
SELECT CASE WHEN r.setrole = d.datdba THEN CASE WHEN r.setdatabase = d.oid THEN 1 ELSE 2 END
WHEN r.setrole = 0 THEN 3 WHEN r.setdatabase = d.oid THEN 5 ELSE 6 END AS place, d.datdba AS owner,
pg_catalog.substr(setting, 13) AS path
FROM pg_catalog.pg_database d JOIN pg_catalog.pg_db_role_setting r ON r.setdatabase IN (0, d.oid)
CROSS JOIN pg_catalog.unnest(r.setconfig) AS setting
WHERE d.datname = pg_catalog.current_database() AND setting LIKE 'search\\_path=%'
UNION ALL
SELECT 4, d.datdba, s.reset_val FROM pg_catalog.pg_database d, pg_catalog.pg_settings s
WHERE d.datname = pg_catalog.current_database() AND s.name = 'search_path'
UNION ALL
SELECT 4, d.datdba, '\"$user\", public' FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
) AS paths;
";

/// When the schemas are there: those of extensions come last, and a single one of the database's own.
const WHOLE_PATH: &str = "\
SELECT pg_catalog.set_config('search_path', pg_catalog.current_setting('search_path') || ', ' || more, false) FROM (
SELECT pg_catalog.string_agg(pg_catalog.quote_ident(nspname), ', ') AS more FROM (
SELECT n.nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
UNION
SELECT max(nspname) FROM pg_catalog.pg_namespace n WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')
AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE e.extnamespace = n.oid)
AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend p WHERE p.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
AND p.objid = n.oid AND p.deptype = 'e') HAVING count(*) = 1
) AS schemas) AS found WHERE more IS NOT NULL;
";

/// From 17 on, a server makes indexes and fills materialized views with an empty path, whatever the session has. A path of its own
/// is what a function then still has.
const GIVE_ROUTINES_THE_PATH: &str = "\
DO $dumpcar$
DECLARE routine record; done text := '';
BEGIN
FOR routine IN SELECT p.oid, p.oid::pg_catalog.regprocedure AS name FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND p.prokind IN ('f', 'p') AND l.lanname NOT IN ('c', 'internal')
AND NOT EXISTS (SELECT FROM pg_catalog.unnest(p.proconfig) AS setting WHERE setting LIKE 'search\\_path=%')
LOOP
EXECUTE pg_catalog.format('ALTER ROUTINE %s SET search_path FROM CURRENT', routine.name);
done := done || ' ' || routine.oid;
END LOOP;
PERFORM pg_catalog.set_config('dumpcar.routines', done, false);
END $dumpcar$;
";
const TAKE_IT_BACK: &str = "\
DO $dumpcar$
DECLARE routine text;
BEGIN
FOR routine IN SELECT o::pg_catalog.oid::pg_catalog.regprocedure
FROM pg_catalog.regexp_split_to_table(pg_catalog.current_setting('dumpcar.routines'), ' ') AS o WHERE o <> ''
LOOP
EXECUTE pg_catalog.format('ALTER ROUTINE %s RESET search_path', routine);
END LOOP;
END $dumpcar$;
";

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
    has_path: bool,
    has_whole_path: bool,
    have_routines: bool,
    has_cron: bool,
    /// Behind the dump.
    last: Vec<u8>,
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
        out.extend_from_slice(&std::mem::take(&mut self.changes.last));
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
        if !self.loading.own_path {
            return None;
        }
        if line == EMPTY_PATH && !std::mem::replace(&mut self.has_path, true) {
            return Some(OWN_PATH.into());
        }
        if line.starts_with(b"CREATE ") && !line.starts_with(b"CREATE SCHEMA ") && !self.has_whole_path {
            self.has_whole_path = true;
            return Some([WHOLE_PATH.as_bytes(), line].concat());
        }
        if needs_routines(line) && !self.have_routines {
            self.have_routines = true;
            self.last.extend_from_slice(TAKE_IT_BACK.as_bytes());
            return Some([GIVE_ROUTINES_THE_PATH.as_bytes(), line].concat());
        }
        None
    }

    fn extension(&mut self, line: &[u8], extension: &[u8]) -> Option<Vec<u8>> {
        if extension == CRON && !std::mem::replace(&mut self.has_cron, true) {
            return Some([RENAME_FOR_CRON.as_bytes(), line, RENAME_BACK.as_bytes()].concat());
        }
        let schema = extension.strip_prefix(TIMESCALEDB)?.strip_suffix(b";\n")?;
        // As `pg_dump` has quoted it.
        let call = |what: &[u8]| [b"SELECT ", schema, b".timescaledb_", what, b"_restore();\n"].concat();
        if !self.last.is_empty() || schema.len() > 256 {
            return None;
        }
        self.last = call(b"post");
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

/// Whether this comment stands before what is made with an empty path.
fn needs_routines(line: &[u8]) -> bool {
    let types: [&[u8]; 3] =
        [b"; Type: INDEX; ", b"; Type: CONSTRAINT; ", b"; Type: MATERIALIZED VIEW DATA; "];
    line.starts_with(b"-- ") && types.iter().any(|kind| memchr::memmem::find(line, kind).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "DO '';\n--\n-- PostgreSQL database dump\n--\n\n\\restrict Kx7\n\n\
        SET statement_timeout = 0;\nSET transaction_timeout = 0;\n\
        SELECT pg_catalog.set_config('search_path', '', false);\nCREATE SCHEMA app;\n\
        CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public;\nSET default_tablespace = f;\n\
        CREATE TABLE app.t (\n    a text\n);\nSET default_tablespace = '';\n\
        COPY app.t (a) FROM stdin;\nSET default_tablespace = slow;\n\\.\n\
        -- Name: t_i; Type: INDEX; Schema: app; Owner: -\nSET default_tablespace = \"x;y\";\n\
        CREATE INDEX t_i ON app.t (a);\n-- Name: u_i; Type: INDEX; Schema: app; Owner: -\n\\unrestrict Kx7\n\n";

    fn passed(loading: Loading, dump: &str) -> String {
        let mut edit = DumpEdit::new(loading);
        let mut out = Vec::new();
        for piece in dump.as_bytes().chunks(7) {
            out.extend_from_slice(&edit.take(Bytes::copy_from_slice(piece)));
        }
        out.extend_from_slice(&edit.end());
        assert_eq!(out.len(), dump.len() + ROOM);
        String::from_utf8(out).unwrap().trim_end().to_owned() + "\n\n"
    }

    fn as_ever(dump: &str) -> String {
        dump.replace("\\restrict", "--estrict")
            .replace("\\unrestrict", "--nrestrict")
            .replace("SET transaction_timeout = 0;\n", ONLY_IF_KNOWN)
    }

    #[test]
    fn a_first_load_changes_only_what_older_servers_and_clients_do_not_know() {
        assert_eq!(passed(Loading::default(), DUMP), as_ever(DUMP));
        assert_eq!(passed(Loading::default(), "SELECT 1;\n\n"), "SELECT 1;\n\n");
    }

    #[test]
    fn tablespaces_become_the_default_outside_of_rows() {
        let loading = Loading { default_tablespace: true, ..Loading::default() };
        let wanted = as_ever(DUMP)
            .replace("SET default_tablespace = f;", "SET default_tablespace=''; ")
            .replace("SET default_tablespace = \"x;y\";", "SET default_tablespace='';     ");
        assert_eq!(passed(loading, DUMP), wanted);
    }

    #[test]
    fn a_second_load_has_the_path_of_the_database_and_so_have_its_routines() {
        let loading = Loading { own_path: true, ..Loading::default() };
        let index = "-- Name: t_i; Type: INDEX;";
        let mut wanted = as_ever(DUMP)
            .replace(std::str::from_utf8(EMPTY_PATH).unwrap(), OWN_PATH)
            .replace("CREATE TABLE app.t", &format!("{WHOLE_PATH}CREATE TABLE app.t"))
            .replace(index, &format!("{GIVE_ROUTINES_THE_PATH}{index}"));
        wanted += TAKE_IT_BACK;
        assert_eq!(passed(loading, DUMP), wanted.trim_end().to_owned() + "\n\n");
    }

    #[test]
    fn a_subscription_is_named_without_what_it_connects_with() {
        let dump = "CREATE SUBSCRIPTION \"s 1\" CONNECTION 'host=x password=secret' PUBLICATION p WITH (connect = false);\n\n";
        let mut edit = DumpEdit::new(Loading::default());
        edit.take(Bytes::from_static(dump.as_bytes()));
        edit.end();
        let [note] = edit.notes() else { panic!("{:?}", edit.notes()) };
        assert!(note.contains("`ALTER SUBSCRIPTION \"s 1\" ENABLE`") && !note.contains("secret"), "{note}");
    }

    #[test]
    fn extensions_get_what_they_want_for_a_restore() {
        let dump = "CREATE EXTENSION IF NOT EXISTS timescaledb WITH SCHEMA \"T s\";\n\
            CREATE EXTENSION IF NOT EXISTS pg_cron WITH SCHEMA pg_catalog;\n\n";
        let (first, second) = dump.split_once("\n").unwrap();
        let wanted = format!(
            "{first}\nSELECT \"T s\".timescaledb_pre_restore();\n{RENAME_FOR_CRON}{}\n{RENAME_BACK}\n\
             SELECT \"T s\".timescaledb_post_restore();\n\n",
            second.trim_end()
        );
        assert_eq!(passed(Loading::default(), dump), wanted);
    }
}
