//! Time of every loss, forward and forward with backward, in pairs per second.
//!
//! ```text
//! cargo bench --bench losses                  # all, on the CPU
//! cargo bench --bench losses -- info_nce      # those whose name contains this
//! VLP_DEVICE=cuda cargo bench --features cuda --bench losses
//! cargo bench --bench losses -- --serve       # answers benches/peers/losses.py
//! ```

mod cases;
#[path = "../common/mod.rs"]
mod common;

use std::error::Error;

use cases::LOSSES;
use common::{device, measure, peer};

/// Losses free and take the same large buffers at each run; this allocator keeps their pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let device = device()?;
    let cases: Vec<_> = LOSSES.iter().collect();
    if std::env::args().any(|argument| argument == "--serve") {
        return peer::serve(&cases, &device);
    }
    measure(&cases, &device);
    Ok(())
}
