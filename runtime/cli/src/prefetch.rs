//! Reads images in another thread while the previous one is processed.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::Scope;

/// Images that are in memory at once.
const IN_FLIGHT: usize = 2;

/// The results of `read` for a list of paths, in their order.
pub(super) struct Prefetch<T> {
    read: Receiver<T>,
    /// Each permit lets the thread read one more path.
    permits: Sender<()>,
}

impl<T: Send> Prefetch<T> {
    /// Starts to read `paths` in a thread of `scope`, which ends when all are read or this is dropped.
    pub(super) fn new<'scope>(
        scope: &'scope Scope<'scope, '_>,
        paths: &'scope [PathBuf],
        read: impl Fn(&Path) -> T + Send + 'scope,
    ) -> Self
    where
        T: 'scope,
    {
        let (permits, permitted) = channel();
        let (sender, receiver) = sync_channel(0);
        scope.spawn(move || {
            for path in paths {
                if permitted.recv().is_err() || sender.send(read(path)).is_err() {
                    return;
                }
            }
        });
        let prefetch = Self { read: receiver, permits };
        (0..IN_FLIGHT).for_each(|_| prefetch.release());
        prefetch
    }

    /// The next result; `None` after the last.
    pub(super) fn next(&self) -> Option<T> {
        self.read.recv().ok()
    }

    /// Lets the thread read one more path, after an image was dropped.
    pub(super) fn release(&self) {
        // After the last path the thread has ended, and the permit is not needed.
        let _ = self.permits.send(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    #[test]
    fn reads_in_order_and_never_more_than_two_at_once() {
        let paths: Vec<PathBuf> = (0..40).map(|i| PathBuf::from(i.to_string())).collect();
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            let prefetch = Prefetch::new(scope, &paths, |path| {
                most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                path.to_owned()
            });
            for path in &paths {
                assert_eq!(prefetch.next().as_ref(), Some(path));
                // The next one is read while this one is processed.
                while path != &paths[39] && now.load(SeqCst) < IN_FLIGHT {
                    std::thread::yield_now();
                }
                now.fetch_sub(1, SeqCst);
                prefetch.release();
            }
            assert!(prefetch.next().is_none());
        });
        assert_eq!((now.load(SeqCst), most.load(SeqCst)), (0, IN_FLIGHT));
    }

    #[test]
    fn the_thread_ends_when_the_prefetch_is_dropped() {
        let paths = vec![PathBuf::from("a"); 9];
        let read = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let prefetch = Prefetch::new(scope, &paths, |_| read.fetch_add(1, SeqCst));
            assert_eq!(prefetch.next(), Some(0));
        });
        assert!(read.load(SeqCst) <= IN_FLIGHT);
    }
}
