//! Whether the bytes of a dump are a whole dump. A tool that was cut off has no last line.

/// How many of a dump's last bytes are looked at. PostgreSQL writes an `\unrestrict` line after its last comment.
const TAIL_BYTES: usize = 4096;

/// The bytes are no whole dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IncompleteDump {
    #[error("the dump is empty")]
    Empty,
    #[error(
        "the dump does not end in {0:?}: it is cut off, or dumpcar.args made it something else than plain SQL"
    )]
    NoLastLine(&'static str),
    #[error("the dump does not begin with {0:?}")]
    NoMagic(&'static str),
}

/// `last_line`: what a whole one has in its last lines, at the start of one.
pub(in crate::engine) fn check(
    last_line: Option<&'static str>,
    head: &[u8],
    tail: &[u8],
    plain_bytes: u64,
) -> Result<(), IncompleteDump> {
    if plain_bytes == 0 || head.is_empty() {
        return Err(IncompleteDump::Empty);
    }
    let Some(trailer) = last_line else { return Ok(()) };
    let last = tail.get(tail.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default();
    // At the start of a line: a row may hold the same text, but a line of a dump that starts so is the tool's own word.
    let is_there = last.split(|&byte| byte == b'\n').any(|line| line.starts_with(trailer.as_bytes()));
    if is_there { Ok(()) } else { Err(IncompleteDump::NoLastLine(trailer)) }
}
