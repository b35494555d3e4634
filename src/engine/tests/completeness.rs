use crate::engine::{Engine, IncompleteDump};
use crate::model::manifest::ObjectKind;

const PG: &str = "COPY x;\n\\.\n\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n\n";

#[test]
fn a_dump_is_whole_when_its_last_words_are_there() {
    for (engine, kind, tail) in [
        (Engine::POSTGRESQL, ObjectKind::Database, PG),
        (Engine::POSTGRESQL, ObjectKind::Globals, "--\n-- PostgreSQL database cluster dump complete\n--\n\n"),
        (Engine::MARIADB, ObjectKind::Database, "\n-- Dump completed on 2026-11-23 23:00:00\n"),
        (Engine::MYSQL, ObjectKind::Database, "-- Dump completed\n"),
        (Engine::MYSQL, ObjectKind::Globals, "FLUSH PRIVILEGES;\n-- dumpcar globals complete\n"),
        (Engine::CUSTOM, ObjectKind::Dump, "\0"),
    ] {
        assert_eq!(engine.check(kind, b"x", tail.as_bytes(), 1000), Ok(()), "{engine} {kind:?}");
    }
}

#[test]
fn a_dump_without_its_last_words_is_refused() {
    let far = format!("-- Dump completed\n{}", "x".repeat(5000));
    for (engine, kind, tail) in [
        (Engine::POSTGRESQL, ObjectKind::Database, "-- PostgreSQL database cluster dump complete\n"),
        (Engine::POSTGRESQL, ObjectKind::Database, "1\t-- PostgreSQL database dump complete\n"),
        (Engine::POSTGRESQL, ObjectKind::Globals, PG),
        (Engine::MARIADB, ObjectKind::Database, "INSERT INTO t VALUES (1,'-- Dump completed"),
        (Engine::MYSQL, ObjectKind::Database, far.as_str()),
        (Engine::MYSQL, ObjectKind::Globals, "-- Dump completed\n"),
    ] {
        let error = engine.check(kind, b"x", tail.as_bytes(), 1000).unwrap_err();
        assert!(matches!(error, IncompleteDump::NoLastLine(_)), "{engine} {kind:?} {tail}");
    }
}

#[test]
fn nothing_is_no_dump() {
    for engine in [Engine::POSTGRESQL, Engine::MARIADB, Engine::MYSQL, Engine::CUSTOM] {
        assert_eq!(engine.check(ObjectKind::Dump, b"", b"", 0), Err(IncompleteDump::Empty));
    }
}
