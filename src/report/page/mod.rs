//! The status page: what the board knows, as HTML for people. Pure: a state and a time in, a page out.
//!
//! A page asks for nothing else: its style is inside, it has no script, and all links stay among the pages. What comes from outside
//! (names, messages of tools) is cleaned of what acts, and escaped by the templates.

mod about;
mod chart;
mod detail;
mod frame;
mod judge;
mod overview;
mod retention;
mod strip;
mod style;
mod words;

use std::sync::LazyLock;

use askama::Template;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use ring::digest::{SHA256, digest};

use super::Status;
use crate::model::target::TargetName;
pub use about::About;
use detail::Detail;
use overview::Overview;
pub use style::STYLE;
use words::Clock;

/// Below which path, from the page of all targets, each has its own: `targets/shop`.
pub const TARGETS: &str = "targets/";

/// The `Content-Security-Policy` of every page: nothing is loaded, sent or run, nothing may frame it, and only the stylesheet of
/// these very bytes counts. The icon of the tab is in the page as well.
pub static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = BASE64_STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// The page of all targets.
pub fn overview(status: &Status, about: &About, now: Timestamp) -> String {
    let clock = Clock { now, time_zone: &about.time_zone };
    Overview::new(status, about, clock).render().expect("a string takes everything")
}

/// The page of one target; `None` where there is no such target.
pub fn target(name: &TargetName, status: &Status, about: &About, now: Timestamp) -> Option<String> {
    let clock = Clock { now, time_zone: &about.time_zone };
    let detail = Detail::new(name, status, about, clock)?;
    Some(detail.render().expect("a string takes everything"))
}

#[cfg(test)]
mod tests;
