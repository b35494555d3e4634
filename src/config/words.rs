//! Settings that are one of a few words.

/// What S3 calls server-side encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerEncryption {
    Aes256,
    Kms,
    KmsDsse,
}

impl ServerEncryption {
    pub(super) const WORDS: [(&str, Self); 3] =
        [("AES256", Self::Aes256), ("aws:kms", Self::Kms), ("aws:kms:dsse", Self::KmsDsse)];

    /// The value of the `x-amz-server-side-encryption` header.
    pub fn as_str(self) -> &'static str {
        word_of(self, &Self::WORDS)
    }
}

/// The checksum sent with each part, which the server compares. TLS protects the way already, and some servers
/// refuse the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checksum {
    #[default]
    None,
    Sha256,
    Crc64Nvme,
}

impl Checksum {
    pub(super) const WORDS: [(&str, Self); 3] =
        [("none", Self::None), ("sha256", Self::Sha256), ("crc64nvme", Self::Crc64Nvme)];
}

/// The least important thing that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    pub(super) const WORDS: [(&str, Self); 5] = [
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];

    pub fn as_str(self) -> &'static str {
        word_of(self, &Self::WORDS)
    }
}

/// What a log line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people, who read `docker logs` far more often than programs do.
    #[default]
    Text,
    Json,
}

impl LogFormat {
    pub(super) const WORDS: [(&str, Self); 2] = [("text", Self::Text), ("json", Self::Json)];
}

pub(super) fn word_of<T: Copy + PartialEq>(value: T, words: &[(&'static str, T)]) -> &'static str {
    words.iter().find(|(_, other)| *other == value).map_or("", |(word, _)| *word)
}
