//! Dumpcar's own program inside of a helper container, for databases that are files of an application: its image may have
//! neither a shell nor the database's tool.
//!
//! It keeps the protocol of the wrappers `docker/wrapper.sh` and `docker/feed.sh`: the tool's exit status comes behind a marker
//! at the end of the output, and a standard input that ends too early ends the work.

mod commit;
mod failure;
mod protocol;
mod sqlite;
mod wait;
mod work;

use std::io::Write;

use crate::model::helper::WAIT;
use failure::Status;

/// Does what the arguments behind `helper` say, and returns the exit status.
pub fn run(args: &[String]) -> u8 {
    match args {
        [word] if word == WAIT => wait::wait(),
        [marker, request] => protocol::dump(marker, request),
        [marker, bytes, request] => protocol::feed(marker, bytes, request),
        _ => {
            drop(writeln!(
                std::io::stderr(),
                "dumpcar: this command is for Dumpcar itself, in its helper containers"
            ));
            Status::Usage as u8
        }
    }
}
