//! What the benchmarks of losses and operations share.

mod case;
mod device;
pub(crate) mod peer;

use std::time::Duration;

use burn::tensor::Device;
use criterion::{Criterion, SamplingMode, Throughput};

pub(crate) use case::{Case, Inputs, Objective, Precision, Run, Sizes, label, size};
pub(crate) use device::device;

/// Times every case at all of its sizes, forward and forward with backward, per element of the batch.
pub(crate) fn measure(cases: &[&Case], device: &Device) {
    // A start: what the command line says counts.
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .configure_from_args();
    for case in cases {
        let mut group = criterion.benchmark_group(case.name);
        group.sampling_mode(SamplingMode::Flat);
        for sizes in case.sizes {
            group.throughput(Throughput::Elements(size(sizes, "batch") as u64));
            for (pass, backward) in [("forward", false), ("forward_backward", true)] {
                // Inputs are made when a benchmark is chosen, and let go before the next.
                group.bench_function(format!("{pass}/{}", label(sizes)), |b| {
                    let run = Run::new(case, sizes, device, Precision::F32, backward);
                    b.iter(|| run.once());
                });
            }
        }
        group.finish();
    }
    criterion.final_summary();
}
