//! The command line. Settings never come from it: its flags only say what to do now.

mod help;

use std::time::Duration;

use crate::model::at::{At, AtError};
use crate::model::duration;
use crate::model::target::TargetName;
use clap::{ArgGroup, Args, Parser, Subcommand};

/// Backs up the labelled database containers of this Docker host into an S3 bucket.
///
/// Without a command it runs as a daemon, on DUMPCAR_SCHEDULE. All settings are environment variables.
#[derive(Debug, Parser)]
#[command(
    name = "dumpcar",
    bin_name = "dumpcar",
    version,
    after_help = help::TOP
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check whether the next night will work: Docker, clock, bucket, rights, and every target
    ///
    /// It tries what a night does, and takes back what it wrote: run it before the first night, and after each change.
    #[command(after_help = help::CHECK)]
    Check(CheckArgs),
    /// Back up now, wait, and report
    #[command(after_help = help::BACKUP)]
    Backup(BackupArgs),
    /// Say how each target is: its last good backup, its drill, what is due next, and what is wrong
    #[command(after_help = help::STATUS)]
    Status(StatusArgs),
    /// List the backups in the bucket
    #[command(after_help = help::LIST)]
    List(ListArgs),
    /// Show what is in a backup, what it is worth, and how to restore it
    #[command(after_help = help::SHOW)]
    Show(ShowArgs),
    /// Write a dump to standard output, checked against its manifest
    #[command(after_help = help::CAT)]
    Cat(CatArgs),
    /// Read backups back from the bucket and check every byte of them
    #[command(after_help = help::VERIFY)]
    Verify(VerifyArgs),
    /// Put a backup back into a server
    #[command(after_help = help::RESTORE)]
    Restore(RestoreArgs),
    /// Restore a backup into a throwaway server, and compare
    #[command(after_help = help::DRILL)]
    Drill(DrillArgs),
    /// Delete what the retention rules no longer want
    #[command(after_help = help::PRUNE)]
    Prune(PruneArgs),
    /// Delete backups of a target, whatever the retention rules say
    ///
    /// Works for targets without a container as well. It shows what goes and asks before it deletes anything.
    #[command(after_help = help::DELETE)]
    Delete(DeleteArgs),
    /// End the alarms of a target that no container serves any more; its backups stay
    ///
    /// The alarms come back when a container serves the target again, or a new backup of it is made.
    #[command(after_help = help::FORGET)]
    Forget(ForgetArgs),
    /// Show the settings in force, secrets left out
    #[command(after_help = help::CONFIG)]
    Config(ConfigArgs),
    /// Print the least IAM policy for this bucket
    #[command(after_help = help::POLICY)]
    Policy(PolicyArgs),
    /// Make a key pair for DUMPCAR_SIGNING_KEY and DUMPCAR_TRUSTED_SIGNERS
    ///
    /// The private key goes to standard output, so that `dumpcar keygen > signing.key` makes a file of it; the public key
    /// goes to standard error, with what to do with the two. No settings are needed. Keys of `ssh-keygen -t ed25519 -N ''`
    /// are as good.
    #[command(after_help = help::KEYGEN)]
    Keygen,
    /// Send a test message to every receiver of DUMPCAR_NOTIFY_URLS, and show what each answers
    #[command(after_help = help::NOTIFY)]
    Notify(NotifyArgs),
    /// Ask the daemon in this container whether all is well
    #[command(after_help = help::HEALTHCHECK)]
    Healthcheck,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Targets to look at; all of them when none is named
    pub targets: Vec<TargetName>,
    /// Report as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Targets to back up; all of them when none is named
    pub targets: Vec<TargetName>,
    /// The named targets have become smaller, and that is right: do not compare with the last good backup
    #[arg(long, requires = "targets")]
    pub accept_smaller: bool,
    /// Report as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Targets to list; all of them when none is named
    pub targets: Vec<TargetName>,
    /// List as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Targets to tell of; all of them when none is named
    pub targets: Vec<TargetName>,
    /// Tell as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct CatArgs {
    pub target: TargetName,
    /// The database; may be left out when there is only one (besides PostgreSQL's `postgres`)
    #[arg(long, conflicts_with = "globals")]
    pub database: Option<String>,
    /// Roles, users and grants instead of a database
    #[arg(long)]
    pub globals: bool,
    /// Which backup: `latest` (the last good one), a stamp, or a date or time (the last good one of then)
    #[arg(long, default_value = "latest", value_parser = parse_at)]
    pub at: At,
    /// The object as it lies in the bucket, still compressed
    #[arg(long)]
    pub stored: bool,
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Targets whose newest backup is read; all in the bucket when none is named
    pub targets: Vec<TargetName>,
    /// Every backup, not only the newest of each target
    #[arg(long)]
    pub all: bool,
    /// Report as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// Whose backup
    pub target: TargetName,
    /// Which backup: `latest` (the last good one), a stamp, or a date or time (the last good one of then)
    #[arg(long, default_value = "latest", value_parser = parse_at)]
    pub at: At,
    /// Only this database; may be given several times. All of them when none is named
    #[arg(long)]
    pub database: Vec<String>,
    /// Into this container instead of the target's own, by its name; it needs no labels
    #[arg(long, value_name = "CONTAINER")]
    pub to: Option<String>,
    /// The one database gets this name
    #[arg(long = "as", value_name = "NEWNAME")]
    pub new_name: Option<String>,
    /// Roles, users and grants as well, before the databases: those that are there become what they were
    #[arg(long)]
    pub globals: bool,
    /// Everything goes where the server puts it by default, whatever tablespace or folder it was in
    #[arg(long)]
    pub no_tablespaces: bool,
    /// PostgreSQL: databases get the locale that the server makes its own with, and not the one they had
    #[arg(long)]
    pub server_locale: bool,
    /// With --as: restore the copy even if its triggers or routines name the original database (MariaDB, MySQL)
    #[arg(long, requires = "new_name")]
    pub allow_references: bool,
    /// Run the restore command of the backup's manifest if the container has no label with one
    #[arg(long)]
    pub manifest_command: bool,
    /// The databases that are replaced stay beside the restored ones, as NAME_before_DATE_TIME (in UTC). So they do without --yes
    #[arg(long)]
    pub keep_old: bool,
    /// The databases that are replaced are dropped. So they are with --yes
    #[arg(long, conflicts_with = "keep_old")]
    pub drop_old: bool,
    /// Do not ask: overwrite what is there
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct DrillArgs {
    /// Whose backups; those of every target in the bucket when none is named
    pub targets: Vec<TargetName>,
    /// Which backup: `latest` (the last good one), a stamp, or a date or time (the last good one of then)
    #[arg(long, default_value = "latest", value_parser = parse_at)]
    pub at: At,
    /// Report as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Targets to prune; every running one when none is named
    pub targets: Vec<TargetName>,
    /// Only show what would be kept and deleted, and why
    #[arg(long)]
    pub dry_run: bool,
    /// Report as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Whose backup
    pub target: TargetName,
    /// Which backup: `latest` (the newest one, good or not), a stamp, or a date or time (the newest one of then)
    #[arg(long, value_name = "WHEN", default_value = "latest", value_parser = parse_at)]
    pub at: At,
    /// Show as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true).args(["at", "all", "older_than"])))]
pub struct DeleteArgs {
    /// Whose backups
    pub target: TargetName,
    /// These backups: a stamp, `latest` (the newest one, good or not), or, without --yes, a date or time (the newest one of then)
    #[arg(long, value_name = "WHEN", num_args = 1.., value_parser = parse_at)]
    pub at: Vec<At>,
    /// All backups of the target
    #[arg(long)]
    pub all: bool,
    /// Those older than this (`30d`); the last good one stays
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    pub older_than: Option<Duration>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Report as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ForgetArgs {
    pub target: TargetName,
    /// Report as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Show as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct NotifyArgs {
    /// Send one now. The daemon sends the real ones by itself
    #[arg(long, required = true)]
    pub test: bool,
}

#[derive(Debug, Args)]
pub struct PolicyArgs {
    /// For keys that cannot destroy: they neither delete nor end a lock, and the bucket's lifecycle prunes
    #[arg(long)]
    pub no_delete: bool,
    /// Print the bucket's lifecycle rules instead: for old versions, unfinished uploads and, where Dumpcar does not prune, backups
    #[arg(long)]
    pub lifecycle: bool,
}

fn parse_age(text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|error| error.to_string())
}

fn parse_at(text: &str) -> Result<At, String> {
    text.parse().map_err(|error: AtError| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
    /// Everybody who asks for help learns how a command is called and what its status says, on a screen of 80 columns.
    #[test]
    fn each_command_has_examples_and_exit_statuses() {
        let mut command = Cli::command();
        command.build();
        for one in command.get_subcommands_mut().filter(|one| one.get_name() != "help") {
            let (name, help) = (one.get_name().to_owned(), one.render_long_help().to_string());
            assert!(help.contains("Examples:\n") && help.contains("Exit status:\n  0"), "{name}: {help}");
            for example in help.lines().filter(|line| line.starts_with("  dumpcar ")) {
                let words =
                    example.split("  #").next().unwrap_or_default().split('|').next().unwrap_or_default();
                let words = words.split('>').next().unwrap_or_default();
                let words = shell_words(words);
                let parsed = Cli::try_parse_from(&words);
                assert!(parsed.is_ok(), "{words:?}: {parsed:?}");
            }
            let after = one.get_after_help().map(ToString::to_string).unwrap_or_default();
            let wide: Vec<_> = after.lines().filter(|line| line.chars().count() > 80).collect();
            assert!(wide.is_empty(), "{name}: {wide:?}");
        }
        let top = command.render_long_help().to_string();
        assert!(top.contains("Exit status:") && top.contains("  help "), "{top}");
    }

    fn shell_words(line: &str) -> Vec<String> {
        let quoted = line.split('"').enumerate();
        quoted
            .flat_map(|(number, part)| match number % 2 {
                0 => part.split_whitespace().map(str::to_owned).collect(),
                _ => vec![part.to_owned()],
            })
            .collect()
    }
}
