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

fn before_the_table(dump: &str, sql: &str) -> String {
    dump.replace("CREATE TABLE app.t", &format!("{sql}CREATE TABLE app.t"))
}

/// A database with an extension.
fn careful(dump: &str) -> String {
    let when = IF_MEANING_DEPENDS_ON_IT;
    before_the_table(&as_ever(dump), &format!("{OWN_PATH}{when};\n{WHOLE_PATH}{when};\n"))
}

#[test]
fn a_first_load_changes_only_what_older_servers_and_clients_do_not_know() {
    assert_eq!(passed(Loading::default(), DUMP), careful(DUMP));
    let plain = DUMP.replace("CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public;\n", "");
    assert_eq!(passed(Loading::default(), &plain), as_ever(&plain));
    assert_eq!(passed(Loading::default(), "SELECT 1;\n\n"), "SELECT 1;\n\n");
}

#[test]
fn tablespaces_become_the_default_outside_of_rows() {
    let loading = Loading { default_tablespace: true, ..Loading::default() };
    let wanted = careful(DUMP)
        .replace("SET default_tablespace = f;", "SET default_tablespace=''; ")
        .replace("SET default_tablespace = \"x;y\";", "SET default_tablespace='';     ");
    assert_eq!(passed(loading, DUMP), wanted);
}

#[test]
fn a_second_load_has_the_path_of_the_database_and_so_have_its_routines() {
    let loading = Loading { own_path: true, ..Loading::default() };
    let comment = "-- Name: t_i; Type: INDEX; Schema: app; Owner: -\n";
    let mut wanted = before_the_table(&as_ever(DUMP), &format!("{WHOLE_PATH};\n{FOLLOW_SCHEMAS}"))
        .replace(std::str::from_utf8(EMPTY_PATH).unwrap(), &format!("{OWN_PATH};\n"))
        .replace(comment, &format!("{GIVE_ROUTINES_THE_PATH}SELECT pg_temp.p('app');\n"));
    wanted += TAKE_IT_BACK;
    assert_eq!(passed(loading, DUMP), wanted.trim_end().to_owned() + "\n\n");
}

#[test]
fn the_path_follows_the_schemas_of_the_objects() {
    let line =
        |name: &str, schema: &str| format!("-- Name: {name}; Type: TABLE; Schema: {schema}; Owner: o\n");
    let other = |name: &str, schema: &str| {
        format!("-- Data for Name: {name}; Type: TABLE DATA; Schema: {schema}; Owner: o\n")
    };
    let call = |schema: &str| format!("SELECT pg_temp.p('{schema}');\n");
    let dump = [
        line("e", "-"),
        line("a", "one"),
        line("b", "one"),
        line("c", "T w"),
        line("d", "it's"),
        other("a", "one"),
    ];
    let wanted = [line("e", "-"), call("one"), line("b", "one"), call("T w"), line("d", "it's"), call("one")];
    let loading = Loading { own_path: true, ..Loading::default() };
    let first = format!("{WHOLE_PATH};\n{FOLLOW_SCHEMAS}");
    let wanted = wanted.concat().replacen(&call("one"), &(first + &call("one")), 1);
    assert_eq!(passed(loading, &(dump.concat() + "\n")), wanted + "\n");
}

#[test]
fn views_wait_for_each_other() {
    let dump = "REFRESH MATERIALIZED VIEW app.a;\nREFRESH MATERIALIZED VIEW app.\"it's\";\nREFRESH MATERIALIZED VIEW \"x\ny\";\n\
        REFRESH MATERIALIZED VIEW b;\n\n";
    let wanted = format!(
        "{REFRESH_LATER}SELECT pg_temp.r('app.a');\nREFRESH MATERIALIZED VIEW app.\"it's\";\nREFRESH MATERIALIZED VIEW \"x\ny\";\n\
         SELECT pg_temp.r('b');\n\n{REFRESH_THE_REST}\n"
    );
    assert_eq!(passed(Loading::default(), dump), wanted);
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
    let (first, second) = dump.split_once('\n').unwrap();
    let wanted = format!(
        "{first}\nSELECT \"T s\".timescaledb_pre_restore();\n{RENAME_FOR_CRON}{}\n{RENAME_BACK}\n\
         SELECT \"T s\".timescaledb_post_restore();\n\n",
        second.trim_end()
    );
    assert_eq!(passed(Loading::default(), dump), wanted);
}
