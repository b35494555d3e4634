//! `dumpcar healthcheck`: the image's `HEALTHCHECK`.

use super::output::print;
use crate::config::Config;
use crate::exit::Exit;
use crate::report::ask_health;

/// `dumpcar healthcheck`. Its output is what `docker inspect` shows.
pub fn healthcheck(config: &Config) -> Exit {
    match ask_health(&config.identity()) {
        Ok(report) if report.is_empty() => {
            print("healthy\n");
            Exit::Done
        }
        Ok(report) => {
            print(&report);
            Exit::Failed
        }
        Err(error) => {
            print(&format!("no dumpcar daemon answers in this container: {error}\n"));
            Exit::Failed
        }
    }
}
