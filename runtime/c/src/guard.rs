//! No panic crosses the border: each call runs in here.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use crate::failure::Failure;

thread_local! {
    /// What the last panic of this thread said, and where.
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs `call`; a panic becomes a failure that says where it was.
///
/// What `call` changes must stay sound when it is left half-way: the handles see to it with a lock that is
/// poisoned then.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    record_panics();
    let call = AssertUnwindSafe(|| {
        #[cfg(test)]
        trap::fire(trap::Place::Border);
        call()
    });
    catch_unwind(call).unwrap_or_else(|_| {
        // The thread may be ending, its own variables gone.
        let said = SAID.try_with(RefCell::take).unwrap_or_default().replace('\n', " ");
        Err(Failure::internal(format!("internal fault, please report it: {said}")))
    })
}

/// Keeps what a panic says for the caller's message, instead of writing to the standard error of a program
/// that is not ours.
fn record_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |panic| {
            let _ = SAID.try_with(|said| said.replace(panic.to_string()));
            // A failed test must be heard of.
            if cfg!(test) {
                previous(panic);
            }
        }));
    });
}

/// Panics that tests set, each for the next call of their own thread.
#[cfg(test)]
pub(crate) mod trap {
    use std::cell::Cell;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Place {
        /// Any call, as soon as it runs.
        Border,
        /// A detection, while it holds the detector.
        Detection,
    }

    thread_local! {
        static SET: Cell<Option<Place>> = const { Cell::new(None) };
    }

    pub(crate) fn set(place: Place) {
        SET.set(Some(place));
    }

    pub(crate) fn fire(place: Place) {
        if SET.get() == Some(place) {
            SET.set(None);
            panic!("a panic that a test has set");
        }
    }
}
