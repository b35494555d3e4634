//! What every page has around its content.

use super::about::About;
use super::judge::Level;
use super::style::STYLE;
use super::words::{Clock, clean};

/// The head and the foot of a page.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) title: String,
    /// How all of it is, for the icon of a browser's tab.
    pub(super) icon: &'static str,
    pub(super) style: &'static str,
    pub(super) instance: String,
    pub(super) store: String,
    pub(super) version: &'a str,
    pub(super) schedule: String,
    pub(super) zone: &'a str,
    /// When the page was made: it does not change by itself.
    pub(super) now: String,
    pub(super) now_iso: String,
    /// From this page to the page of all targets.
    pub(super) home: &'static str,
}

impl<'a> Frame<'a> {
    pub(super) fn new(
        title: String,
        level: Level,
        about: &'a About,
        clock: Clock<'_>,
        home: &'static str,
    ) -> Self {
        let now = clock.when(clock.now);
        Self {
            title,
            icon: icon(level),
            style: STYLE,
            instance: clean(&about.instance),
            store: clean(&about.store),
            version: &about.version,
            schedule: clean(&about.schedule),
            zone: about.zone(),
            now: now.local,
            now_iso: now.iso,
            home,
        }
    }
}

/// A drawing of 16 by 16 as a `data:` URL: a shape of its own for each level.
fn icon(level: Level) -> &'static str {
    match level {
        Level::Failing => {
            "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%23cf222e' d='M5 1h6l4 4v6l-4 4H5l-4-4V5z'/%3E%3Cpath stroke='%23fff' stroke-width='2' d='m5 5 6 6m0-6-6 6'/%3E%3C/svg%3E"
        }
        Level::Doubtful => {
            "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%23bf8700' d='M8 1l7 14H1z'/%3E%3Cpath stroke='%23fff' stroke-width='2' d='M8 6v4m0 1v2'/%3E%3C/svg%3E"
        }
        Level::Waiting => {
            "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='6' fill='none' stroke='%236e7781' stroke-width='3'/%3E%3C/svg%3E"
        }
        Level::Good => {
            "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%231a7f37'/%3E%3Cpath fill='none' stroke='%23fff' stroke-width='2' d='m4.500 8.500 2.500 2.500 4.500-5.500'/%3E%3C/svg%3E"
        }
    }
}
