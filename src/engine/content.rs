//! Whether the bytes of a dump are a whole dump. A tool that was cut off has no last line.

use super::Engine;
use crate::model::manifest::ObjectKind;

/// How many of a dump's last bytes are looked at. PostgreSQL writes an `\unrestrict` line after its last comment.
const TAIL_BYTES: usize = 4096;

/// The bytes are no whole dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    #[error("the dump is empty")]
    Empty,
    #[error(
        "the dump does not end in {0:?}: it is cut off, or dumpcar.args made it something else than plain SQL"
    )]
    NoTrailer(&'static str),
}

pub(super) fn check(
    engine: Engine,
    kind: ObjectKind,
    head: &[u8],
    tail: &[u8],
    plain_bytes: u64,
) -> Result<(), ContentError> {
    if plain_bytes == 0 || head.is_empty() {
        return Err(ContentError::Empty);
    }
    let Some(trailer) = trailer(engine, kind) else { return Ok(()) };
    let last = tail.get(tail.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default();
    // At the start of a line: a row may hold the same text, but a line of a dump that starts so is the tool's own word.
    let is_there = last.split(|&byte| byte == b'\n').any(|line| line.starts_with(trailer.as_bytes()));
    if is_there { Ok(()) } else { Err(ContentError::NoTrailer(trailer)) }
}

fn trailer(engine: Engine, kind: ObjectKind) -> Option<&'static str> {
    match (engine, kind) {
        (Engine::Custom, _) | (_, ObjectKind::Dump) => None,
        (Engine::Postgresql, ObjectKind::Database) => Some("-- PostgreSQL database dump complete"),
        (Engine::Postgresql, ObjectKind::Globals) => Some("-- PostgreSQL database cluster dump complete"),
        (Engine::Mariadb | Engine::Mysql, ObjectKind::Database) => Some("-- Dump completed"),
        (Engine::Mariadb | Engine::Mysql, ObjectKind::Globals) => Some("-- dumpcar globals complete"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PG: &str = "COPY x;\n\\.\n\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n\n";

    #[test]
    fn a_dump_is_whole_when_its_last_words_are_there() {
        for (engine, kind, tail) in [
            (Engine::Postgresql, ObjectKind::Database, PG),
            (
                Engine::Postgresql,
                ObjectKind::Globals,
                "--\n-- PostgreSQL database cluster dump complete\n--\n\n",
            ),
            (Engine::Mariadb, ObjectKind::Database, "\n-- Dump completed on 2026-11-23 23:00:00\n"),
            (Engine::Mysql, ObjectKind::Database, "-- Dump completed\n"),
            (Engine::Mysql, ObjectKind::Globals, "FLUSH PRIVILEGES;\n-- dumpcar globals complete\n"),
            (Engine::Custom, ObjectKind::Dump, "\0"),
        ] {
            assert_eq!(check(engine, kind, b"x", tail.as_bytes(), 1000), Ok(()), "{engine} {kind:?}");
        }
    }

    #[test]
    fn a_dump_without_its_last_words_is_refused() {
        let far = format!("-- Dump completed\n{}", "x".repeat(5000));
        for (engine, kind, tail) in [
            (Engine::Postgresql, ObjectKind::Database, "-- PostgreSQL database cluster dump complete\n"),
            (Engine::Postgresql, ObjectKind::Database, "1\t-- PostgreSQL database dump complete\n"),
            (Engine::Postgresql, ObjectKind::Globals, PG),
            (Engine::Mariadb, ObjectKind::Database, "INSERT INTO t VALUES (1,'-- Dump completed"),
            (Engine::Mysql, ObjectKind::Database, far.as_str()),
            (Engine::Mysql, ObjectKind::Globals, "-- Dump completed\n"),
        ] {
            let error = check(engine, kind, b"x", tail.as_bytes(), 1000).unwrap_err();
            assert!(matches!(error, ContentError::NoTrailer(_)), "{engine} {kind:?} {tail}");
        }
    }

    #[test]
    fn nothing_is_no_dump() {
        for engine in [Engine::Postgresql, Engine::Mariadb, Engine::Mysql, Engine::Custom] {
            assert_eq!(check(engine, ObjectKind::Dump, b"", b"", 0), Err(ContentError::Empty));
        }
    }
}
