//! The variables every S3 tool knows: region, endpoint and which credentials will be used.

use std::collections::BTreeMap;
use std::fmt;

use super::env::{Environment, Source};
use super::error::ConfigErrors;
use super::parse;
use super::reader::{Reader, SECRET, Shown};
use super::store::StoreUrl;
use crate::secret::Secret;

const DEFAULT_REGION: &str = "us-east-1";

/// The link of AWS's credential chain that will be used, as far as the variables tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialSource {
    /// `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.
    Static,
    /// A token file and a role: EKS service accounts and other OIDC providers.
    WebIdentity,
    /// ECS tasks and EKS pod identities.
    Container,
    /// Nothing is set: the metadata service of an EC2 instance.
    InstanceProfile,
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Static => "access key",
            Self::WebIdentity => "web identity",
            Self::Container => "container",
            Self::InstanceProfile => "instance profile",
        })
    }
}

pub(super) struct Aws {
    pub(super) variables: BTreeMap<String, Secret>,
    pub(super) region: String,
    pub(super) endpoint: Option<String>,
    pub(super) credentials: CredentialSource,
}

impl Reader<'_> {
    /// The variables of AWS; only what cannot be a secret is shown.
    pub(super) fn aws(&mut self) -> Aws {
        let aws = read(self.env, &mut self.errors);
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
        let name = endpoint_name(self.env);
        match endpoint.and_then(|endpoint| names_bucket(endpoint, bucket)) {
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
}

fn read(env: &Environment, errors: &mut ConfigErrors) -> Aws {
    let set: BTreeMap<&str, &str> = env.aws().collect();
    let has = |name: &str| set.contains_key(name) || env.is_broken(name);
    for name in ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"] {
        if has(name) {
            errors.add(
                name,
                "profiles are not supported; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or their _FILE forms",
            );
        }
    }
    let mut needs = |name: &str, other: &str| {
        if has(name) && !has(other) {
            errors.add(name, format!("needs {other} as well"));
        }
    };
    needs("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
    needs("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID");
    needs("AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID");
    needs("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN");
    // A role on top of other credentials would be ignored by the S3 client.
    needs("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE");
    needs("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");

    let credentials = if has("AWS_ACCESS_KEY_ID") {
        CredentialSource::Static
    } else if has("AWS_WEB_IDENTITY_TOKEN_FILE") {
        CredentialSource::WebIdentity
    } else if has("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") || has("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
        CredentialSource::Container
    } else {
        CredentialSource::InstanceProfile
    };
    let endpoint = endpoint(&set, errors);
    if let (Some(endpoint), CredentialSource::InstanceProfile) = (&endpoint, credentials)
        && !is_of_aws(endpoint)
    {
        errors.add(
            "AWS_ACCESS_KEY_ID",
            "and AWS_SECRET_ACCESS_KEY, or their _FILE forms, are required: the server of the endpoint knows no role of an EC2 instance",
        );
    }
    let region = match (set.get("AWS_REGION"), set.get("AWS_DEFAULT_REGION")) {
        (Some(region), Some(default)) if region != default => {
            errors.add("AWS_REGION", "differs from AWS_DEFAULT_REGION; keep one of them");
            DEFAULT_REGION
        }
        (Some(region), _) | (None, Some(region)) => region,
        (None, None) => DEFAULT_REGION,
    };
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        let is_region =
            |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        if set.get(name).is_some_and(|region| !is_region(region)) {
            errors.add(
                name,
                "must be the name of a region, like eu-central-1; a server's address belongs into AWS_ENDPOINT_URL",
            );
        }
    }
    // They become headers of a request, and some of them a part of a line that is signed.
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        if set.get(name).is_some_and(|key| !key.chars().all(|c| c.is_ascii_graphic())) {
            errors.add(name, "has a character in it that no key has (a space, or one beyond ASCII)");
        }
    }
    Aws {
        endpoint,
        region: region.to_owned(),
        credentials,
        variables: set.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect(),
    }
}

/// The variable that gives the endpoint.
fn endpoint_name(env: &Environment) -> &'static str {
    let names = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];
    let is_set = |name: &&str| env.aws().any(|(set, _)| set == *name);
    names.into_iter().find(is_set).unwrap_or("AWS_ENDPOINT_URL")
}

/// How an endpoint names the bucket, as the consoles of some providers show it: as the last folder, or as the first part of the
/// host's name. Then it would be named twice.
fn names_bucket(endpoint: &str, bucket: &str) -> Option<BucketIn> {
    let (scheme, rest) = endpoint.split_once("://")?;
    if let Some(server) = rest.strip_suffix(bucket).and_then(|rest| rest.strip_suffix('/')) {
        return Some(BucketIn::Path(format!("{scheme}://{server}")));
    }
    let server = rest.strip_prefix(bucket)?.strip_prefix('.')?;
    // `backups.internal` may be the whole name of a server.
    server.contains('.').then(|| BucketIn::Host(format!("{scheme}://{server}")))
}

/// Where an endpoint has the bucket, and the endpoint without it.
#[derive(Debug, PartialEq, Eq)]
enum BucketIn {
    Path(String),
    Host(String),
}

/// Whether the endpoint may be used by the role of an EC2 instance.
fn is_of_aws(endpoint: &str) -> bool {
    let host = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default().to_ascii_lowercase();
    host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn")
}

/// The most specific name wins, as it does in AWS's own tools; the two others mean the same.
fn endpoint(set: &BTreeMap<&str, &str>, errors: &mut ConfigErrors) -> Option<String> {
    let mut read = |name: &str| match parse::http_url(set.get(name)?) {
        Ok(url) => Some(url),
        Err(problem) => {
            errors.add(name, problem);
            None
        }
    };
    let (for_s3, url, plain) = (read("AWS_ENDPOINT_URL_S3"), read("AWS_ENDPOINT_URL"), read("AWS_ENDPOINT"));
    if url.is_some() && plain.is_some() && url != plain {
        errors.add("AWS_ENDPOINT", "differs from AWS_ENDPOINT_URL; keep one of them");
    }
    for_s3.or(url).or(plain)
}
