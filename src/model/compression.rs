//! How a dump is compressed on its way into the store.

use std::fmt;
use std::str::FromStr;

/// A dump that is expected to be larger is compressed for speed, in bytes.
const LARGE: u64 = 100_000_000;

/// What `DUMPCAR_COMPRESSION` and `dumpcar.compression` say: a codec and its level, or `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CompressionChoice {
    /// A small dump becomes as small as can be, a large one is done before long.
    #[default]
    Auto,
    Fixed(Compression),
}

impl CompressionChoice {
    /// For a dump that is expected to have so many bytes; `None` where nobody knows, as before the first one of a custom command.
    ///
    /// Measured on nine kinds of rows (`docs/performance.md`): [`Compression::Xz`] without a level stores as little as `bzip2 --best`
    /// in all, at 3 MB/s a core; zstd 9 stores less than the fastest xz, at twice its speed, and is read back six times as fast.
    pub fn of(self, plain_bytes: Option<u64>) -> Compression {
        match self {
            Self::Fixed(compression) => compression,
            Self::Auto if plain_bytes.is_some_and(|bytes| bytes > LARGE) => Compression::Zstd(9),
            Self::Auto => Compression::Xz(None),
        }
    }
}

/// A codec and its level.
///
/// The text form is `xz[:0-9]`, `zstd[:1-22]`, `gzip[:1-9]` or `none`; [`fmt::Display`] writes the level where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// `None` are settings of our own, for dumps: small, and in little memory.
    Xz(Option<u8>),
    Zstd(u8),
    Gzip(u8),
    None,
}

impl Compression {
    /// What is appended to the object's name, dot included: stock tools know the file by it.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Xz(_) => ".xz",
            Self::Zstd(_) => ".zst",
            Self::Gzip(_) => ".gz",
            Self::None => "",
        }
    }
}

impl fmt::Display for CompressionChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fixed(compression) => compression.fmt(f),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Xz(None) => f.write_str("xz"),
            Self::Xz(Some(level)) => write!(f, "xz:{level}"),
            Self::Zstd(level) => write!(f, "zstd:{level}"),
            Self::Gzip(level) => write!(f, "gzip:{level}"),
            Self::None => f.write_str("none"),
        }
    }
}

/// The text is not a compression; the message lists what is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be auto, xz, xz:0 to xz:9, zstd, zstd:1 to zstd:22, gzip, gzip:1 to gzip:9, or none")]
pub struct CompressionError;

impl FromStr for CompressionChoice {
    type Err = CompressionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" { Ok(Self::Auto) } else { text.parse().map(Self::Fixed) }
    }
}

impl FromStr for Compression {
    type Err = CompressionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (codec, level) = match text.split_once(':') {
            Some((codec, level)) => (codec, Some(level.parse::<u8>().map_err(|_| CompressionError)?)),
            None => (text, None),
        };
        match (codec, level) {
            ("xz", None | Some(0..=9)) => Ok(Self::Xz(level)),
            ("zstd", None) => Ok(Self::Zstd(3)),
            ("zstd", Some(level @ 1..=22)) => Ok(Self::Zstd(level)),
            ("gzip", None) => Ok(Self::Gzip(6)),
            ("gzip", Some(level @ 1..=9)) => Ok(Self::Gzip(level)),
            ("none", None) => Ok(Self::None),
            _ => Err(CompressionError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["auto", "xz", "xz:0", "xz:9", "zstd:1", "zstd:22", "gzip:1", "gzip:9", "none"] {
            assert_eq!(text.parse::<CompressionChoice>().unwrap().to_string(), text);
        }
        assert_eq!("auto".parse(), Ok(CompressionChoice::default()));
    }

    #[test]
    fn levels_outside_the_codec_are_refused() {
        for text in
            ["xz:10", "zstd:0", "zstd:23", "gzip:0", "none:1", "bzip2", "", "xz:", "xz:-1", "XZ", "auto:1"]
        {
            assert_eq!(text.parse::<CompressionChoice>(), Err(CompressionError), "{text}");
        }
    }

    #[test]
    fn auto_looks_at_the_size_and_a_codec_is_a_codec() {
        let auto = CompressionChoice::Auto;
        assert_eq!(auto.of(Some(0)), Compression::Xz(None));
        assert_eq!(auto.of(Some(LARGE)), Compression::Xz(None));
        assert_eq!(auto.of(Some(LARGE + 1)), Compression::Zstd(9));
        assert_eq!(auto.of(None), Compression::Xz(None));
        for bytes in [None, Some(0), Some(u64::MAX)] {
            let fixed = CompressionChoice::Fixed(Compression::Gzip(6));
            assert_eq!(fixed.of(bytes), Compression::Gzip(6));
        }
    }
}
