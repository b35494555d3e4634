use std::io::{self, ErrorKind};

use super::*;
use crate::model::retention::RetentionSettings;
use crate::model::writers::InstanceNames;

mod errors;

const STORE: (&str, &str) = ("DUMPCAR_STORE", "s3://backups/prod");

/// A file system of one directory: `/run/secrets/NAME` is readable, everything else is not there.
fn read_file(path: &str) -> io::Result<String> {
    match path {
        "/run/secrets/key" => Ok("AKIA\n".to_owned()),
        "/run/secrets/secret" => Ok("s3cret\n".to_owned()),
        "/run/secrets/store" => Ok("s3://from-file/x\r\n".to_owned()),
        "/run/secrets/signing.key" => Ok(include_str!("../signing/fixtures/ed25519").to_owned()),
        "/run/secrets/empty" => Ok("\n".to_owned()),
        "/run/secrets/two-lines" => Ok("s3cret\n\n".to_owned()),
        "/run/secrets/mine" => Err(ErrorKind::PermissionDenied.into()),
        _ => Err(ErrorKind::NotFound.into()),
    }
}

fn load(pairs: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::from_pairs(pairs, &read_file)
}

/// The settings with a store, which is required.
fn config(pairs: &[(&str, &str)]) -> Config {
    load(&[&[STORE], pairs].concat()).unwrap()
}

fn table(config: &Config) -> String {
    let lines =
        config.redacted().iter().map(|Shown { name, value, source }| format!("{name} {value} ({source})\n"));
    lines.collect()
}

#[test]
fn the_store_is_all_that_is_needed() {
    insta::assert_snapshot!(table(&config(&[])), @"
    DUMPCAR_STORE s3://backups/prod (environment)
    AWS_REGION us-east-1 (default)
    DUMPCAR_S3_PATH_STYLE false (default)
    DUMPCAR_S3_STORAGE_CLASS - (default)
    DUMPCAR_S3_SSE - (default)
    DUMPCAR_S3_SSE_KMS_KEY_ID - (default)
    DUMPCAR_S3_CHECKSUM none (default)
    DUMPCAR_S3_CA_FILE - (default)
    DUMPCAR_UPLOAD_LIMIT none (default)
    DUMPCAR_DOWNLOAD_LIMIT none (default)
    DUMPCAR_S3_MAX_PARTS 10000 (default)
    DUMPCAR_S3_PART_SIZE - (default)
    DUMPCAR_SCHEDULE 0 23 * * * (default)
    TZ UTC (default)
    DUMPCAR_ON_START false (default)
    DUMPCAR_CATCH_UP true (default)
    DUMPCAR_JITTER 0s (default)
    DUMPCAR_VERIFY_SCHEDULE off (default)
    DUMPCAR_KEEP_LAST 7 (default)
    DUMPCAR_KEEP_HOURLY 0 (default)
    DUMPCAR_KEEP_DAILY 7 (default)
    DUMPCAR_KEEP_WEEKLY 0 (default)
    DUMPCAR_KEEP_MONTHLY 0 (default)
    DUMPCAR_KEEP_YEARLY 0 (default)
    DUMPCAR_KEEP_WITHIN - (default)
    DUMPCAR_PRUNE true (default)
    DUMPCAR_SHRINK_ALERT 50% (default)
    DUMPCAR_COMPRESSION auto (default)
    DUMPCAR_TRANSPORT auto (default)
    DUMPCAR_PARALLEL 1 (default)
    DUMPCAR_PARALLEL_DATABASES 1 (default)
    DUMPCAR_TIMEOUT 12h (default)
    DUMPCAR_STALL_TIMEOUT 15m (default)
    DUMPCAR_RETRIES 2 (default)
    DUMPCAR_GROUP - (default)
    DUMPCAR_DRILL_SCHEDULE off (default)
    DUMPCAR_DRILL_MEMORY 1GiB (default)
    DUMPCAR_DRILL_DISK off (default)
    DUMPCAR_DRILL_TIMEOUT 2h (default)
    DUMPCAR_HELPER_IMAGE - (default)
    DUMPCAR_SIGNING_KEY - (default)
    DUMPCAR_TRUSTED_SIGNERS - (default)
    DUMPCAR_LISTEN - (default)
    DUMPCAR_LISTEN_AUTH - (default)
    DUMPCAR_NOTIFY_URLS - (default)
    DUMPCAR_NOTIFY_ON failure (default)
    DUMPCAR_NOTIFY_SECRET - (default)
    DUMPCAR_PING_URL - (default)
    DUMPCAR_LABEL_PREFIX dumpcar (default)
    DUMPCAR_INSTANCE - (default)
    DUMPCAR_LOG info (default)
    DUMPCAR_LOG_FORMAT text (default)
    DOCKER_HOST unix:///var/run/docker.sock (default)
    DOCKER_TLS_VERIFY - (default)
    DOCKER_CERT_PATH - (default)
    ");
    assert_eq!(config(&[]).credentials, CredentialSource::InstanceProfile);
    assert!(!config(&[]).s3.path_style);
    assert_eq!(config(&[]).retention, RetentionSettings::default());
}

#[test]
fn everything_can_be_set() {
    let config = load(&[
        ("DUMPCAR_STORE_FILE", "/run/secrets/store"),
        ("AWS_ACCESS_KEY_ID_FILE", "/run/secrets/key"),
        ("AWS_SECRET_ACCESS_KEY_FILE", "/run/secrets/secret"),
        ("AWS_ENDPOINT_URL", "http://minio:9000/"),
        ("AWS_DEFAULT_REGION", "garage"),
        ("DUMPCAR_S3_PATH_STYLE", "No"),
        ("DUMPCAR_S3_STORAGE_CLASS", "STANDARD_IA"),
        ("DUMPCAR_S3_SSE", "aws:kms"),
        ("DUMPCAR_S3_SSE_KMS_KEY_ID", "alias/backups"),
        ("DUMPCAR_S3_CHECKSUM", "SHA256"),
        ("DUMPCAR_S3_CA_FILE", "/certs/ca.pem"),
        ("DUMPCAR_UPLOAD_LIMIT", "5MiB"),
        ("DUMPCAR_DOWNLOAD_LIMIT", "0"),
        ("https_proxy", "http://me:hunter2@proxy:3128"),
        ("DUMPCAR_S3_MAX_PARTS", "1000"),
        ("DUMPCAR_S3_PART_SIZE", "64 MiB"),
        ("DUMPCAR_SCHEDULE", "every 6h"),
        ("TZ", ":Europe/Berlin"),
        ("DUMPCAR_ON_START", "1"),
        ("DUMPCAR_CATCH_UP", "off"),
        ("DUMPCAR_JITTER", "10m"),
        ("DUMPCAR_VERIFY_SCHEDULE", "@weekly"),
        ("DUMPCAR_KEEP_LAST", "0"),
        ("DUMPCAR_KEEP_HOURLY", "24"),
        ("DUMPCAR_KEEP_DAILY", "14"),
        ("DUMPCAR_KEEP_WEEKLY", "8"),
        ("DUMPCAR_KEEP_MONTHLY", "12"),
        ("DUMPCAR_KEEP_YEARLY", "3"),
        ("DUMPCAR_KEEP_WITHIN", "2w"),
        ("DUMPCAR_PRUNE", "FALSE"),
        ("DUMPCAR_SHRINK_ALERT", "30"),
        ("DUMPCAR_COMPRESSION", "zstd:19"),
        ("DUMPCAR_TRANSPORT", "off"),
        ("DUMPCAR_PARALLEL", "4"),
        ("DUMPCAR_PARALLEL_DATABASES", "3"),
        ("DUMPCAR_TIMEOUT", "1h 30m"),
        ("DUMPCAR_STALL_TIMEOUT", "90s"),
        ("DUMPCAR_RETRIES", "0"),
        ("DUMPCAR_GROUP", "blue"),
        ("DUMPCAR_LABEL_PREFIX", "com.example.dumpcar"),
        ("DUMPCAR_DRILL_SCHEDULE", "@weekly"),
        ("DUMPCAR_DRILL_MEMORY", "512MiB"),
        ("DUMPCAR_DRILL_DISK", "50GiB"),
        ("DUMPCAR_DRILL_TIMEOUT", "90m"),
        ("DUMPCAR_HELPER_IMAGE", "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
        ("DUMPCAR_SIGNING_KEY_FILE", "/run/secrets/signing.key"),
        ("DUMPCAR_TRUSTED_SIGNERS", include_str!("../signing/fixtures/ed25519.pub")),
        ("DUMPCAR_LISTEN", "8080"),
        ("DUMPCAR_LISTEN_AUTH", "ops:hunter2"),
        (
            "DUMPCAR_NOTIFY_URLS",
            "https://me:hunter2@example.com/hook\nntfys://:tk_x@ntfy.example.com:8443/topic\n",
        ),
        ("DUMPCAR_NOTIFY_ON", "Digest,failure"),
        ("DUMPCAR_NOTIFY_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("DUMPCAR_PING_URL", "https://hc-ping.com/hunter2"),
        ("DUMPCAR_INSTANCE", "host-a"),
        ("DUMPCAR_LOG", "DEBUG"),
        ("DUMPCAR_LOG_FORMAT", "json"),
        ("DOCKER_HOST", "tcp://proxy:2375"),
        ("DOCKER_TLS_VERIFY", "yes"),
        ("DOCKER_CERT_PATH", "/certs"),
        ("HOSTNAME", "4f2a"),
        ("PATH", "/usr/bin"),
    ])
    .unwrap();
    insta::assert_snapshot!(table(&config), @"
    DUMPCAR_STORE s3://from-file/x (file)
    AWS_ACCESS_KEY_ID (set) (file)
    AWS_DEFAULT_REGION garage (environment)
    AWS_ENDPOINT_URL http://minio:9000/ (environment)
    AWS_SECRET_ACCESS_KEY (set) (file)
    DUMPCAR_S3_PATH_STYLE false (environment)
    DUMPCAR_S3_STORAGE_CLASS STANDARD_IA (environment)
    DUMPCAR_S3_SSE aws:kms (environment)
    DUMPCAR_S3_SSE_KMS_KEY_ID alias/backups (environment)
    DUMPCAR_S3_CHECKSUM sha256 (environment)
    DUMPCAR_S3_CA_FILE /certs/ca.pem (environment)
    https_proxy proxy:3128 (environment)
    DUMPCAR_UPLOAD_LIMIT 5MiB (environment)
    DUMPCAR_DOWNLOAD_LIMIT none (environment)
    DUMPCAR_S3_MAX_PARTS 1000 (environment)
    DUMPCAR_S3_PART_SIZE 64MiB (environment)
    DUMPCAR_SCHEDULE every 6h (environment)
    TZ Europe/Berlin (environment)
    DUMPCAR_ON_START true (environment)
    DUMPCAR_CATCH_UP false (environment)
    DUMPCAR_JITTER 10m (environment)
    DUMPCAR_VERIFY_SCHEDULE @weekly (environment)
    DUMPCAR_KEEP_LAST 0 (environment)
    DUMPCAR_KEEP_HOURLY 24 (environment)
    DUMPCAR_KEEP_DAILY 14 (environment)
    DUMPCAR_KEEP_WEEKLY 8 (environment)
    DUMPCAR_KEEP_MONTHLY 12 (environment)
    DUMPCAR_KEEP_YEARLY 3 (environment)
    DUMPCAR_KEEP_WITHIN 14d (environment)
    DUMPCAR_PRUNE false (environment)
    DUMPCAR_SHRINK_ALERT 30% (environment)
    DUMPCAR_COMPRESSION zstd:19 (environment)
    DUMPCAR_TRANSPORT off (environment)
    DUMPCAR_PARALLEL 4 (environment)
    DUMPCAR_PARALLEL_DATABASES 3 (environment)
    DUMPCAR_TIMEOUT 1h 30m (environment)
    DUMPCAR_STALL_TIMEOUT 1m 30s (environment)
    DUMPCAR_RETRIES 0 (environment)
    DUMPCAR_GROUP blue (environment)
    DUMPCAR_DRILL_SCHEDULE @weekly (environment)
    DUMPCAR_DRILL_MEMORY 512MiB (environment)
    DUMPCAR_DRILL_DISK 50GiB (environment)
    DUMPCAR_DRILL_TIMEOUT 1h 30m (environment)
    DUMPCAR_HELPER_IMAGE sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef (environment)
    DUMPCAR_SIGNING_KEY (set) SHA256:um9aepnOuy5Xf3Ud3/2vgK+H5cu7F7TqtOJFxIEecbI (file)
    DUMPCAR_TRUSTED_SIGNERS SHA256:um9aepnOuy5Xf3Ud3/2vgK+H5cu7F7TqtOJFxIEecbI (environment)
    DUMPCAR_LISTEN 0.0.0.0:8080 (environment)
    DUMPCAR_LISTEN_AUTH (set) (environment)
    DUMPCAR_NOTIFY_URLS (set) webhook example.com, ntfy ntfy.example.com:8443 (environment)
    DUMPCAR_NOTIFY_ON failure,digest (environment)
    DUMPCAR_NOTIFY_SECRET (set) (environment)
    DUMPCAR_PING_URL (set) hc-ping.com (environment)
    DUMPCAR_LABEL_PREFIX com.example.dumpcar (environment)
    DUMPCAR_INSTANCE host-a (environment)
    DUMPCAR_LOG debug (environment)
    DUMPCAR_LOG_FORMAT json (environment)
    DOCKER_HOST tcp://proxy:2375 (environment)
    DOCKER_TLS_VERIFY 1 (environment)
    DOCKER_CERT_PATH /certs (environment)
    ");
    // One newline belongs to the file.
    assert_eq!(config.aws["AWS_SECRET_ACCESS_KEY"].expose(), "s3cret");
    assert_eq!(config.aws["AWS_ACCESS_KEY_ID"].expose(), "AKIA");
    assert_eq!(config.s3.endpoint.as_deref(), Some("http://minio:9000"));
    assert_eq!(config.retention.last, Some(0));
    assert_eq!(config.docker_host, DockerHost::Tcp("proxy:2375".into()));
    assert!(!format!("{config:?}").contains("s3cret") && !format!("{config:?}").contains("hunter2"));
}

#[test]
fn the_credentials_are_the_ones_the_chain_will_use() {
    let source = |pairs: &[(&str, &str)]| config(pairs).credentials;
    let keys = [("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY_FILE", "/run/secrets/secret")];
    let web = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/not/read"), ("AWS_ROLE_ARN", "x")];
    let task = [("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x")];
    let pod = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/x"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/not/read"),
    ];
    assert_eq!(source(&keys), CredentialSource::Static);
    assert_eq!(source(&[keys, web].concat()), CredentialSource::Static);
    assert_eq!(source(&web), CredentialSource::WebIdentity);
    assert_eq!(source(&task), CredentialSource::Container);
    assert_eq!(source(&pod), CredentialSource::Container);
    assert_eq!(config(&pod).aws["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"].expose(), "/not/read");
}

#[test]
fn an_endpoint_brings_path_style_and_the_most_specific_one_wins() {
    let pairs = [
        ("AWS_ENDPOINT_URL_S3", "https://s3.example.com"),
        ("AWS_ENDPOINT_URL", "https://other.example.com"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let s3 = config(&pairs).s3;
    assert_eq!((s3.endpoint.as_deref(), s3.path_style), (Some("https://s3.example.com"), true));
    assert_eq!(s3.region, "us-east-1");
}

#[test]
fn what_the_instance_may_be_called_is_kept_apart() {
    let names = |set: Option<&str>, host: Option<&str>| InstanceNames {
        set: set.map(str::to_owned),
        host: host.map(str::to_owned),
    };
    assert_eq!(config(&[("HOSTNAME", "4f2a")]).instance, names(None, Some("4f2a")));
    assert_eq!(config(&[("DUMPCAR_INSTANCE", "shop")]).instance, names(Some("shop"), None));
    assert_eq!(config(&[]).instance, names(None, None));
}

#[test]
fn each_name_is_read_into_its_own_field() {
    for (field, name) in env::FIELDS.iter().zip(env::NAMES) {
        assert_eq!(name.strip_prefix("DUMPCAR_").unwrap_or(name).to_lowercase(), *field);
    }
}
