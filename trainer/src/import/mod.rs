//! Imports annotations of other tools into a data folder.
//!
//! ```text
//! LabelMe | COCO | Slicer | CSV ─parse→ Annotations ─check→ complete images ─write→ data folder
//! ```
//! All parsers return positions in px with (0, 0) at the centre of the top-left pixel. Coordinates of tools
//! that count from the corner of that pixel are shifted by half a pixel, see [`Origin`].

mod annotations;
mod labelme;
mod coco;
mod slicer;
mod table;
mod write;

use std::path::{Path, PathBuf};

use fiducia::{Error, ErrorKind};

use crate::data::{check_spacing, list_images};
use crate::folder::{Place, check_place};
use annotations::Annotations;

/// Format of the annotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One LabelMe JSON file per image, point shapes.
    LabelMe,
    /// One COCO JSON file with keypoints.
    Coco,
    /// One 3D Slicer `.mrk.json` file per image, point lists.
    Slicer,
    /// One CSV file, `image,<landmark>_x,<landmark>_y,…` or `image,landmark,x,y`.
    Csv,
    /// A folder of images without annotations.
    Images,
}

/// Origin of a tool's pixel coordinates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// (0, 0) is the centre of the top-left pixel.
    Centre,
    /// (0, 0) is the outer corner of the top-left pixel, whose centre is (0.5, 0.5).
    Corner,
}

/// What to import.
#[derive(Clone, Debug)]
pub struct Request {
    /// Format of the annotations.
    pub format: Format,
    /// File (COCO, CSV) or folder (LabelMe, Slicer, images); LabelMe and Slicer also take one file.
    pub source: PathBuf,
    /// The data folder to create.
    pub out: PathBuf,
    /// Folder of the images; `None` for the folder of `source`.
    pub images: Option<PathBuf>,
    /// Name of the set; `None` for the name of `out`.
    pub name: Option<String>,
    /// `[x, y]` mm per px of the images; `None` where it is unknown.
    pub spacing_mm: Option<[f64; 2]>,
    /// `[x, y]` mm per px that the images had inside Slicer; `None` for `spacing_mm`, or else 1.
    pub slicer_spacing_mm: Option<[f64; 2]>,
    /// Origin of the coordinates; `None` for the usual one of the tool.
    pub origin: Option<Origin>,
}

/// The result of an import.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// Number of images.
    pub images: usize,
    /// Landmarks in order.
    pub landmarks: Vec<String>,
    /// Number of images with all landmarks.
    pub labelled: usize,
    /// Images with missing landmarks and the first one missing; they are imported without labels.
    pub incomplete: Vec<(String, String)>,
}

/// Creates a data folder from the annotations of another tool, completely or not at all.
///
/// All images of the image folder are copied; images without annotations are unlabelled. A `split.csv` beside
/// the annotations is copied too. Where exactly one image is labelled, it becomes the template of the set.
///
/// The points of a LabelMe file; LabelMe counts from the corner of the first pixel, the data folder from its centre:
///
/// ```rust
/// use fiducia_trainer::data::DataSet;
/// use fiducia_trainer::import::{Format, Request, import};
///
/// # let folder = tempfile::tempdir()?;
/// let source = folder.path().join("labelme");
/// # std::fs::create_dir(&source)?;
/// image::GrayImage::new(40, 50).save(source.join("001.png"))?;
/// std::fs::write(
///     source.join("001.json"),
///     r#"{"imagePath": "001.png", "shapes": [
///         {"label": "sella", "shape_type": "point", "points": [[10.5, 20.5]]}]}"#,
/// )?;
/// let out = folder.path().join("head");
/// let imported = import(&Request {
///     format: Format::LabelMe,
///     source,
///     out: out.clone(),
///     images: None,
///     name: None,
///     spacing_mm: Some([0.1, 0.1]),
///     slicer_spacing_mm: None,
///     origin: None,
/// })?;
/// assert_eq!((imported.images, imported.labelled), (1, 1));
/// assert_eq!(DataSet::open(&out)?.template("001.png")?.points_px, [[10.0, 20.0]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Usage`] where `out` exists or an argument is invalid; [`ErrorKind::Unreadable`] naming the
/// file where annotations are malformed, name an image that is missing, or no image has all landmarks;
/// [`ErrorKind::Unwritable`] where the folder cannot be written.
pub fn import(request: &Request) -> Result<Imported, Error> {
    check_place(&request.out, Place::Free)?;
    for spacing in [request.spacing_mm, request.slicer_spacing_mm].into_iter().flatten() {
        check_spacing(spacing).map_err(|m| Error::new(ErrorKind::Usage, m))?;
    }
    let folder = folder_of(&request.source);
    let images_dir = request.images.as_deref().unwrap_or(folder);
    let images = list_images(images_dir)?;
    let annotations = parse(request, &images)?;
    write::write(request, images_dir, &images, folder, annotations)
}

fn parse(request: &Request, images: &[String]) -> Result<Annotations, Error> {
    let source = request.source.as_path();
    let (mut annotations, usual_origin) = match request.format {
        Format::LabelMe => (labelme::parse(&files(source, ".json")?)?, Origin::Corner),
        Format::Coco => (coco::parse(source)?, Origin::Centre),
        Format::Slicer => {
            let spacing = request.slicer_spacing_mm.or(request.spacing_mm).unwrap_or([1.0; 2]);
            let files = files(source, ".mrk.json")?;
            (slicer::parse(&files, images, spacing)?, Origin::Centre)
        }
        Format::Csv => (table::parse(source)?, Origin::Centre),
        Format::Images => (Annotations::default(), Origin::Centre),
    };
    if request.origin.unwrap_or(usual_origin) == Origin::Corner {
        annotations.shift([-0.5, -0.5]);
    }
    Ok(annotations)
}

/// The folder that relative names in the annotations refer to.
fn folder_of(source: &Path) -> &Path {
    if source.is_dir() {
        return source;
    }
    source.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `source` itself, or the files in it whose names end in `ending`, sorted; at least one.
fn files(source: &Path, ending: &str) -> Result<Vec<PathBuf>, Error> {
    if !source.is_dir() {
        return Ok(vec![source.to_owned()]);
    }
    let fail =
        |what: String| Error::new(ErrorKind::Unreadable, format!("{}: {what}", source.display()));
    let entries = std::fs::read_dir(source).map_err(|e| fail(e.to_string()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| fail(e.to_string()))?.path();
        if path.file_name().is_some_and(|n| n.to_string_lossy().ends_with(ending)) {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(fail(format!("the folder contains no file ending in {ending}")));
    }
    files.sort();
    Ok(files)
}

/// Reads a JSON file into `T`.
fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = std::fs::read(path).map_err(|e| unreadable(path, e))?;
    serde_json::from_slice(&text).map_err(|e| unreadable(path, e))
}

fn unreadable(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unreadable, format!("{}: {what}", path.display()))
}

#[cfg(test)]
mod tests;
