//! The program as a whole, without Docker: the real binary between a scripted engine and a real S3 protocol server.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, as it should"
)]

mod support;

/// Which module may use which, as `ARCHITECTURE.md` says, and whether what the documentation names and links exists.
mod architecture;
/// A run and what it leaves in the bucket: complete backups or nothing (P1).
mod backup;
/// Mistakes of the user: wording and exit status.
mod bad_input;
/// A few stored bytes that decompress to gigabytes, or want a window of as many: what they cost (P3, P11).
mod bombs;
mod by_hand;
/// A store in TLS: what is wrong with its certificate, and tunnels to it.
mod certificates;
/// The check before the first night: each thing that is wrong is named, and nothing is left (P4).
mod check;
/// The daemon: schedule, signals, containers that come and go.
mod daemon;
/// A new host, an old bucket, and a run that comes before the restore (P5).
mod disaster;
/// What Docker does: refusals, cuts, silence, restarts, streams in pieces.
mod docker_faults;
/// Large objects on their way back, over a line that breaks (P8).
mod download;
/// What a dump tool does: how it dies, what it says, what it leaves running.
mod dump_tool;
/// Traps in the bucket: what somebody may have planted there commands nothing (P11).
mod hostile_bucket;
/// Answers of Docker that lie: they cost a container its backup at the most (P10, P11).
mod hostile_engine;
/// Labels that claim a container for Dumpcar: only what a drill has made is removed (P11).
mod hostile_labels;
/// Backups that are not all there: never good, and no reason to delete another one (P5).
mod incomplete;
/// What the answers of `--json` look like: docs/json.md.
mod json;
/// What the store keeps by itself: locks, old versions, records that may not be deleted.
mod kept;
/// The end of the process at each request that changes the bucket, before and after it is done (P1, P4).
mod kill;
/// The life of a target: deleted, forgotten, renamed, away and back.
mod life;
/// Proxies and limits between here and the store.
mod lines;
/// The probes and the metrics over HTTP (`DUMPCAR_LISTEN`).
mod listen;
/// The log of a night: how much it says, and what tools may rely on.
mod log;
/// Messages that once misled: what they say now.
mod messages;
/// What cannot be dumped, beside what can (P10).
mod missing;
/// Listing, reading back, pruning.
mod nights;
/// Messages and pings.
mod notify;
mod operator;
/// The documentation: what it names and links to exists, and its lines are short.
mod pages;
/// Stores as providers run them: what each refuses, and that a backup's whole life works there (docs/providers.md).
mod providers;
/// The text in the bucket that explains it to people.
mod readme;
/// The order in which the store is asked: what makes a backup comes last, what deletes one begins with it (P1).
mod request_order;
/// What a backup costs in requests, and what a hundred thousand objects, 200 containers or an idle day cost.
mod scale;
/// Passwords and keys, and where they must not appear (P6).
mod secrets;
/// One backup, shown whole.
mod show;
/// Who has signed what: what counts of a bucket that others can write to.
mod signing;
/// A dump of 60 GiB: parts and memory (P3).
mod sixty_gib;
/// Whose a line of the log is.
mod spans;
mod status;
/// Faults of the store in the middle of a run: what survives them, what the user sees, what is left.
mod store_faults;
/// Listings that are long, broken, repeated, or full of other tools' objects: what is pruned and what is not (P5).
mod store_lists;
/// Backups far smaller than the last good one (P5, P7).
mod suspicion;
/// What killed processes leave in the bucket, and whose work is left alone (P4).
mod sweep;
/// Uploads that nobody completed: found without their ids, and aborted (P4).
mod unfinished;
/// Backups read back from the bucket: what is found in them, and that nothing is overlooked (P8).
mod verify;
/// A machine that has the settings and no Docker.
mod without_docker;
/// Control characters and line breaks from containers, labels and the bucket: not in the log, nor in tables (P11).
mod words_from_outside;
/// Two instances that make backups of one target: neither prunes what the other has made (P5, P7).
mod writers;
