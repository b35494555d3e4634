//! The log: on standard error, text for a terminal and JSON for everything else.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use jiff::tz::TimeZone;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::clock;
use crate::config::{Config, LogFormat, LogLevel};
use crate::terminal::Terminal;

/// Starts logging for the whole process.
pub fn start(config: &Config, terminal: Arc<Terminal>) {
    let text = match config.log_format {
        LogFormat::Auto => io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let lines = Lines(terminal);
    let base = tracing_subscriber::registry().with(shown(config.log_level));
    let layer =
        tracing_subscriber::fmt::layer().with_timer(LocalTime(config.time_zone.clone())).with_writer(lines);
    // A second start in one process (a test) is not an error.
    if text {
        let layer = layer.with_target(false).with_ansi(io::stderr().is_terminal());
        drop(base.with(layer).try_init());
    } else {
        let layer = layer
            .json()
            .flatten_event(true)
            .with_target(false)
            .with_current_span(false)
            .with_span_list(false);
        drop(base.with(layer).try_init());
    }
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
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        let now = clock::now().to_zoned(self.0.clone());
        write!(writer, "{}", now.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z"))
    }
}

/// Writes whole lines, around the progress display.
#[derive(Clone)]
struct Lines(Arc<Terminal>);

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.print(line)?;
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
