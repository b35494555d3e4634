//! `once STAGE run`: a stage, once, over a few mebibytes, for whoever counts its instructions. `once STAGE ready` ends when
//! everything is ready for that; `once` says over how many bytes, and which stages there are.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark that panics has failed, as it should"
)]

mod common;

use common::{Lab, STAGES};

/// More than one part of an upload.
const BYTES: usize = 6 << 20;

/// What the codecs do is their own business: one level of each of two will do, and these take minutes to count.
const NOT_COUNTED: [&str; 4] = ["encode xz:6", "encode gzip:6", "compress xz:1", "decode gzip:6"];

fn main() {
    let mut words = std::env::args().skip(1);
    let Some(stage) = words.next() else {
        println!("{BYTES}");
        STAGES.iter().filter(|stage| !NOT_COUNTED.contains(stage)).for_each(|stage| println!("{stage}"));
        return;
    };
    // One thread, and one more where the stage itself has one: the same steps each time.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let lab = Lab::new(runtime, BYTES);
    let mut run = lab.prepare(&stage);
    if words.next().as_deref() == Some("run") {
        run();
    }
}
