//! The list of input images: files, and the images in folders.

use std::path::{Path, PathBuf};

use fiducia::radiograph::file_start;
use fiducia::{Error, ErrorKind};

/// File extensions of images in a folder. The format of a file is detected from its content.
const EXTENSIONS: [&str; 6] = ["png", "jpg", "jpeg", "tif", "tiff", "dcm"];
/// The directory file of a DICOM medium; not an image.
const DICOM_CONTENTS: &str = "DICOMDIR";
/// Suffix of overlay images, which are results and not input.
pub(super) const OVERLAY_SUFFIX: &str = ".overlay.png";
/// Precedes the kind in the names of result DICOM objects, which are not input either.
pub(super) const RESULT_MARK: &str = ".fiducia-";

/// The input images.
pub(super) struct Images {
    pub(super) paths: Vec<PathBuf>,
    /// Whether several images or a folder were given: the results are then a list, even of one.
    pub(super) batch: bool,
}

/// Replaces each folder among `arguments` by its images, sorted by name.
///
/// # Errors
/// [`ErrorKind::Unreadable`] if a folder cannot be read or contains no image.
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
    paths.retain(|p| !p.is_dir() && (is_image_name(p) || is_dicom_without_extension(p)));
    paths.sort();
    if paths.is_empty() {
        return Err(fail(
            "it contains no DICOM, PNG, JPEG or TIFF image; name the folder of the images".into(),
        ));
    }
    Ok(paths)
}

/// Whether the file is DICOM by its content, as files without extension on media and in many archives are.
fn is_dicom_without_extension(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let is_result = name.to_string_lossy().contains(RESULT_MARK);
    if name == DICOM_CONTENTS || is_result || name.as_encoded_bytes().starts_with(b".") {
        return false;
    }
    // Only by the mark after the preamble: other files in a folder may begin with any bytes.
    file_start(path).is_ok_and(|start| start.get(128..) == Some(b"DICM"))
}

/// Whether a file in a folder is an input image by its name.
pub(super) fn is_image_name(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    !name.starts_with('.')
        && !name.ends_with(OVERLAY_SUFFIX)
        && !name.contains(RESULT_MARK)
        && EXTENSIONS.contains(&extension.as_str())
}
