//! How many files this process keeps open for reading, all datasets together.

use std::fs::File;
use std::ops::Deref;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A file that stays open.
#[derive(Debug)]
pub(super) struct Kept<T = File> {
    file: T,
    /// Whether it takes one of the places that a process has, until it is dropped.
    counted: bool,
}

static KEPT: AtomicUsize = AtomicUsize::new(0);

impl<T> Kept<T> {
    /// A file that is open for others anyway.
    pub(super) fn shared(file: T) -> Self {
        Self { file, counted: false }
    }

    /// Keeps a file open while there is room; else it is closed, and opened anew for each read.
    pub(super) fn keep(file: T) -> Option<Self> {
        let budget = *budget();
        let counted = KEPT.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |kept| (kept < budget).then_some(kept + 1));
        // Not `then_some`: one that is made and dropped would be taken off the count.
        counted.is_ok().then(|| Self { file, counted: true })
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        if self.counted {
            KEPT.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.file
    }
}

/// A quarter of what the process may open: the rest is for workers, checkpoints, connections and whatever else the program does.
fn budget() -> &'static usize {
    static BUDGET: OnceLock<usize> = OnceLock::new();
    BUDGET.get_or_init(|| (limit() / 4).clamp(8, 1024))
}

/// Most files that the process may open; 256, the smallest default there is, where that cannot be told.
fn limit() -> usize {
    std::fs::read("/proc/self/limits").ok().and_then(|text| parse(&String::from_utf8_lossy(&text))).unwrap_or(256)
}

/// The soft limit in the kernel's table, whose columns are the limit's name, soft and hard limit, and unit.
fn parse(limits: &str) -> Option<usize> {
    let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_whitespace().next()?;
    if soft == "unlimited" { Some(usize::MAX) } else { soft.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_read() {
        let table = "Limit                     Soft Limit           Hard Limit           Units\n\
                     Max file locks            unlimited            unlimited            locks\n\
                     Max open files            1024                 524288               files\n";
        assert_eq!(parse(table), Some(1024));
        assert_eq!(
            parse("Max open files            unlimited            unlimited            files"),
            Some(usize::MAX)
        );
        assert_eq!(parse("nothing of the kind"), None);
    }
}
