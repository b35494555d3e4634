//! Takes one value after the other and remembers what was wrong and what to show.

use super::aws::{self, Aws, BucketIn};
use super::env::{Environment, Source};
use super::error::ConfigErrors;
use super::parse::Parsed;
use super::proxy::{self, Proxy};
use super::store::StoreUrl;
use crate::secret::Secret;

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
    env: &'a Environment,
    errors: ConfigErrors,
    shown: Vec<Shown>,
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

    /// The first of these that is set.
    pub(super) fn proxy(&mut self, names: &[&'static str]) -> Option<Proxy> {
        let (name, url) = names.iter().find_map(|name| Some((*name, self.env.text(name)?)))?;
        let is_told = self.errors.iter().any(|error| error.name == name);
        match proxy::address(url) {
            Ok(address) => {
                if !self.shown.iter().any(|shown| shown.name == name) {
                    self.show(name, address.clone(), self.env.source(name));
                }
                Some(Proxy { name, address, url: Secret::new(url) })
            }
            Err(_) if is_told => None,
            Err(problem) => {
                self.errors.add(name, problem);
                None
            }
        }
    }

    /// Reports the problem unless `holds`, or unless the name has been reported already.
    pub(super) fn require(&mut self, name: &'static str, holds: bool, problem: &str) {
        let is_reported = self.env.is_broken(name) || self.errors.iter().any(|error| error.name == name);
        if !holds && !is_reported {
            self.errors.add(name, problem);
        }
    }

    /// The variables of AWS; only what cannot be a secret is shown.
    pub(super) fn aws(&mut self) -> Aws {
        let aws = aws::read(self.env, &mut self.errors);
        for (name, value) in self.env.aws() {
            let is_plain = matches!(
                name,
                "AWS_REGION"
                    | "AWS_DEFAULT_REGION"
                    | "AWS_ENDPOINT"
                    | "AWS_ENDPOINT_URL"
                    | "AWS_ENDPOINT_URL_S3"
            );
            let value = if is_plain { value } else { SECRET };
            self.shown.push(Shown {
                name: name.to_owned(),
                value: value.to_owned(),
                source: self.env.source(name),
            });
        }
        let names_region = |shown: &Shown| matches!(shown.name.as_str(), "AWS_REGION" | "AWS_DEFAULT_REGION");
        if !self.shown.iter().any(names_region) {
            self.show("AWS_REGION", aws.region.clone(), Source::Default);
        }
        aws
    }

    /// Reports an endpoint that names the bucket already, and a bucket that no host can be called.
    pub(super) fn bucket_and_endpoint(&mut self, store: &StoreUrl, endpoint: Option<&str>, path_style: bool) {
        let bucket = &store.bucket;
        let asked_for = self.env.source("DUMPCAR_S3_PATH_STYLE") != Source::Default;
        let name = aws::endpoint_name(self.env);
        match endpoint.and_then(|endpoint| aws::names_bucket(endpoint, bucket)) {
            Some(BucketIn::Path(server)) => {
                self.errors.add(name, format!("the endpoint already names the bucket {bucket}: set it to {server}"));
            }
            Some(BucketIn::Host(server)) if !(asked_for && path_style) => self.errors.add(
                name,
                format!(
                    "the endpoint already names the bucket {bucket}: set it to {server} (or, if that is the server's own \
                     name, set DUMPCAR_S3_PATH_STYLE=true)"
                ),
            ),
            Some(BucketIn::Host(_)) | None => {}
        }
        if !path_style && !store.may_be_host() {
            self.errors.add(
                "DUMPCAR_STORE",
                "no host can have the bucket's name in its own (capitals, underscores, a tenant): set DUMPCAR_S3_PATH_STYLE=true",
            );
        }
    }

    fn show(&mut self, name: &str, value: String, source: Source) {
        self.shown.push(Shown { name: name.to_owned(), value, source });
    }

    pub(super) fn finish(self) -> (Vec<Shown>, ConfigErrors) {
        (self.shown, self.errors)
    }
}
