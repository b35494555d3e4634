//! What a line says: its event's own fields, then whose it is.
//!
//! The spans around a job say that once, and every line that is written in them has it, also one of a part that
//! knows nothing of targets, as the store's retries. `tracing-subscriber`'s own formats would put a span's fields into a text
//! or an object of their own, and would say twice what both the event and a span say.

use std::fmt::{self, Debug};

use serde::Serializer as _;
use serde::ser::SerializeMap as _;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_serde::SerdeMapVisitor;
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::field::write_field;

/// What the spans say that a line is written in, innermost first.
#[derive(Default)]
struct Whose(Vec<(&'static str, String)>);

impl Visit for Whose {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = format!("{value:?}");
        match self.0.iter_mut().find(|(name, _)| *name == field.name()) {
            // A job that is tried again has another run.
            Some((_, known)) => *known = value,
            None => self.0.push((field.name(), value)),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

impl Whose {
    /// Of this event, without what it says itself.
    fn of<S, N>(event: &Event<'_>, context: &FmtContext<'_, S, N>) -> Self
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
        N: for<'a> FormatFields<'a> + 'static,
    {
        let mut all = Self::default();
        let scope = context.event_scope();
        for span in scope.into_iter().flatten() {
            let extensions = span.extensions();
            for (name, value) in extensions.get::<Self>().into_iter().flat_map(|whose| &whose.0) {
                let is_said = event.metadata().fields().field(name).is_some()
                    || all.0.iter().any(|(other, _)| other == name);
                if !is_said {
                    all.0.push((name, value.clone()));
                }
            }
        }
        all
    }
}

/// Keeps what spans say.
pub(super) struct Spans;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut whose = Whose::default();
        attributes.record(&mut whose);
        span.extensions_mut().insert(whose);
    }

    fn on_record(&self, id: &Id, said: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(whose) = span.extensions_mut().get_mut::<Whose>() {
            said.record(whose);
        }
    }
}

/// How an event is written.
pub(super) struct Line<T> {
    pub(super) time: T,
    /// One JSON object, for machines; or `TIME LEVEL message name=value …`, for people.
    pub(super) is_json: bool,
}

impl<S, N, T> FormatEvent<S, N> for Line<T>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    T: FormatTime,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::new();
        self.time.format_time(&mut Writer::new(&mut time))?;
        let whose = Whose::of(event, context);
        if self.is_json {
            let json = json(&time, event, &whose).map_err(|_| fmt::Error)?;
            return writeln!(writer, "{}", String::from_utf8_lossy(&json));
        }
        let level = *event.metadata().level();
        if writer.has_ansi_escapes() {
            write!(writer, "\x1b[2m{time}\x1b[0m \x1b[{}m{level:>5}\x1b[0m ", colour(level))?;
        } else {
            write!(writer, "{time} {level:>5} ")?;
        }
        context.format_fields(writer.by_ref(), event)?;
        for (name, value) in &whose.0 {
            writer.write_char(' ')?;
            write_field(&mut writer, name, value)?;
        }
        writeln!(writer)
    }
}

fn json(time: &str, event: &Event<'_>, whose: &Whose) -> Result<Vec<u8>, serde_json::Error> {
    let mut json = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut json);
    let mut object = serializer.serialize_map(None)?;
    object.serialize_entry("timestamp", time)?;
    object.serialize_entry("level", event.metadata().level().as_str())?;
    let mut fields = SerdeMapVisitor::new(object);
    event.record(&mut fields);
    let mut object = fields.take_serializer()?;
    for (name, value) in &whose.0 {
        object.serialize_entry(name, value)?;
    }
    object.end()?;
    Ok(json)
}

/// As `tracing-subscriber` has them.
fn colour(level: Level) -> u8 {
    match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    }
}
