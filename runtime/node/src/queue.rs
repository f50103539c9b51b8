//! A queue between threads.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A first-in, first-out queue in memory; its items can be restored from the disk.
#[derive(Debug)]
pub(super) struct Queue<T> {
    waiting: Mutex<VecDeque<T>>,
    changed: Condvar,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { waiting: Mutex::new(VecDeque::new()), changed: Condvar::new() }
    }
}

impl<T> Queue<T> {
    pub(super) fn push(&self, item: T) {
        self.lock().push_back(item);
        self.changed.notify_one();
    }

    /// Removes the first item; waits for one for at most `timeout`.
    pub(super) fn pop(&self, timeout: Duration) -> Option<T> {
        let waiting = self.lock();
        let empty = |waiting: &mut VecDeque<T>| waiting.is_empty();
        let waited = self.changed.wait_timeout_while(waiting, timeout, empty);
        let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        waiting.pop_front()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
