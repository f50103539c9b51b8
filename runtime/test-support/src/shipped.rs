//! The models and demo images of the repository.

use std::path::{Path, PathBuf};

/// Path of the file `name` in the folder `models`.
pub fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models").join(name)
}
