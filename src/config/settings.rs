//! Everything that can be set.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::aws::CredentialSource;
use super::listen::ListenSettings;
use super::notify::Notify;
use super::parse::DockerHost;
use super::proxy::Proxies;
use super::reader::Shown;
use super::store::StoreUrl;
use super::words::{Checksum, LogFormat, LogLevel, ServerEncryption};
use crate::model::compression::CompressionChoice;
use crate::model::id::ImageId;
use crate::model::retention::RetentionSettings;
use crate::model::schedule::Schedule;
use crate::model::suspicion::ShrinkAlert;
use crate::model::transport::Transport;
use crate::model::writers::InstanceNames;
use crate::secret::Secret;
use crate::signing::{Signer, TrustedSigners};

/// Everything that can be set.
#[derive(Debug, Clone)]
pub struct Config {
    pub s3: S3Settings,
    /// Every `AWS_*` variable for the S3 client, `_FILE` resolved.
    pub aws: BTreeMap<String, Secret>,
    pub credentials: CredentialSource,
    /// What may be on the way to the store.
    pub proxies: Proxies,
    /// Bytes per second to the store, all targets together.
    pub upload_limit: Option<u64>,
    /// Bytes per second from the store.
    pub download_limit: Option<u64>,
    pub schedule: Schedule,
    /// The zone of the schedule and of the calendar that retention counts in.
    pub time_zone: TimeZone,
    /// Back up at start, whatever the schedule says.
    pub on_start: bool,
    /// Back up at start when a scheduled time went by since the newest backup.
    pub catch_up: bool,
    /// The longest delay of a target's start after its scheduled time.
    pub jitter: Duration,
    /// When the daemon reads the newest backups back from the bucket.
    pub verify_schedule: Schedule,
    pub retention: RetentionSettings,
    /// Whether anything is ever deleted.
    pub prune: bool,
    /// By how much a dump may shrink before its backup is suspicious.
    pub shrink_alert: ShrinkAlert,
    pub compression: CompressionChoice,
    pub transport: Transport,
    /// How many targets are backed up at once.
    pub parallel: u32,
    /// How many databases of one target are dumped at the same time.
    pub parallel_databases: u32,
    /// The longest a backup may take.
    pub timeout: Duration,
    /// The longest a backup may go without a byte.
    pub stall_timeout: Duration,
    /// How often a failed backup is tried again.
    pub retries: u32,
    /// When set, only the targets of this group are ours.
    pub group: Option<String>,
    /// What the labels begin with, without the dot.
    pub label_prefix: String,
    /// When backups are restored on trial; [`Schedule`] says off when never.
    pub drill_schedule: Schedule,
    /// What the server of a drill may take, besides its data. In bytes.
    pub drill_memory: u64,
    /// What the server of a drill may write to Docker's disk, in bytes; 0 is nothing at all.
    pub drill_disk: u64,
    /// The longest a drill may take.
    pub drill_timeout: Duration,
    /// Dumpcar's own image, for one that does not run in a container of it.
    pub helper_image: Option<ImageId>,
    pub signer: Option<Signer>,
    /// When set, nothing from the bucket counts that none of them has signed.
    pub trusted_signers: Option<TrustedSigners>,
    /// Where the status page, the metrics and the probes are served.
    pub listen: Option<ListenSettings>,
    /// Who is told what happens.
    pub notify: Notify,
    /// Who writes the backups, unless Docker says it.
    pub instance: InstanceNames,
    pub log_level: LogLevel,
    pub log_format: LogFormat,
    pub docker_host: DockerHost,
    /// The folder of the certificates, where Docker is spoken to in TLS.
    pub docker_certificates: Option<String>,
    pub(super) shown: Vec<Shown>,
}

/// Where the backups go, and what S3 servers differ in.
#[derive(Debug, Clone)]
pub struct S3Settings {
    pub store: StoreUrl,
    pub region: String,
    /// The server's URL without a slash at its end; `None` is AWS itself.
    pub endpoint: Option<String>,
    /// The bucket in the path of the URL instead of in its host name.
    pub path_style: bool,
    pub storage_class: Option<String>,
    pub encryption: Option<ServerEncryption>,
    pub kms_key_id: Option<String>,
    pub checksum: Checksum,
    /// A PEM file with certificates to trust besides the usual ones.
    pub ca_file: Option<String>,
    pub max_parts: u32,
    /// Bytes; `None` leaves it to the part plan.
    pub part_size: Option<u64>,
}

impl Config {
    /// What tells this daemon from another one in the same container: where it writes and what it looks for.
    pub fn identity(&self) -> String {
        let StoreUrl { bucket, prefix } = &self.s3.store;
        format!("{bucket}/{prefix} {} {}", self.label_prefix, self.group.as_deref().unwrap_or_default())
    }

    /// Every setting with its effective value and where that came from, in the order of the documentation; secrets
    /// are shown as `(set)`.
    pub fn redacted(&self) -> &[Shown] {
        &self.shown
    }
}
