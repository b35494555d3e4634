//! What stands below the options in `--help`: examples, and what the exit status says.

/// What `--at` takes, for the commands that have it.
macro_rules! at {
    () => {
        "
--at takes, on the clock of TZ:
  latest                         the default
  2026-11-23T23-00-00Z           a stamp, in UTC, as `dumpcar list` shows it
  2026-11-23, yesterday          the newest backup of that day
  \"2026-11-23 23:00\"             the newest one until the end of that minute
  \"yesterday 23:00\"
  \"2026-11-23 23:00 +01:00\"      with an offset, as the tables show it
"
    };
}

pub(super) const TOP: &str = "\
Examples:
  dumpcar                        the daemon: what the image runs
  dumpcar check                  whether the next night will work
  dumpcar backup                 back up all targets now
  dumpcar status                 how each target is, what is wrong first
  dumpcar list                   what there is
  dumpcar restore shop-db        put the last good backup back; asks first
  dumpcar help restore           more about one command

Exit status:
  0  done
  1  failed
  2  the command line or a setting is wrong; nothing was tried
  3  some targets failed, others did not
  4  nothing matched: no such container, target or backup
  128 + N  ended by signal N";

pub(super) const CHECK: &str = "\
It writes two small objects below .dumpcar/check/ in the bucket, lists, reads
and deletes them. It asks each database what it has, and dumps none.

  ✓  as it should be
  !  it works, and you should know this
  ✗  this will fail
  -  not tried

Examples:
  dumpcar check
  dumpcar check shop-db
  dumpcar check --json

Exit status:
  0  all is well
  1  something will fail
  2  the command line or a setting is wrong
  3  it works, and there is something to know
  4  there is no target";

pub(super) const BACKUP: &str = "\
What is done here is in the log of the daemon in the same container, too, and a
good backup makes it healthy at once.

Examples:
  dumpcar backup
  dumpcar backup shop-db blog-db
  dumpcar backup --accept-smaller shop-db
  dumpcar backup --json

Exit status:
  0  all are backed up
  1  none is
  2  the command line or a setting is wrong
  3  some are, or a backup has problems
  4  there is no such target";

pub(super) const LIST: &str = "\
Times are on the clock of TZ; a stamp (BACKUP) is in UTC. DRILL says how the
last drill ended, and how long ago.

Examples:
  dumpcar list
  dumpcar list shop-db
  dumpcar list --json

Exit status:
  0  done
  1  the bucket cannot be listed
  2  the command line or a setting is wrong
  4  there is no backup";

pub(super) const STATUS: &str = "\
It reads the bucket and looks at the containers. TREND compares the last good
backup with the usual size. `dumpcar list` shows all backups of a target, and
`dumpcar healthcheck` what the daemon in this container knows.

Examples:
  dumpcar status
  dumpcar status shop-db
  dumpcar status --json

Exit status:
  0  nothing is wrong
  1  something is wrong with each, or the bucket cannot be read
  2  the command line or a setting is wrong
  3  something is wrong with some, the others are well
  4  there is no target";

pub(super) const SHOW: &str = concat!(
    "\
Examples:
  dumpcar show shop-db
  dumpcar show shop-db --at yesterday
",
    at!(),
    "
Exit status:
  0  done
  1  the bucket cannot be read
  2  the command line or a setting is wrong
  4  there is no such backup"
);

pub(super) const CAT: &str = concat!(
    "\
Examples:
  dumpcar cat shop-db >shop.sql
  dumpcar cat shop-db --database shop --at yesterday | less
  dumpcar cat shop-db --globals
",
    at!(),
    "
Exit status:
  0  all of it was written, and is what the manifest says
  1  failed, or the dump is damaged
  2  the command line or a setting is wrong
  4  there is no such backup or database"
);

pub(super) const VERIFY: &str = "\
Examples:
  dumpcar verify
  dumpcar verify shop-db --all

Exit status:
  0  all are good
  1  none is
  2  the command line or a setting is wrong
  3  some are not good, others are
  4  there is no backup";

pub(super) const RESTORE: &str = concat!(
    "\
The old content stays in use until the new one is complete and checked.

Examples:
  dumpcar restore shop-db
  dumpcar restore shop-db --at \"yesterday 23:00\"
  dumpcar restore shop-db --database shop --as shop_before
  dumpcar restore shop-db --to new-server --globals --yes
",
    at!(),
    "
Exit status:
  0  restored
  1  not restored; the old content is there
  2  the command line or a setting is wrong
  3  restored, but for what the log names
  4  there is no such backup, database or container"
);

pub(super) const DRILL: &str = concat!(
    "\
Examples:
  dumpcar drill
  dumpcar drill shop-db --at 2026-11-23
",
    at!(),
    "
Exit status:
  0  all came back as they were
  1  none did, or the drill was inconclusive
  2  the command line or a setting is wrong
  3  some did
  4  there is no such backup"
);

pub(super) const PRUNE: &str = "\
Examples:
  dumpcar prune --dry-run
  dumpcar prune shop-db

Exit status:
  0  done
  1  failed
  2  the command line or a setting is wrong, or DUMPCAR_PRUNE is false
  3  some targets failed, others did not
  4  there is no such target";

pub(super) const DELETE: &str = concat!(
    "\
Examples:
  dumpcar delete shop-db --at 2026-11-23T23-00-00Z
  dumpcar delete shop-db --older-than 90d
  dumpcar delete old-db --all --yes
",
    at!(),
    "
A day with several backups is refused. With --yes, only stamps and latest are
taken.

Exit status:
  0  deleted
  1  nothing was deleted
  2  the command line or a setting is wrong
  3  some are deleted, others are not
  4  there is no such backup"
);

pub(super) const FORGET: &str = "\
Examples:
  dumpcar forget old-db

Exit status:
  0  forgotten
  1  failed
  2  a container serves the target, or a setting is wrong
  4  there is no such target";

pub(super) const CONFIG: &str = "\
Examples:
  dumpcar config
  dumpcar config --json

Exit status:
  0  done
  2  a setting is wrong; all that are wrong are named";

pub(super) const POLICY: &str = "\
Examples:
  dumpcar policy >policy.json
  dumpcar policy --no-delete >policy.json
  dumpcar policy --lifecycle >lifecycle.json

Exit status:
  0  done
  2  a setting is wrong";

pub(super) const KEYGEN: &str = "\
Examples:
  dumpcar keygen >signing.key

Exit status:
  0  done
  1  failed";

pub(super) const NOTIFY: &str = "\
Tokens are never shown. It sends once, without the daemon's further tries.

Examples:
  dumpcar notify --test

Exit status:
  0  every receiver has taken the message
  1  one has not, or none is set
  2  the command line or a setting is wrong";

pub(super) const HEALTHCHECK: &str = "\
Examples:
  dumpcar healthcheck

Exit status:
  0  healthy
  1  unhealthy, and why; or no daemon answers
  2  a setting is wrong";
