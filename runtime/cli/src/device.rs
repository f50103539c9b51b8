//! Opens the device of a command.

use std::path::PathBuf;

use fiducia::{Detector, DetectorOptions, Error, Pack};

use super::options::DeviceArguments;

/// A detector on the device for the landmarks `names` of `pack`.
///
/// # Errors
/// As [`Detector::on`].
pub(super) fn detector(
    pack: &Pack,
    arguments: &DeviceArguments,
    names: &[String],
) -> Result<Detector, Error> {
    let options = DetectorOptions {
        backend: arguments.backend,
        adapter: arguments.adapter.clone(),
        precision: arguments.precision,
        cache: arguments.cache.clone().or_else(user_cache),
        rerun_self_test: arguments.self_test,
    };
    Detector::on(pack, &options, names)
}

/// The folder `fiducia` in the user's cache folder.
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
