//! The program as a whole, on what it is for: real databases in a real Docker engine, and a real S3 server.
//!
//! `scripts/test docker` builds the images and runs these.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test that panics has failed, as it should; and tests read the names of images from the environment"
)]

mod support;

/// A store that takes nothing for a while. Its name puts it first: it mostly waits, and others run beside it.
mod a_slow_reader;
/// Mistakes of the user, and servers in a bad state: wording, exit status, and nothing stored.
mod bad_input;
/// The check before the first night.
mod check;
/// Databases as applications make and change them: how a drill speaks of them.
mod content_drill;
/// Each kind of change, and its name.
mod content_kinds;
/// The image, as the example Compose file runs it.
mod daemon;
/// Objects that are not what they were: never restored (P8).
mod damage;
/// The commands of `docs/disaster.md`: a new host, and a run that comes before the restore (P5).
mod disaster;
/// Nothing is written to a disk (P2).
mod disk;
mod drill;
/// The second load of what prints in another way.
mod drill_again;
mod drill_hostile;
/// The server a drill starts: like the target, and nothing happens in it by itself.
mod drill_server;
/// Whom a drill blames.
mod drill_verdict;
/// A Docker engine that is stopped and started again in the middle of a dump.
mod engine_restart;
/// A Docker engine behind `tcp://`, in TLS.
mod engine_tls;
/// How a tool is fed, under real shells: it sees the end of its input only when Dumpcar says so (P8).
mod feed;
/// Dumps and manifests that somebody else has written.
mod hostile_dump;
/// The end, without any warning, of each of the four that a backup needs, at any instant of it (P1, P4).
mod kill;
/// Where servers listen, and whose they are.
mod listening;
mod logins;
/// What the daemon of the image takes and gives back (P3).
mod memory;
/// What Prometheus and Grafana make of the metrics.
mod metrics;
/// A target that is restarted, removed or paused while its rows are dumped.
mod mid_dump;
/// Messages to real receivers.
mod notify;
/// What cannot be dumped, beside what can (P10).
mod one_broken;
/// What the container's option files, its variables and its server's limits would do to a dump.
mod option_files;
/// The other engine that speaks Docker's API.
mod podman;
/// A PostgreSQL that is process 1, and dumps that are broken off.
mod process_one;
/// The exec protocol under real shells: exit statuses, and nothing left in a target (P1, P4).
mod protocol;
/// Every kind of content, from a server through the bucket into an empty server.
mod quick_start;
mod redis;
mod restore;
/// MariaDB and MySQL: databases change places with what was loaded beside them (P8).
mod restore_exchange;
/// Each of those that a restore needs, ended at any instant of it (P8).
mod restore_kill;
/// Restores of MariaDB and MySQL that fail when everything is loaded, or while the databases change places (P8).
mod restore_late;
mod restore_old;
/// What stock tools restore with an edit, and what has to be known of the server.
mod restore_postgresql;
/// A restore whose server works for long, or waits for somebody's lock.
mod restore_stall;
/// What the user of a restore sees, and what may stand in its way.
mod restore_words;
mod round_trip;
/// The commands of `docs/restore.md`, as they stand there.
mod runbook;
/// Passwords and keys, and where they must not appear (P6).
mod secrets;
/// The life of a backup on both real servers, and what only the one of them can: versions, locks, keys without rights.
/// SQLite databases of applications.
mod sqlite;
mod stores;
mod stores_kept;
/// What killed sidecars leave, in the bucket and in targets (P4).
mod sweep;
/// Compressing inside the target: what fails there costs no backup.
mod transport;
/// Uploads that nobody completed, as the store lists them.
mod unfinished;
/// Backups of real servers, read back from a real store.
mod verify;
