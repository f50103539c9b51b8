//! Keeps panics from unwinding into C: every call runs in [`guarded`].

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use crate::failure::Failure;

thread_local! {
    /// Message and location of the last panic of this thread.
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs `call`; a panic becomes a failure with the panic's message and location.
///
/// State that `call` changes must stay consistent after a panic: the handles ensure it with a mutex, which a panic
/// poisons.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    record_panics();
    let call = AssertUnwindSafe(|| {
        #[cfg(test)]
        trap::fire(trap::Place::Border);
        call()
    });
    catch_unwind(call).unwrap_or_else(|_| {
        // Thread-local variables may be gone if the thread is ending.
        let panic = LAST_PANIC.try_with(RefCell::take).unwrap_or_default().replace('\n', " ");
        Err(Failure::internal(format!("internal error, please report it: {panic}")))
    })
}

/// Stores the text of a panic for the caller's message, instead of writing it to the standard error of the calling
/// program.
fn record_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |panic| {
            let _ = LAST_PANIC.try_with(|last| last.replace(panic.to_string()));
            // A failed test must still print its panic.
            if cfg!(test) {
                previous(panic);
            }
        }));
    });
}

/// Panics injected by tests, each into the next call of the test's own thread.
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
            panic!("a panic injected by a test");
        }
    }
}
