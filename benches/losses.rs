//! Time of every loss, forward and forward with backward, in pairs per second.
//!
//! ```text
//! cargo bench --bench losses                  # all, on the CPU
//! cargo bench --bench losses -- info_nce      # those whose name contains this
//! VLP_DEVICE=cuda cargo bench --features cuda --bench losses
//! cargo bench --bench losses -- --serve       # answers benches/peers/losses.py
//! ```

mod common;

use std::error::Error;
use std::time::Duration;

use common::cases::LOSSES;
use common::{Run, device, label, size};
use criterion::{Criterion, SamplingMode, Throughput};

/// Losses free and take the same large buffers at each run; this allocator keeps their pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let device = device()?;
    if std::env::args().any(|argument| argument == "--serve") {
        return common::peer::serve(&device);
    }
    let mut criterion = Criterion::default().configure_from_args();
    for loss in LOSSES {
        let mut group = criterion.benchmark_group(loss.name);
        group.sample_size(10).sampling_mode(SamplingMode::Flat);
        group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(800));
        for sizes in loss.sizes {
            group.throughput(Throughput::Elements(size(sizes, "batch") as u64));
            for (pass, backward) in [("forward", false), ("forward_backward", true)] {
                // Inputs are made when a benchmark is chosen, and let go before the next.
                group.bench_function(format!("{pass}/{}", label(sizes)), |b| {
                    let run = Run::new(loss, sizes, &device, backward);
                    b.iter(|| run.once());
                });
            }
        }
        group.finish();
    }
    criterion.final_summary();
    Ok(())
}
