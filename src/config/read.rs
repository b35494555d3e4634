//! From the variables to the settings: one value after the other, each with its default.

use std::io;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::env::Environment;
use super::error::ConfigErrors;
use super::listen;
use super::notify::{self, RawNotify};
use super::parse::{self, DockerHost};
use super::proxy::Proxies;
use super::reader::Reader;
use super::settings::{Config, S3Settings};
use super::signing;
use super::words::{self, Checksum, LogFormat, LogLevel, ServerEncryption};
use crate::model::compression::CompressionChoice;
use crate::model::duration::Short;
use crate::model::parts::{DEFAULT_MAX_PARTS, MAX_PART, MIN_PART};
use crate::model::retention::RetentionSettings;
use crate::model::schedule::Schedule;
use crate::model::suspicion::ShrinkAlert;
use crate::model::transport::Transport;
use crate::model::writers::InstanceNames;

const HOUR: Duration = Duration::from_secs(3_600);

const DEFAULT_TIMEOUT: Duration = HOUR.saturating_mul(12);

const DEFAULT_STALL_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Enough for a server with its image's own settings.
const DRILL_MEMORY: u64 = 1 << 30;

/// A drill executes what is in the bucket: not all night.
const DRILL_TIMEOUT: Duration = HOUR.saturating_mul(2);

const DEFAULT_SCHEDULE: &str = "0 23 * * *";

const DEFAULT_DOCKER_HOST: &str = "unix:///var/run/docker.sock";

impl Config {
    /// Reads the settings from the variables; `read_file` gives the content of the file at a path.
    ///
    /// # Errors
    /// Every mistake there is.
    pub fn from_pairs(
        pairs: impl IntoIterator<Item = (String, String)>,
        read_file: &dyn Fn(&str) -> io::Result<String>,
    ) -> Result<Self, ConfigErrors> {
        let mut errors = ConfigErrors::default();
        let env = Environment::resolve(pairs, read_file, &mut errors);
        let raw = env.raw();
        let mut reader = Reader::new(&env, errors);
        let bare = |value: &bool| value.to_string();
        let number = |value: &u32| value.to_string();
        let span = |value: &Duration| Short(*value).to_string();
        let text = |value: &String| value.clone();

        // In the order of the documentation, which is the order they are shown in.
        let store = reader.optional("DUMPCAR_STORE", raw.store, parse::own, ToString::to_string);
        reader.require("DUMPCAR_STORE", store.is_some(), "is required, like s3://my-bucket/backups");
        let aws = reader.aws();
        let path_style = reader.setting(
            "DUMPCAR_S3_PATH_STYLE",
            raw.s3_path_style,
            aws.endpoint.is_some(),
            parse::boolean,
            bare,
        );
        if let Some(store) = &store {
            reader.bucket_and_endpoint(store, aws.endpoint.as_deref(), path_style);
        }
        let storage_class =
            reader.optional("DUMPCAR_S3_STORAGE_CLASS", raw.s3_storage_class, storage_class, text);
        let encryption = reader.optional(
            "DUMPCAR_S3_SSE",
            raw.s3_sse,
            |text| parse::choice(text, &ServerEncryption::WORDS),
            |value| value.as_str().to_owned(),
        );
        let kms_key_id =
            reader.optional("DUMPCAR_S3_SSE_KMS_KEY_ID", raw.s3_sse_kms_key_id, parse::plain, text);
        let uses_kms = matches!(encryption, Some(ServerEncryption::Kms | ServerEncryption::KmsDsse));
        reader.require(
            "DUMPCAR_S3_SSE_KMS_KEY_ID",
            uses_kms || kms_key_id.is_none(),
            "needs DUMPCAR_S3_SSE to be aws:kms or aws:kms:dsse",
        );
        let checksum = reader.setting(
            "DUMPCAR_S3_CHECKSUM",
            raw.s3_checksum,
            Checksum::default(),
            |text| parse::choice(text, &Checksum::WORDS),
            |value| words::word_of(*value, &Checksum::WORDS).to_owned(),
        );
        let ca_file = reader.optional("DUMPCAR_S3_CA_FILE", raw.s3_ca_file, parse::plain, text);
        // The name AWS's own tools have for it.
        let ca_file = ca_file.or_else(|| Some(aws.variables.get("AWS_CA_BUNDLE")?.expose().to_owned()));
        let proxies = Proxies::read(&mut reader);
        let show_rate = |rate: &Option<u64>| rate.map_or_else(|| "none".to_owned(), parse::show_bytes);
        let upload_limit =
            reader.setting("DUMPCAR_UPLOAD_LIMIT", raw.upload_limit, None, parse::rate, show_rate);
        let download_limit =
            reader.setting("DUMPCAR_DOWNLOAD_LIMIT", raw.download_limit, None, parse::rate, show_rate);
        let max_parts = reader.setting(
            "DUMPCAR_S3_MAX_PARTS",
            raw.s3_max_parts,
            DEFAULT_MAX_PARTS,
            |text| parse::within(text, 100..=10_000),
            number,
        );
        let part_size = reader
            .optional("DUMPCAR_S3_PART_SIZE", raw.s3_part_size, part_size, |size| parse::show_bytes(*size));

        let default_schedule = DEFAULT_SCHEDULE.parse().expect("the default is valid");
        let schedule = reader.setting(
            "DUMPCAR_SCHEDULE",
            raw.schedule,
            default_schedule,
            parse::own,
            ToString::to_string,
        );
        let time_zone = reader.setting("TZ", raw.tz, TimeZone::UTC, parse::time_zone, |zone| {
            zone.iana_name().unwrap_or_default().to_owned()
        });
        let on_start = reader.setting("DUMPCAR_ON_START", raw.on_start, false, parse::boolean, bare);
        let catch_up = reader.setting("DUMPCAR_CATCH_UP", raw.catch_up, true, parse::boolean, bare);
        let jitter = reader.setting("DUMPCAR_JITTER", raw.jitter, Duration::ZERO, parse::span, span);
        let verify_schedule = reader.setting(
            "DUMPCAR_VERIFY_SCHEDULE",
            raw.verify_schedule,
            Schedule::Off,
            parse::own,
            ToString::to_string,
        );

        // One that is set changes the default of another one, here and in a target's labels.
        let last = raw.keep_last.as_ref().map(|_| 0);
        let default = RetentionSettings { last, ..RetentionSettings::default() }.rules();
        let mut count = |name, raw: Option<_>, default| {
            let is_set = raw.is_some();
            let count = reader.setting(name, raw, default, parse::count, number);
            is_set.then_some(count)
        };
        let retention = RetentionSettings {
            last: count("DUMPCAR_KEEP_LAST", raw.keep_last, default.last),
            hourly: count("DUMPCAR_KEEP_HOURLY", raw.keep_hourly, default.hourly),
            daily: count("DUMPCAR_KEEP_DAILY", raw.keep_daily, default.daily),
            weekly: count("DUMPCAR_KEEP_WEEKLY", raw.keep_weekly, default.weekly),
            monthly: count("DUMPCAR_KEEP_MONTHLY", raw.keep_monthly, default.monthly),
            yearly: count("DUMPCAR_KEEP_YEARLY", raw.keep_yearly, default.yearly),
            within: reader.optional("DUMPCAR_KEEP_WITHIN", raw.keep_within, parse::span, span),
        };
        if let Err(error) = retention.policy() {
            let cure = format!("{error}; to keep everything, set DUMPCAR_PRUNE=false");
            reader.require("DUMPCAR_KEEP_LAST", false, &cure);
        }
        let prune = reader.setting("DUMPCAR_PRUNE", raw.prune, true, parse::boolean, bare);
        let shrink_alert = reader.setting(
            "DUMPCAR_SHRINK_ALERT",
            raw.shrink_alert,
            ShrinkAlert::default(),
            parse::own,
            ToString::to_string,
        );
        let compression = reader.setting(
            "DUMPCAR_COMPRESSION",
            raw.compression,
            CompressionChoice::default(),
            parse::own,
            ToString::to_string,
        );
        let transport = reader.setting(
            "DUMPCAR_TRANSPORT",
            raw.transport,
            Transport::default(),
            |text| parse::choice(text, &Transport::WORDS),
            ToString::to_string,
        );
        let parallel =
            reader.setting("DUMPCAR_PARALLEL", raw.parallel, 1, |text| parse::within(text, 1..=64), number);
        let parallel_databases = reader.setting(
            "DUMPCAR_PARALLEL_DATABASES",
            raw.parallel_databases,
            1,
            |text| parse::within(text, 1..=16),
            number,
        );
        let timeout = reader.setting("DUMPCAR_TIMEOUT", raw.timeout, DEFAULT_TIMEOUT, parse::limit, span);
        let stall_timeout = reader.setting(
            "DUMPCAR_STALL_TIMEOUT",
            raw.stall_timeout,
            DEFAULT_STALL_TIMEOUT,
            parse::limit,
            span,
        );
        let retries =
            reader.setting("DUMPCAR_RETRIES", raw.retries, 2, |text| parse::within(text, 0..=10), number);
        let group = reader.optional("DUMPCAR_GROUP", raw.group, parse::plain, text);
        let drill_schedule = reader.setting(
            "DUMPCAR_DRILL_SCHEDULE",
            raw.drill_schedule,
            Schedule::Off,
            parse::own,
            ToString::to_string,
        );
        let drill_memory =
            reader.setting("DUMPCAR_DRILL_MEMORY", raw.drill_memory, DRILL_MEMORY, drill_memory, |size| {
                parse::show_bytes(*size)
            });
        let drill_disk = reader.setting("DUMPCAR_DRILL_DISK", raw.drill_disk, 0, drill_disk, |size| {
            if *size == 0 { "off".to_owned() } else { parse::show_bytes(*size) }
        });
        let drill_timeout =
            reader.setting("DUMPCAR_DRILL_TIMEOUT", raw.drill_timeout, DRILL_TIMEOUT, parse::limit, span);
        let helper_image =
            reader.optional("DUMPCAR_HELPER_IMAGE", raw.helper_image, parse::own, ToString::to_string);
        let (signer, trusted_signers) = signing::read(&mut reader, raw.signing_key, raw.trusted_signers);
        let listen = listen::read(&mut reader, raw.listen, raw.listen_auth);
        let (urls, on, secret, ping) = (raw.notify_urls, raw.notify_on, raw.notify_secret, raw.ping_url);
        let notify = notify::read(&mut reader, RawNotify { urls, on, secret, ping });
        let label_prefix = reader.setting(
            "DUMPCAR_LABEL_PREFIX",
            raw.label_prefix,
            "dumpcar".to_owned(),
            parse::label_prefix,
            text,
        );
        // Docker itself sets HOSTNAME in every container.
        let host = raw.hostname;
        let set = reader.optional("DUMPCAR_INSTANCE", raw.instance, parse::plain, text);
        let instance = InstanceNames { set, host };
        let log_level = reader.setting(
            "DUMPCAR_LOG",
            raw.log,
            LogLevel::default(),
            |text| parse::choice(text, &LogLevel::WORDS),
            |value| value.as_str().to_owned(),
        );
        let log_format = reader.setting(
            "DUMPCAR_LOG_FORMAT",
            raw.log_format,
            LogFormat::default(),
            |text| parse::choice(text, &LogFormat::WORDS),
            |value| words::word_of(*value, &LogFormat::WORDS).to_owned(),
        );
        let default_docker_host = DEFAULT_DOCKER_HOST.parse().expect("the default is valid");
        let docker_host = reader.setting(
            "DOCKER_HOST",
            raw.docker_host,
            default_docker_host,
            parse::own,
            ToString::to_string,
        );

        let verifies = reader
            .optional("DOCKER_TLS_VERIFY", raw.docker_tls_verify, parse::docker_verify, |()| "1".to_owned())
            .is_some();
        let folder = reader.optional("DOCKER_CERT_PATH", raw.docker_cert_path, parse::absolute_path, text);
        let is_tcp = matches!(docker_host, DockerHost::Tcp(_));
        reader.require(
            "DOCKER_CERT_PATH",
            !(is_tcp && verifies && folder.is_none()),
            "is required with DOCKER_TLS_VERIFY: the folder with ca.pem, cert.pem and key.pem",
        );
        // Docker's client passes over them, too, where it speaks to a socket. It takes the folder alone for leave not to verify.
        let docker_certificates = folder.filter(|_| is_tcp);

        let (shown, errors) = reader.finish();
        let Some(store) = store else { return Err(errors) };
        let s3 = S3Settings {
            store,
            region: aws.region,
            endpoint: aws.endpoint,
            path_style,
            storage_class,
            encryption,
            kms_key_id,
            checksum,
            ca_file,
            max_parts,
            part_size,
        };
        errors.or(Self {
            s3,
            aws: aws.variables,
            credentials: aws.credentials,
            proxies,
            upload_limit,
            download_limit,
            schedule,
            time_zone,
            on_start,
            catch_up,
            jitter,
            verify_schedule,
            retention,
            prune,
            shrink_alert,
            compression,
            transport,
            parallel,
            parallel_databases,
            timeout,
            stall_timeout,
            retries,
            group,
            label_prefix,
            drill_schedule,
            drill_memory,
            drill_disk,
            drill_timeout,
            helper_image,
            signer,
            trusted_signers,
            listen,
            notify,
            instance,
            log_level,
            log_format,
            docker_host,
            docker_certificates,
            shown,
        })
    }
}

fn storage_class(text: &str) -> parse::Parsed<String> {
    let is_plain = text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    if is_plain {
        Ok(text.to_owned())
    } else {
        Err("must be the name of a storage class, like STANDARD_IA".to_owned())
    }
}

fn drill_memory(text: &str) -> parse::Parsed<u64> {
    let size = parse::bytes(text).filter(|size| *size >= 64 << 20);
    size.ok_or_else(|| "must be a size of at least 64MiB with its unit, like 2GiB".to_owned())
}

fn drill_disk(text: &str) -> parse::Parsed<u64> {
    if text.eq_ignore_ascii_case("off") {
        return Ok(0);
    }
    // What an image writes besides its data has room in it.
    let size = parse::bytes(text).filter(|size| *size >= 1 << 30);
    size.ok_or_else(|| "must be a size of at least 1GiB with its unit, like 50GiB, or off".to_owned())
}

fn part_size(text: &str) -> parse::Parsed<u64> {
    let size = parse::bytes(text).filter(|size| (MIN_PART..=MAX_PART).contains(size));
    size.ok_or_else(|| "must be a size from 5MiB to 5GiB with its unit, like 16MiB".to_owned())
}
