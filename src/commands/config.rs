//! `dumpcar config` and `dumpcar policy`: what the settings come to.

use serde_json::json;

use super::output::{print, print_answer, print_json};
use crate::cli::ConfigArgs;
use crate::config::Config;
use crate::exit::Exit;
use crate::jobs::policy;
use crate::text::Table;

/// `dumpcar config`.
pub fn config(config: &Config, args: &ConfigArgs) -> Exit {
    let shown = config.redacted();
    if args.json {
        let rows: Vec<_> = shown
            .iter()
            .map(|one| json!({ "name": one.name, "value": one.value, "source": one.source.to_string() }))
            .collect();
        print_answer(json!({ "settings": rows }));
    } else {
        let mut table = Table::new(["NAME", "VALUE", "SOURCE"]);
        for one in shown {
            table.push([one.name.clone(), one.value.clone(), one.source.to_string()]);
        }
        print(&table.to_string());
    }
    Exit::Done
}

/// `dumpcar policy`.
pub fn policy(config: &Config) -> Exit {
    print_json(&policy::policy(config));
    Exit::Done
}
