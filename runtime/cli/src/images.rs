//! Which images were meant: files as they are, folders by the images in them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use fiducia::{Error, ErrorKind};

/// File names that a folder is searched for; what is in a file is told by its content.
const EXTENSIONS: [&str; 6] = ["png", "jpg", "jpeg", "tif", "tiff", "dcm"];
/// The table of contents of a DICOM medium; no image.
const DICOM_CONTENTS: &str = "DICOMDIR";
/// Bytes up to the mark of a DICOM file.
pub(super) const DICOM_START: u64 = 132;
/// End of the names of our own pictures, which are not taken for X-rays.
pub(super) const OVERLAY_SUFFIX: &str = ".overlay.png";

/// Stands before the kind in the names of our own DICOM objects, which are not taken for X-rays either.
pub(super) const RESULT_MARK: &str = ".fiducia-";

/// The images to work on.
pub(super) struct Images {
    pub(super) paths: Vec<PathBuf>,
    /// Whether more than one image was asked for, or a folder: results are then a list, even of one.
    pub(super) batch: bool,
}

/// Replaces each folder among `arguments` by its images, sorted by name.
///
/// # Errors
/// [`ErrorKind::Unreadable`] where a folder cannot be read or holds no image.
pub(super) fn list(arguments: &[PathBuf]) -> Result<Images, Error> {
    let mut paths = Vec::new();
    for path in arguments {
        if path.is_dir() {
            paths.extend(images_in(path)?);
        } else {
            paths.push(path.clone());
        }
    }
    Ok(Images { paths, batch: arguments.len() > 1 || arguments[0].is_dir() })
}

fn images_in(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let fail = |what: String| {
        Error::new(ErrorKind::Unreadable, format!("folder {}: {what}", folder.display()))
    };
    let entries: std::io::Result<Vec<_>> =
        std::fs::read_dir(folder).and_then(|entries| entries.map(|e| Ok(e?.path())).collect());
    let mut paths = entries.map_err(|e| fail(format!("{e}; check its permissions")))?;
    paths.retain(|p| !p.is_dir() && (is_image_name(p) || is_nameless_dicom(p)));
    paths.sort();
    if paths.is_empty() {
        return Err(fail(
            "no DICOM, PNG, JPEG or TIFF image in it; name the folder of the images".into(),
        ));
    }
    Ok(paths)
}

/// Whether the file is DICOM although its name does not say so, as on media and in many archives.
fn is_nameless_dicom(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let is_ours = name.to_string_lossy().contains(RESULT_MARK);
    if name == DICOM_CONTENTS || is_ours || name.as_encoded_bytes().starts_with(b".") {
        return false;
    }
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(DICOM_START).read_to_end(&mut start));
    // By the mark behind the preamble alone: what a folder also holds may look like anything.
    read.is_ok() && start.len() as u64 == DICOM_START && start.ends_with(b"DICM")
}

/// Whether a file of this name is taken for an X-ray where a folder is looked through.
pub(super) fn is_image_name(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    !name.starts_with('.')
        && !name.ends_with(OVERLAY_SUFFIX)
        && !name.contains(RESULT_MARK)
        && EXTENSIONS.contains(&extension.as_str())
}
