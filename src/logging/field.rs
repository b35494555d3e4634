//! A field of a line, for people.

use std::fmt;

use tracing_subscriber::fmt::format::Writer;

use crate::text;

/// As tracing-subscriber writes a field, except that it escapes the escape character in messages only.
pub(super) fn write_field(writer: &mut Writer<'_>, name: &str, value: &str) -> fmt::Result {
    let value = text::escaped(value);
    match name {
        "message" => write!(writer, "{value}"),
        name if writer.has_ansi_escapes() => write!(writer, "\x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m{value}"),
        name => write!(writer, "{name}={value}"),
    }
}
