//! Records skipped tests in one file, which CI prints and checks.

use std::fmt::Display;
use std::io::Write;

/// Environment variable with the path of the file to which skipped tests are appended.
const SKIP_FILE: &str = "FIDUCIA_SKIP_FILE";
/// Environment variable that makes a missing GPU adapter a failure if its value is `required`.
const GPU: &str = "FIDUCIA_GPU";

/// Records that `test` was skipped, and the reason: on standard error, and as one line `test<TAB>reason` appended to the
/// file `FIDUCIA_SKIP_FILE`.
///
/// # Panics
/// If that file cannot be written: an unrecorded skip would count as a pass.
pub fn record_skip(test: &str, reason: impl Display) {
    let line = format!("{test}\t{reason}").replace('\n', " ");
    eprintln!("SKIPPED: {line}");
    let Some(path) = std::env::var_os(SKIP_FILE) else { return };
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    // One write per line, so that lines of concurrent tests do not mix.
    file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
        .unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
}

/// Whether a missing GPU adapter is a failure: `FIDUCIA_GPU=required`.
pub fn is_gpu_required() -> bool {
    std::env::var(GPU).is_ok_and(|value| value == "required")
}

/// The adapter that `test` needs; `None` if there is none, which is recorded as a skip.
///
/// # Panics
/// If there is none and `FIDUCIA_GPU=required`.
pub fn required_gpu<T, E: Display>(test: &str, opened: Result<T, E>) -> Option<T> {
    match opened {
        Ok(gpu) => Some(gpu),
        Err(e) if is_gpu_required() => panic!("{test}: FIDUCIA_GPU=required, but {e}"),
        Err(e) => {
            record_skip(test, e);
            None
        }
    }
}

/// The full path of the calling function, as `cargo test` names a test.
#[macro_export]
macro_rules! test_name {
    () => {{
        fn here() {}
        let name = ::std::any::type_name_of_val(&here);
        name.strip_suffix("::here").unwrap_or(name)
    }};
}

/// Records the test as skipped and returns from it: `skip!("no Python")`, with arguments as for `format!`.
#[macro_export]
macro_rules! skip {
    ($($reason:tt)+) => {{
        $crate::record_skip($crate::test_name!(), ::std::format!($($reason)+));
        return;
    }};
}

/// Unwraps `$opened`, a `Result` of something that needs a GPU adapter. On an error the test is recorded as skipped and
/// returns; with `FIDUCIA_GPU=required` it fails.
#[macro_export]
macro_rules! gpu_or_skip {
    ($opened:expr) => {
        match $crate::required_gpu($crate::test_name!(), $opened) {
            Some(gpu) => gpu,
            None => return,
        }
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_name_is_that_of_the_test() {
        assert_eq!(test_name!(), "fiducia_test_support::skip::tests::the_name_is_that_of_the_test");
        // Also within a closure.
        let name_in_closure = || test_name!();
        let name = name_in_closure();
        assert!(
            name.starts_with("fiducia_test_support::skip::tests::the_name_is_that_of_the_test")
        );
    }
}
