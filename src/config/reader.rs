//! Takes one value after the other and remembers what was wrong and what to show.

use super::env::{Environment, Source};
use super::error::ConfigErrors;
use super::parse::Parsed;

/// A setting as it may be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub name: String,
    /// The effective value; `-` for none, `(set)` for a secret.
    pub value: String,
    pub source: Source,
}

const NONE: &str = "-";
pub(super) const SECRET: &str = "(set)";

pub(super) struct Reader<'a> {
    pub(super) env: &'a Environment,
    pub(super) errors: ConfigErrors,
    pub(super) shown: Vec<Shown>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(env: &'a Environment, errors: ConfigErrors) -> Self {
        Self { env, errors, shown: Vec::new() }
    }

    /// The value, or the default when there is none or a wrong one, which is reported.
    pub(super) fn setting<T>(
        &mut self,
        name: &'static str,
        raw: Option<String>,
        default: T,
        parse: impl FnOnce(&str) -> Parsed<T>,
        show: impl FnOnce(&T) -> String,
    ) -> T {
        let value = self.value(name, raw, parse).unwrap_or(default);
        self.show(name, show(&value), self.env.source(name));
        value
    }

    /// The value of a setting that has no default.
    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        raw: Option<String>,
        parse: impl FnOnce(&str) -> Parsed<T>,
        show: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        let value = self.value(name, raw, parse);
        self.show(name, value.as_ref().map_or_else(|| NONE.to_owned(), show), self.env.source(name));
        value
    }

    fn value<T>(
        &mut self,
        name: &'static str,
        raw: Option<String>,
        parse: impl FnOnce(&str) -> Parsed<T>,
    ) -> Option<T> {
        parse(&raw?).map_err(|problem| self.errors.add(name, problem)).ok()
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.env.text(name).map(str::to_owned)
    }

    /// Reports the problem unless `holds`, or unless the name has been reported already.
    pub(super) fn require(&mut self, name: &'static str, holds: bool, problem: &str) {
        let is_reported = self.env.is_broken(name) || self.errors.iter().any(|error| error.name == name);
        if !holds && !is_reported {
            self.errors.add(name, problem);
        }
    }

    pub(super) fn show(&mut self, name: &str, value: String, source: Source) {
        self.shown.push(Shown { name: name.to_owned(), value, source });
    }

    pub(super) fn finish(self) -> (Vec<Shown>, ConfigErrors) {
        (self.shown, self.errors)
    }
}
