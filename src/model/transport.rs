//! How a dump comes out of its target.

use std::fmt;

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

impl Transport {
    /// As people write it. Some Compose takes a bare `on` or `off` for a truth value, and passes that on in its own words.
    pub const WORDS: [(&str, Self); 5] = [
        ("auto", Self::Auto),
        ("on", Self::On),
        ("off", Self::Off),
        ("true", Self::On),
        ("false", Self::Off),
    ];
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
