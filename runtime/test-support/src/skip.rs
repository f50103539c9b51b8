//! Tests that cannot run their subject: they say so in one file, which CI prints and checks.

use std::fmt::Display;
use std::io::Write;

/// Environment variable with the path of the file to which skipped tests are appended.
const SKIP_FILE: &str = "FIDUCIA_SKIP_FILE";
/// Environment variable that makes a missing GPU adapter a failure where it is `required`.
const GPU: &str = "FIDUCIA_GPU";

/// Records that `test` did not run its subject, and why: on standard error, and as one line `test<TAB>reason` at the end
/// of the file that `FIDUCIA_SKIP_FILE` names.
///
/// # Panics
/// Where that file cannot be written: a skip that nobody sees would count as a pass.
pub fn record_skip(test: &str, reason: impl Display) {
    let line = format!("{test}\t{reason}").replace('\n', " ");
    eprintln!("SKIPPED: {line}");
    let Some(path) = std::env::var_os(SKIP_FILE) else { return };
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    // One write, so that lines of tests that run at once do not mix.
    file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
        .unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
}

/// Whether a missing GPU adapter is a failure: `FIDUCIA_GPU=required`.
pub fn is_gpu_required() -> bool {
    std::env::var(GPU).is_ok_and(|value| value == "required")
}

/// The adapter that `test` needs; `None` where there is none, which is then recorded as a skip.
///
/// # Panics
/// Where there is none although `FIDUCIA_GPU=required`.
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

/// The full path of the function that this is written in, as `cargo test` names a test.
#[macro_export]
macro_rules! test_name {
    () => {{
        fn here() {}
        let name = ::std::any::type_name_of_val(&here);
        name.strip_suffix("::here").unwrap_or(name)
    }};
}

/// Records the test as skipped and returns from it: `skip!("no Python")`, with arguments as `format!` takes them.
#[macro_export]
macro_rules! skip {
    ($($reason:tt)+) => {{
        $crate::record_skip($crate::test_name!(), ::std::format!($($reason)+));
        return;
    }};
}

/// The value of `$opened`, a `Result` of something that needs a GPU adapter; where it is an error the test is recorded
/// as skipped and returns, or fails where `FIDUCIA_GPU=required`.
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
    fn a_test_knows_its_name() {
        assert_eq!(test_name!(), "fiducia_test_support::skip::tests::a_test_knows_its_name");
        // Within a closure too.
        let name = (|| test_name!())();
        assert!(name.starts_with("fiducia_test_support::skip::tests::a_test_knows_its_name"));
    }
}
