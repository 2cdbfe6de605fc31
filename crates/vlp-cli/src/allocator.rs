//! The program's allocator.

/// The allocator of the program `vlp`: mimalloc, which [`main`](crate::main) tells to keep the pages that are freed.
pub use mimalloc::MiMalloc as Allocator;

/// mimalloc's number of `mi_option_purge_delay`, which its binding has no name for.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Keeps freed pages instead of handing them back to the system, unless the environment says otherwise: a training step on the CPU frees and
/// takes the same hundreds of megabytes every time, and giving them back costs a fifth to a third of its time.
#[allow(unsafe_code)]
pub(crate) fn keep_pages() {
    if std::env::var_os("MIMALLOC_PURGE_DELAY").is_none() {
        // SAFETY: it writes one integer of mimalloc's table of options, atomically and within its bounds; any value is allowed for this one.
        unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_the_option_is_that_of_the_purge_delay() {
        // SAFETY: they read and write single integers of mimalloc's table.
        #[allow(unsafe_code)]
        let option = || unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        // What mimalloc starts with, or what the environment of the test says.
        let before = std::env::var("MIMALLOC_PURGE_DELAY").map_or(1000, |delay| delay.parse().unwrap());
        assert_eq!(option(), before);
        keep_pages();
        assert!(option() == -1 || std::env::var_os("MIMALLOC_PURGE_DELAY").is_some());
    }
}
