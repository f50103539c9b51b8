//! Writes the best candidates as images for visual inspection.

use std::path::Path;

use fiducia::atomic::write_atomically;
use fiducia::pack::Scale;
use fiducia::preprocess::{Grey, Plane};
use fiducia::{Error, ErrorKind, Radiograph};
use image::{GrayImage, ImageFormat};

use super::Candidate;
use crate::data::Unlabelled;
use crate::folder::{Place, check_place, write_folder};

/// Approximate height of a written image, px; smaller images keep their size.
const HEIGHT: f64 = 900.0;

/// Checks that the pictures can be written to a folder; called before long work.
///
/// # Errors
/// [`ErrorKind::Usage`] where the folder exists with content, [`ErrorKind::Unwritable`] where its parent is
/// missing.
pub fn check_pictures_place(dir: &Path) -> Result<(), Error> {
    check_place(dir, Place::FreeOrEmpty)
}

/// Writes a picture of each candidate to the new folder `dir`: `01-NAME.png` is the first.
///
/// # Errors
/// As [`check_pictures_place`] and [`Unlabelled::read`].
pub fn write_pictures(
    dir: &Path,
    candidates: &[Candidate],
    images: &[Unlabelled],
) -> Result<(), Error> {
    write_folder(dir, Place::FreeOrEmpty, |folder| {
        for (place, candidate) in candidates.iter().enumerate() {
            let Some(image) = images.iter().find(|i| i.name == candidate.image) else { continue };
            let stem = Path::new(&candidate.image).file_stem().unwrap_or_default();
            let name = format!("{:02}-{}.png", place + 1, stem.to_string_lossy());
            write_atomically(&folder.join(name), &png(&image.read()?)?)?;
        }
        Ok(())
    })
}

/// The image, reduced and windowed to 8 bit, as a PNG file.
fn png(radiograph: &Radiograph) -> Result<Vec<u8>, Error> {
    let fault =
        |what: String| Error::new(ErrorKind::Engine, format!("{}: {what}", radiograph.name));
    let scale = Scale::ImageHeight { field_height: HEIGHT };
    let mut plane = Plane::default();
    Grey::new(radiograph)?.reduce(1.0, scale.unit_per_px(radiograph.height, None), &mut plane);
    let pixels = plane.data.iter().map(|v| v.round().clamp(0.0, 255.0) as u8).collect();
    let picture = GrayImage::from_raw(plane.size[0] as u32, plane.size[1] as u32, pixels)
        .ok_or_else(|| fault("a plane of another size".to_owned()))?;
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).map_err(|e| fault(e.to_string()))?;
    Ok(bytes.into_inner())
}
