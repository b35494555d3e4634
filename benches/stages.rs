//! How fast each stage is: `cargo bench --features bench`, and `-- --quick` or `-- NAME` behind it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a benchmark that panics has failed, as it should"
)]

mod common;

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use common::{Lab, STAGES};

/// Two of the blocks that xz 6 gives its threads.
const BYTES: usize = 48 << 20;

fn stages(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let lab = Lab::new(runtime, BYTES);
    let mut group = criterion.benchmark_group("stages");
    group
        .throughput(Throughput::Bytes(BYTES as u64))
        .sample_size(10)
        .measurement_time(Duration::from_secs(3));
    for stage in STAGES {
        group.bench_function(stage, |bencher| {
            let mut run = lab.prepare(stage);
            bencher.iter(&mut run);
        });
    }
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
