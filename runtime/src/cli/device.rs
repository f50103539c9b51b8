//! The device that a command is told to use.

use std::path::PathBuf;

use fiducia::{Backend, Detector, Error, ErrorKind, Pack, Wanted};

use super::arguments::DeviceChoice;

/// The landmarks `names` of `pack`, ready on the device.
///
/// # Errors
/// As [`Detector::new`]; [`ErrorKind::Usage`] where an adapter is named for the CPU.
pub(super) fn detector(
    pack: &Pack,
    choice: &DeviceChoice,
    names: &[String],
) -> Result<Detector, Error> {
    if choice.adapter.is_some() && choice.backend == Backend::Cpu {
        let message = "--adapter names a GPU; leave it out with --backend cpu";
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let wanted = Wanted {
        backend: choice.backend,
        adapter: choice.adapter.clone(),
        precision: choice.precision,
        self_tests: choice.cache.clone().or_else(user_cache),
        test_anew: choice.self_test,
    };
    Detector::on(pack, &wanted, names)
}

/// `fiducia` in the folder that the user's system keeps for what can be made again.
fn user_cache() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|f| f.is_absolute());
    let cache = if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        folder("HOME").map(|home| home.join("Library/Caches"))
    } else {
        folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")))
    };
    cache.map(|cache| cache.join("fiducia"))
}
