//! Text that must not be shown.

use std::fmt;

/// A password, key or token (promise P6). It has no `Display`, and its `Debug` shows nothing, so that only
/// [`Secret::expose`] leads to it and every place that does so can be found by that name.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one who needs it to log in.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    /// Not even its length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?} {:#?}", Secret::new("hunter2"), Secret::new("")), "Secret(…) Secret(…)");
        assert_eq!(Secret::new("hunter2").expose(), "hunter2");
    }
}
