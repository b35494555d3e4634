//! The log: on standard error, as text or as JSON. An event is one line, and has no character that acts on a terminal,
//! whatever is in its fields: much of it was said by a container, Docker or the bucket.

mod field;
mod line;

use std::fmt::{self, Debug};
use std::io::{self, Write};
use std::sync::Arc;

use jiff::tz::TimeZone;
use tracing::field::Field;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{self, Writer};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use self::field::write_field;
use self::line::{Line, Spans};
use crate::clock;
use crate::config::{Config, LogFormat, LogLevel};
use crate::terminal::Terminal;
use crate::text;

/// Starts logging for the whole process.
pub fn start(config: &Config, terminal: Arc<Terminal>) {
    let is_json = match config.log_format {
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let has_colours = terminal.has_colours() && !is_json;
    let fields = |writer: &mut Writer<'_>, field: &Field, value: &dyn Debug| {
        write_field(writer, field.name(), &format!("{value:?}"))
    };
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(Lines { terminal, is_json })
        .with_ansi(has_colours)
        .fmt_fields(format::debug_fn(fields).delimited(" "))
        .event_format(Line { time: LocalTime(config.time_zone.clone()), is_json });
    let base = tracing_subscriber::registry().with(shown(config.log_level)).with(Spans);
    // A second start in one process (a test) is not an error.
    drop(base.with(layer).try_init());
}

/// Which lines are shown: of this program's own those that are asked for, of the libraries' warnings at the most. At debug
/// bollard prints the environment of containers and execs, secrets included, and hyper what it sends.
fn shown(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("dumpcar", level)
}

/// Time in the configured zone, with its offset: it can be read by people and is unambiguous.
struct LocalTime(TimeZone);

impl FormatTime for LocalTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let now = clock::now().to_zoned(self.0.clone());
        write!(writer, "{}", now.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z"))
    }
}

/// Writes whole lines, around the progress display.
#[derive(Clone)]
struct Lines {
    terminal: Arc<Terminal>,
    is_json: bool,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let text = if self.is_json { text::escaped_json(&text) } else { text };
        self.terminal.print(text.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn a_library_is_never_heard_below_a_warning() {
        for (level, own, libraries) in [
            (LogLevel::Error, Level::ERROR, Level::ERROR),
            (LogLevel::Warn, Level::WARN, Level::WARN),
            (LogLevel::Info, Level::INFO, Level::WARN),
            (LogLevel::Debug, Level::DEBUG, Level::WARN),
            (LogLevel::Trace, Level::TRACE, Level::WARN),
        ] {
            let shown = shown(level);
            for any in [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE] {
                assert_eq!(shown.would_enable("dumpcar::jobs", &any), any <= own, "{level:?} {any}");
                for library in ["bollard", "hyper", "object_store", "reqwest", "log"] {
                    assert_eq!(
                        shown.would_enable(library, &any),
                        any <= libraries,
                        "{level:?} {library} {any}"
                    );
                }
            }
        }
    }
}
