use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Hands out numbered jobs to workers and gives their results back in order, with a bound on how far they run ahead.
#[derive(Debug)]
pub(crate) struct Window<T> {
    state: Mutex<State<T>>,
    /// A job may be taken.
    room: Condvar,
    /// The next result in order is there, or none will come.
    ready: Condvar,
    ahead: u64,
    jobs: u64,
}

#[derive(Debug)]
struct State<T> {
    /// Number of the next result to give back.
    base: u64,
    /// Number of the next job to hand out.
    next: u64,
    /// Results from `base` on.
    results: VecDeque<Option<T>>,
    closed: bool,
    /// Jobs done, in any order.
    done: u64,
}

impl<T> Window<T> {
    /// A window over jobs `0..jobs` of which at most `ahead` are under way or waiting to be taken.
    pub(crate) fn new(jobs: u64, ahead: usize) -> Self {
        Self {
            state: Mutex::new(State { base: 0, next: 0, results: VecDeque::new(), closed: false, done: 0 }),
            room: Condvar::new(),
            ready: Condvar::new(),
            ahead: ahead.max(1) as u64,
            jobs,
        }
    }

    /// Works until the jobs are done or the window is closed.
    pub(crate) fn work(&self, job: impl Fn(u64) -> T) {
        while let Some(number) = self.take_job() {
            let result = job(number);
            let mut state = self.lock();
            let at = (number - state.base) as usize;
            state.results[at] = Some(result);
            state.done += 1;
            if at == 0 {
                self.ready.notify_all();
            }
        }
    }

    fn take_job(&self) -> Option<u64> {
        let mut state = self.lock();
        while !state.closed && state.next < self.jobs && state.next - state.base >= self.ahead {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed || state.next >= self.jobs {
            return None;
        }
        state.next += 1;
        state.results.push_back(None);
        Some(state.next - 1)
    }

    /// The next result in order; none after the last job or once the window is closed.
    pub(crate) fn next(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if state.closed || state.base >= self.jobs {
                return None;
            }
            if let Some(result) = state.results.front_mut().and_then(Option::take) {
                state.results.pop_front();
                state.base += 1;
                self.room.notify_one();
                return Some(result);
            }
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// As [`next`](Self::next), or for how many seconds nothing was done, once that is longer than `stall_after`.
    pub(crate) fn next_within(&self, stall_after: Duration) -> Result<Option<T>, u64> {
        let mut state = self.lock();
        let (mut known, mut since) = (state.done, Instant::now());
        loop {
            if state.closed || state.base >= self.jobs {
                return Ok(None);
            }
            if let Some(result) = state.results.front_mut().and_then(Option::take) {
                state.results.pop_front();
                state.base += 1;
                self.room.notify_one();
                return Ok(Some(result));
            }
            if state.done != known {
                (known, since) = (state.done, Instant::now());
            } else if since.elapsed() >= stall_after {
                return Err(since.elapsed().as_secs());
            }
            let rest = stall_after.saturating_sub(since.elapsed()).max(Duration::from_millis(1));
            state = self.ready.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How many jobs are done, and the number of the one that everything waits for.
    pub(crate) fn progress(&self) -> (u64, u64) {
        let state = self.lock();
        (state.done, state.base)
    }

    /// Wakes everybody up to end.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.room.notify_all();
        self.ready.notify_all();
    }

    /// No code that may panic runs under the lock, so that a poisoned state is a whole one.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
