//! Images read by another thread while the one before is worked on.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::Scope;

/// Images that are read or worked on at once.
const IN_FLIGHT: usize = 2;

/// What `read` makes of one path after another, in their order.
pub(super) struct Ahead<T> {
    read: Receiver<T>,
    /// Each lets the thread read one more.
    permits: Sender<()>,
}

impl<T: Send> Ahead<T> {
    /// Begins to read `paths` in a thread of `scope`, which ends when all are read or this is dropped.
    pub(super) fn new<'scope>(
        scope: &'scope Scope<'scope, '_>,
        paths: &'scope [PathBuf],
        read: impl Fn(&Path) -> T + Send + 'scope,
    ) -> Self
    where
        T: 'scope,
    {
        let (permits, permitted) = channel();
        let (give, taken) = sync_channel(0);
        scope.spawn(move || {
            for path in paths {
                if permitted.recv().is_err() || give.send(read(path)).is_err() {
                    return;
                }
            }
        });
        let ahead = Self { read: taken, permits };
        (0..IN_FLIGHT).for_each(|_| ahead.done());
        ahead
    }

    /// The next one; `None` behind the last.
    pub(super) fn next(&self) -> Option<T> {
        self.read.recv().ok()
    }

    /// Says that one of those handed over is done with and gone.
    pub(super) fn done(&self) {
        // The thread is gone where all are read.
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
            let ahead = Ahead::new(scope, &paths, |path| {
                most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                path.to_owned()
            });
            for path in &paths {
                assert_eq!(ahead.next().as_ref(), Some(path));
                // The next one is read while this one is worked on.
                while path != &paths[39] && now.load(SeqCst) < IN_FLIGHT {
                    std::thread::yield_now();
                }
                now.fetch_sub(1, SeqCst);
                ahead.done();
            }
            assert!(ahead.next().is_none());
        });
        assert_eq!((now.load(SeqCst), most.load(SeqCst)), (0, IN_FLIGHT));
    }

    #[test]
    fn ends_when_nobody_wants_more() {
        let paths = vec![PathBuf::from("a"); 9];
        let read = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let ahead = Ahead::new(scope, &paths, |_| read.fetch_add(1, SeqCst));
            assert_eq!(ahead.next(), Some(0));
        });
        assert!(read.load(SeqCst) <= IN_FLIGHT);
    }
}
