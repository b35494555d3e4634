//! The S3 client, built from the settings.

use std::io;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, Checksum as S3Checksum};
use object_store::{BackoffConfig, Certificate, ClientOptions, RetryConfig};

use super::answer::Connector;
use super::bucket::Store;
use super::client::AdaptiveClient;
use super::heard::Heard;
use super::limit::Limit;
use super::lister::Lister;
use super::place::Place;
use super::proxy;
use super::sender::Slow;
use super::signers::Signing;
use super::upload::IN_FLIGHT;
use crate::config::{Checksum, Config, CredentialSource, S3Settings, ServerEncryption};
use crate::model::parts::DEFAULT_PART;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum S3Error {
    #[error("DUMPCAR_S3_CA_FILE: cannot read {path}: {source}")]
    CaFile { path: String, source: io::Error },
    #[error("DUMPCAR_S3_CA_FILE: {path} holds no PEM certificate")]
    NoCertificate { path: String },
    /// Without the client's own words, which repeat the value (promise P6).
    #[error("{}: the S3 client does not take this value; correct or remove it", names.join(" with "))]
    Variables { names: Vec<String> },
    #[error("the S3 client cannot be set up: check the AWS_* variables")]
    Client(object_store::Error),
}

impl S3Error {
    /// Finds out which variables the client refuses: it does not say, and only to build it shows.
    fn refused(config: &Config, error: object_store::Error) -> Self {
        // Those that only mean something together.
        let is_encryption = |name: &str| name.contains("_SSE_") || name.contains("_SERVER_SIDE_");
        let is_taken = |names: &[&String]| {
            let bare = AmazonS3Builder::new().with_bucket_name("bucket").with_region("region");
            let known = names.iter().filter_map(|name| {
                Some((AmazonS3ConfigKey::from_str(&name.to_ascii_lowercase()).ok()?, config.aws.get(*name)?))
            });
            known.fold(bare, |builder, (key, value)| builder.with_config(key, value.expose())).build().is_ok()
        };
        let (encryption, others): (Vec<&String>, Vec<&String>) =
            config.aws.keys().partition(|name| is_encryption(name));
        let mut groups = others.into_iter().map(|name| vec![name]).chain([encryption]);
        match groups.find(|names| !is_taken(names)) {
            Some(names) => Self::Variables { names: names.into_iter().cloned().collect() },
            None => Self::Client(error),
        }
    }
}

impl Store {
    /// Prepares the client. Nothing is sent yet.
    ///
    /// # Errors
    /// See [`S3Error`].
    pub fn open(config: &Config) -> Result<Self, S3Error> {
        let settings = &config.s3;
        let part_size = settings.part_size.unwrap_or(DEFAULT_PART);
        let options = client_options(config)?;
        let heard = Arc::default();
        let builder = client(config, options.clone(), &heard)?;
        let is_set = |key| {
            let value = builder.get_config_value(&key).unwrap_or_default();
            ["true", "1", "yes", "on", "y", "requester"].contains(&value.to_ascii_lowercase().as_str())
        };
        let (is_anonymous, requester_pays) =
            (is_set(AmazonS3ConfigKey::SkipSignature), is_set(AmazonS3ConfigKey::RequestPayer));
        let endpoint = settings.endpoint.clone().unwrap_or_else(|| format!("AWS S3 in {}", settings.region));
        let backend = AdaptiveClient::new(builder, endpoint.clone(), Arc::clone(&heard))
            .map_err(|error| S3Error::refused(config, error))?;
        let lister = Lister {
            options,
            http: OnceLock::new(),
            bucket_url: bucket_url(settings),
            region: settings.region.clone(),
            credentials: (!is_anonymous).then(|| Arc::clone(backend.credentials())),
            requester_pays,
            cannot: OnceLock::new(),
            heard,
        };
        let place = Place {
            bucket: settings.store.bucket.clone(),
            prefix: settings.store.prefix.clone(),
            endpoint,
            storage_class: settings.storage_class.clone(),
            max_parts: settings.max_parts,
            part_size,
            may_be_write_only: !config.prune,
            renews_credentials: config.credentials != CredentialSource::Static,
            proxy: proxy::between(config, &bucket_url(settings)),
            upload_share: share(config, config.upload_limit),
            download_share: share(config, config.download_limit),
        };
        let signing = Signing { signer: config.signer.clone(), trusted: config.trusted_signers.clone() };
        let lister = Some(Arc::new(lister));
        Ok(Self { lister, signing: Arc::new(signing), ..Self::new(Arc::new(backend), place) })
    }
}

fn client(config: &Config, options: ClientOptions, heard: &Arc<Heard>) -> Result<AmazonS3Builder, S3Error> {
    let settings = &config.s3;
    let mut builder = AmazonS3Builder::new()
        .with_http_connector(connector(config, heard)?)
        .with_client_options(options)
        .with_retry(RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(200),
                max_backoff: Duration::from_secs(15),
                base: 2.0,
            },
            // About 40 s of trying against a server that refuses at once; a run has retries of its own.
            max_retries: 8,
            // A request is signed once for all its tries, and a signature is good for 15 minutes.
            retry_timeout: Duration::from_secs(600),
        })
        // The bulk request has a checksum header, which not every store takes, and pruning deletes little.
        .with_disable_bulk_delete(true);
    for (name, value) in config.aws.iter().filter(|(name, _)| !name.starts_with("AWS_PROXY_")) {
        if let Ok(key) = AmazonS3ConfigKey::from_str(&name.to_ascii_lowercase()) {
            builder = builder.with_config(key, value.expose());
        }
    }
    builder = builder
        .with_bucket_name(in_url(&settings.store.bucket))
        .with_region(&settings.region)
        .with_virtual_hosted_style_request(!settings.path_style);
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(request_endpoint(settings, endpoint));
    }
    builder = match settings.checksum {
        Checksum::None => builder,
        Checksum::Sha256 => builder.with_checksum_algorithm(S3Checksum::SHA256),
        Checksum::Crc64Nvme => builder.with_checksum_algorithm(S3Checksum::CRC64NVME),
    };
    let kms_key = settings.kms_key_id.clone().unwrap_or_default();
    builder = match settings.encryption {
        None => builder,
        Some(ServerEncryption::Aes256) => {
            // The type of this key is not public, its name is.
            match AmazonS3ConfigKey::from_str("aws_server_side_encryption") {
                Ok(key) => builder.with_config(key, "AES256"),
                Err(error) => return Err(S3Error::Client(error)),
            }
        }
        Some(ServerEncryption::Kms) => builder.with_sse_kms_encryption(kms_key),
        Some(ServerEncryption::KmsDsse) => builder.with_dsse_kms_encryption(kms_key),
    };
    Ok(builder)
}

/// With the bucket in the host name, the client wants it in the endpoint already.
fn request_endpoint(settings: &S3Settings, endpoint: &str) -> String {
    match endpoint.split_once("://") {
        Some((scheme, host)) if !settings.path_style => {
            format!("{scheme}://{}.{host}", settings.store.bucket)
        }
        _ => endpoint.to_owned(),
    }
}

/// A bucket's name as it stands in an URL, which is what is signed: of what it may have, only the colon before it needs that.
fn in_url(bucket: &str) -> String {
    bucket.replace(':', "%3A")
}

/// Where the client sends requests about the bucket itself, which it does not tell.
fn bucket_url(settings: &S3Settings) -> String {
    let S3Settings { store, region, endpoint, path_style, .. } = settings;
    let bucket = in_url(&store.bucket);
    match (endpoint, path_style) {
        (Some(endpoint), true) => format!("{endpoint}/{bucket}"),
        (Some(endpoint), false) => request_endpoint(settings, endpoint),
        (None, true) => format!("https://s3.{region}.amazonaws.com/{bucket}"),
        (None, false) => format!("https://{bucket}.s3.{region}.amazonaws.com"),
    }
}

/// What one transfer may count on of a limit, when as many as there can be share it.
fn share(config: &Config, limit: Option<u64>) -> Option<u64> {
    let dumps = u64::from(config.parallel) * u64::from(config.parallel_databases);
    let most = dumps.saturating_mul(IN_FLIGHT).max(8);
    limit.map(|limit| (limit / most).max(1))
}

fn connector(config: &Config, heard: &Arc<Heard>) -> Result<Connector, S3Error> {
    let settings = &config.s3;
    let url = bucket_url(settings);
    let slow = match config.upload_limit {
        None => None,
        Some(limit) => Some(Slow {
            limit: Arc::new(Limit::new(limit)),
            pem: settings.ca_file.as_deref().map(read_ca_file).transpose()?,
            proxy: config.proxies.of(&url).map(|proxy| proxy.url.clone()),
            except: config.proxies.except.clone(),
        }),
    };
    let download = config.download_limit.map(|limit| Arc::new(Limit::new(limit)));
    Ok(Connector { bucket_url: url, slow, download, heard: Arc::clone(heard) })
}

fn read_ca_file(path: &str) -> Result<Vec<u8>, S3Error> {
    std::fs::read(path).map_err(|source| S3Error::CaFile { path: path.to_owned(), source })
}

fn client_options(config: &Config) -> Result<ClientOptions, S3Error> {
    let settings = &config.s3;
    let allow_http = settings.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"));
    let mut options = ClientOptions::new()
        .with_allow_http(allow_http)
        .with_connect_timeout(Duration::from_secs(10))
        // The same limit for a list and for a part of 5 GiB would be wrong for one of them: every request has its own.
        .with_timeout_disabled();
    // A scratch image has no certificates; what the system has, if anything, is trusted as well.
    for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        options = options.with_root_certificate(Certificate::from_der(root).map_err(S3Error::Client)?);
    }
    if let Some(path) = &settings.ca_file {
        let pem = read_ca_file(path)?;
        let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
        if certificates.is_empty() {
            return Err(S3Error::NoCertificate { path: path.clone() });
        }
        for certificate in certificates {
            options = options.with_root_certificate(certificate);
        }
    }
    // Left to itself, the client reads the environment, of which an asterisk excepts names only; and for credentials it would go through the proxy, too.
    options = match config.proxies.of(&bucket_url(settings)) {
        Some(proxy) => options.with_proxy_url(proxy.url.expose()).with_proxy_excludes(&config.proxies.except),
        None => options.with_proxy_url("http://localhost").with_proxy_excludes("*,0.0.0.0/0,::/0"),
    };
    // Variables such as AWS_ALLOW_INVALID_CERTIFICATES.
    for (name, value) in config.aws.iter().filter(|(name, _)| !name.starts_with("AWS_PROXY_")) {
        if let Ok(AmazonS3ConfigKey::Client(key)) = AmazonS3ConfigKey::from_str(&name.to_ascii_lowercase()) {
            options = options.with_config(key, value.expose());
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use object_store::aws::AwsAuthorizer;
    use object_store::client::{HttpRequest, HttpRequestBody};
    use object_store::path::Path;
    use object_store::signer::Signer as _;

    use super::*;

    /// The client does not tell where it sends a request about the bucket; a signed URL gives it away.
    #[tokio::test]
    async fn the_request_of_our_own_goes_where_the_clients_go() {
        drop(rustls::crypto::ring::default_provider().install_default());
        for (endpoint, path_style) in [
            ("", "true"),
            ("", "false"),
            ("http://s3.example.com:3900", "true"),
            ("https://s3.example.com", "false"),
            ("https://s3.example.com", "tenant"),
        ] {
            // Such a name is asked for in the path.
            let (bucket, path_style) = match path_style {
                "tenant" => ("s3://tenant:My_Bucket/a", "true"),
                path_style => ("s3://my-bucket/a", path_style),
            };
            let pairs = [
                ("DUMPCAR_STORE", bucket),
                ("AWS_ENDPOINT_URL", endpoint),
                ("AWS_REGION", "eu-central-1"),
                ("AWS_ACCESS_KEY_ID", "AKID"),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
                ("DUMPCAR_S3_PATH_STYLE", path_style),
            ];
            let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let config = Config::from_pairs(pairs, &|_| Err(io::ErrorKind::NotFound.into())).unwrap();
            let client =
                client(&config, client_options(&config).unwrap(), &Arc::default()).unwrap().build().unwrap();
            let url = client
                .signed_url(Default::default(), &Path::from("k"), Duration::from_secs(1))
                .await
                .unwrap();
            let ours = bucket_url(&config.s3);
            assert!(url.as_str().starts_with(&format!("{ours}/k?")), "{url} {ours}");
        }
    }

    fn config(pairs: &[(&str, &str)]) -> Option<Config> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::from_pairs(pairs, &|_| Err(io::ErrorKind::NotFound.into())).ok()
    }

    /// As far as a request gets without a server.
    async fn try_to_sign(config: &Config) {
        let Ok(built) = client_options(config).and_then(|options| client(config, options, &Arc::default()))
        else {
            return;
        };
        let Ok(client) = built.build() else { return };
        if config.credentials != CredentialSource::Static {
            return;
        }
        drop(client.signed_url(Default::default(), &Path::from("k"), Duration::from_secs(1)).await);
        let Ok(credential) = client.credentials().get_credential().await else { return };
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = "http://localhost:9/b?x".parse().unwrap();
        drop(AwsAuthorizer::new(&credential, "s3", &config.s3.region).try_authorize(&mut request, None));
    }

    /// Whatever somebody sets, it ends in a word about it or in a request, and never in a panic.
    #[tokio::test]
    async fn rubbish_in_any_setting_is_an_error_or_works() {
        drop(rustls::crypto::ring::default_provider().install_default());
        const BASE: [(&str, &str); 4] = [
            ("DUMPCAR_STORE", "s3://my-bucket/a"),
            ("AWS_ENDPOINT_URL", "http://localhost:9"),
            ("AWS_ACCESS_KEY_ID", "AKIA"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ];
        let shown = config(&BASE).unwrap();
        let own = shown.redacted().iter().map(|shown| shown.name.as_str());
        let more = "AWS_SESSION_TOKEN AWS_DEFAULT_REGION AWS_ENDPOINT AWS_ENDPOINT_URL_S3 AWS_METADATA_ENDPOINT AWS_PROXY_URL \
                    AWS_TIMEOUT AWS_USER_AGENT AWS_SKIP_SIGNATURE AWS_ROLE_ARN AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_TOKEN \
                    AWS_BUCKET";
        let plain = "ü 🦀 \" 'x' - % %zz {} ../.. 18446744073709551616 -1 1e999 NaN http:// https://[ http://x:99999 s3:// @ \\";
        let unsafe_ones = ["\r", "x\n", "\u{0}", "\u{7f}", "\u{202e}", " ", "x y", "s3://b/\u{0}"];
        let long = "x".repeat(100_000);
        let values: Vec<&str> = plain.split(' ').chain(unsafe_ones).chain([long.as_str()]).collect();
        let mut taken = 0;
        for name in own.chain(more.split_whitespace()) {
            for value in &values {
                if let Some(config) = config(&[&BASE[..], &[(name, value)]].concat()) {
                    taken += 1;
                    try_to_sign(&config).await;
                }
            }
        }
        assert!(taken > 0);
    }
}
