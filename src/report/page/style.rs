//! How pages look.

/// The stylesheet of every page, which has it inside.
pub const STYLE: &str = include_str!("style.css");
