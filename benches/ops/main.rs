//! Time of single operations, forward and forward with backward, in elements of the batch per second.
//!
//! ```text
//! cargo bench --bench ops                  # all, on the CPU
//! cargo bench --bench ops -- attention     # those whose name contains this
//! VLP_DEVICE=cuda cargo bench --features cuda --bench ops
//! cargo bench --bench ops -- --serve       # answers benches/peers/ops.py
//! ```

mod attention;
#[path = "../common/mod.rs"]
mod common;
mod layers;
mod rows;

use std::error::Error;

use common::{Case, device, measure, peer};

/// Operations free and take the same large buffers at each run; this allocator keeps their pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One file of this folder for each group; a further group is one more entry.
const GROUPS: &[&[Case]] = &[attention::CASES, layers::CASES, rows::CASES];

fn main() -> Result<(), Box<dyn Error>> {
    let device = device()?;
    let cases: Vec<&Case> = GROUPS.iter().copied().flatten().collect();
    if std::env::args().any(|argument| argument == "--serve") {
        return peer::serve(&cases, &device);
    }
    measure(&cases, &device);
    Ok(())
}
