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
