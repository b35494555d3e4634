//! `dumpcar config` and `dumpcar policy`: what the settings come to.

use serde_json::json;

use super::output::{print, print_answer, print_aside, print_json};
use crate::cli::{ConfigArgs, PolicyArgs};
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
pub fn policy(config: &Config, args: &PolicyArgs) -> Exit {
    if args.lifecycle {
        print_json(&policy::lifecycle(config, args.no_delete));
        if args.no_delete || !config.prune {
            print_aside(BY_AGE);
        }
        return Exit::Done;
    }
    print_json(&policy::policy(config, args.no_delete));
    if args.no_delete {
        print_aside(NO_DELETE);
        if config.prune {
            print_aside(
                "Set DUMPCAR_PRUNE=false for these keys: now it is true, and pruning with them fails.\n",
            );
        }
    }
    Exit::Done
}

/// Beside the policy, for whoever reads it.
const NO_DELETE: &str = "\
These keys can list, read and write, and abort an upload of their own. They cannot delete, nor end a lock.
They can still write over an object: switch the bucket's versioning on, or Object Lock.
The bucket deletes then: `dumpcar policy --no-delete --lifecycle` prints its rules.
";

/// Beside rules that delete backups.
const BY_AGE: &str = "\
The rule dumpcar-backups goes by age alone: once no new backups are made, it deletes the last good one as well.
Set its days to more than you need, and watch the daemon's health.
";
