use std::io::Write;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a thread may take to end: longer than a picture takes to be read and made ready.
const PATIENCE: Duration = Duration::from_secs(3);

/// Most threads of one loader: a system has room for some ten thousand.
pub const MOST_WORKERS: usize = 1024;

/// Waits for threads that were told to end, three seconds at most. One that does not, because a read from its storage does not return, is left behind
/// with a warning: it ends with what it is doing, and nobody waits for its result.
pub fn join_or_leave(threads: &mut Vec<JoinHandle<()>>) {
    let until = Instant::now() + PATIENCE;
    let mut pause = Duration::from_micros(50);
    while threads.iter().any(|thread| !thread.is_finished()) && Instant::now() < until {
        thread::sleep(pause);
        pause = (2 * pause).min(Duration::from_millis(20));
    }
    let mut behind = Vec::new();
    for thread in threads.drain(..) {
        if thread.is_finished() {
            // A panic was reported as an error where it mattered.
            let _ = thread.join();
        } else {
            behind.push(thread.thread().name().unwrap_or("a thread").to_owned());
        }
    }
    if !behind.is_empty() {
        // Nobody may be left who could be told otherwise.
        let _ = writeln!(
            std::io::stderr(),
            "warning: {} did not end within {} s and is left behind: does its storage answer?",
            behind.join(", "),
            PATIENCE.as_secs()
        );
    }
}
