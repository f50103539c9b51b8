//! The device that a command is told to use.

use std::path::PathBuf;

use fiducia::{Detector, Error, Pack, Wanted};

use super::arguments::DeviceChoice;

/// The landmarks `names` of `pack`, ready on the device.
///
/// # Errors
/// As [`Detector::on`].
pub(super) fn detector(
    pack: &Pack,
    choice: &DeviceChoice,
    names: &[String],
) -> Result<Detector, Error> {
    let wanted = Wanted {
        backend: choice.backend,
        adapter: choice.adapter.clone(),
        precision: choice.precision,
        cache: choice.cache.clone().or_else(user_cache),
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
