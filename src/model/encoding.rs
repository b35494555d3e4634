//! How a stored object is made of a dump, step by step: what is needed to read it back.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::compression::Compression;

const LARGEST_WINDOW_LOG: u32 = 27;

/// The steps from a dump to what is stored, in this order; none for a dump that is stored as it is.
///
/// Today that is one compression at the most. Encryption will be a second step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<Step>", try_from = "Vec<Step>")]
pub struct Encoding(Option<Step>);

/// One step, as text: `xz`, or `xz:26` where it takes a window of 2^26 bytes to undo it, which is more than usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Step {
    Xz { window_log: u32 },
    Zstd { window_log: u32 },
    Gzip,
}

/// The text is no step that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be xz, zstd or gzip, each once: another step needs a newer Dumpcar")]
pub struct EncodingError;

impl Encoding {
    pub const NONE: Self = Self(None);

    /// 8 MiB are what every decoder of zstd should take (RFC 8878, 3.1.1.1.2), and what xz has up to its level 6.
    pub const USUAL_WINDOW_LOG: u32 = 23;

    /// The step that compresses, if there is one.
    pub fn compression(&self) -> Option<Step> {
        self.0
    }

    /// What is appended to the object's name, dots included: stock tools know the file by it.
    pub fn extension(&self) -> &'static str {
        match self.0 {
            Some(Step::Xz { .. }) => ".xz",
            Some(Step::Zstd { .. }) => ".zst",
            Some(Step::Gzip) => ".gz",
            None => "",
        }
    }
}

impl From<Compression> for Encoding {
    fn from(compression: Compression) -> Self {
        Self(match compression {
            Compression::Xz(None | Some(..=6)) => Some(Step::Xz { window_log: Encoding::USUAL_WINDOW_LOG }),
            Compression::Xz(Some(7)) => Some(Step::Xz { window_log: 24 }),
            Compression::Xz(Some(8)) => Some(Step::Xz { window_log: 25 }),
            Compression::Xz(Some(9..)) => Some(Step::Xz { window_log: 26 }),
            Compression::Zstd(..=19) => Some(Step::Zstd { window_log: Encoding::USUAL_WINDOW_LOG }),
            Compression::Zstd(20) => Some(Step::Zstd { window_log: 25 }),
            Compression::Zstd(21) => Some(Step::Zstd { window_log: 26 }),
            Compression::Zstd(22..) => Some(Step::Zstd { window_log: 27 }),
            Compression::Gzip(_) => Some(Step::Gzip),
            Compression::None => None,
        })
    }
}

impl From<Encoding> for Vec<Step> {
    fn from(encoding: Encoding) -> Self {
        encoding.0.into_iter().collect()
    }
}

impl TryFrom<Vec<Step>> for Encoding {
    type Error = EncodingError;

    fn try_from(steps: Vec<Step>) -> Result<Self, Self::Error> {
        match steps.as_slice() {
            [] => Ok(Self(None)),
            [step] => Ok(Self(Some(*step))),
            _ => Err(EncodingError),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Xz { window_log: Encoding::USUAL_WINDOW_LOG } => f.write_str("xz"),
            Self::Xz { window_log } => write!(f, "xz:{window_log}"),
            Self::Zstd { window_log: Encoding::USUAL_WINDOW_LOG } => f.write_str("zstd"),
            Self::Zstd { window_log } => write!(f, "zstd:{window_log}"),
            Self::Gzip => f.write_str("gzip"),
        }
    }
}

impl FromStr for Step {
    type Err = EncodingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (codec, window) = match text.split_once(':') {
            Some((codec, window)) => (codec, Some(window)),
            None => (text, None),
        };
        let window_log = match window {
            None => Encoding::USUAL_WINDOW_LOG,
            Some(window) => {
                let is_plain = window.len() == 2 && window.bytes().all(|byte| byte.is_ascii_digit());
                let window_log = window.parse().ok().filter(|_| is_plain).ok_or(EncodingError)?;
                if !(Encoding::USUAL_WINDOW_LOG + 1..=LARGEST_WINDOW_LOG).contains(&window_log) {
                    return Err(EncodingError);
                }
                window_log
            }
        };
        match codec {
            "xz" => Ok(Self::Xz { window_log }),
            "zstd" => Ok(Self::Zstd { window_log }),
            "gzip" if window.is_none() => Ok(Self::Gzip),
            _ => Err(EncodingError),
        }
    }
}

impl TryFrom<String> for Step {
    type Error = EncodingError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Step> for String {
    fn from(step: Step) -> Self {
        step.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_says_what_it_takes_to_read_an_object() {
        let json = |compression| serde_json::to_string(&Encoding::from(compression)).unwrap();
        let levels = (0..=9).map(|level| Compression::Xz(Some(level))).chain((1..=22).map(Compression::Zstd));
        for compression in levels.chain([Compression::Gzip(1), Compression::None]) {
            let encoding = Encoding::from(compression);
            assert_eq!(serde_json::from_str::<Encoding>(&json(compression)).unwrap(), encoding);
            assert_eq!(encoding.extension(), compression.extension());
        }
        assert_eq!(json(Compression::Xz(None)), r#"["xz"]"#);
        assert_eq!(json(Compression::Xz(Some(9))), r#"["xz:26"]"#);
        assert_eq!(json(Compression::Zstd(22)), r#"["zstd:27"]"#);
        assert_eq!(json(Compression::None), "[]");
        for wrong in [
            r#"["age"]"#,
            r#"["xz", "xz"]"#,
            r#"["xz:1"]"#,
            r#"["xz:28"]"#,
            r#"["xz:+6"]"#,
            r#"["gzip:24"]"#,
            r#""xz""#,
        ] {
            assert!(serde_json::from_str::<Encoding>(wrong).is_err(), "{wrong}");
        }
    }
}
