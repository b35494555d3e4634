//! How a dump comes out of its target.

use std::fmt;
use std::str::FromStr;

/// As written in `DUMPCAR_TRANSPORT` and `dumpcar.transport`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// Compressed inside the target, where that is worth it and can be done there.
    #[default]
    Auto,
    /// The same for a custom command's dump, and whatever the target has of the processors.
    On,
    /// As the tool prints it.
    Off,
}

/// The text is no transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be auto, on or off")]
pub struct TransportError;

impl FromStr for Transport {
    type Err = TransportError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "auto" => Ok(Self::Auto),
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            _ => Err(TransportError),
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::On => "on",
            Self::Off => "off",
        })
    }
}
