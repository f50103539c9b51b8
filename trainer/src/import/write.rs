//! Writes annotations and images to a data folder.

use std::path::Path;

use fiducia::atomic::write_atomically;
use fiducia::{Error, ErrorKind};

use super::annotations::Annotations;
use super::{Format, Imported, Request, unreadable};
use crate::data::{DataSet, SetFile, Spacing, Splits, check_landmarks};
use crate::folder::{Place, write_folder};

/// An image with all its points, px.
type Row = (String, Vec<[f64; 2]>);
/// An image and the first landmark that it lacks.
type Lack = (String, String);

/// Checks everything first, then writes the folder.
pub(super) fn write(
    request: &Request,
    images_dir: &Path,
    images: &[String],
    source_dir: &Path,
    annotations: Annotations,
) -> Result<Imported, Error> {
    let source = request.source.as_path();
    check_landmarks(&annotations.landmarks).map_err(|e| unreadable(source, e))?;
    let (rows, incomplete) = rows(&annotations, images_dir, images, source)?;
    if rows.is_empty() && request.format != Format::Images {
        let why = match incomplete.first() {
            Some((image, landmark)) => {
                format!("no image has all landmarks; `{image}` lacks `{landmark}`")
            }
            None => "no annotated image was found".to_owned(),
        };
        return Err(unreadable(source, why));
    }
    check_sizes(&rows, images_dir, images)?;
    let split_file = source_dir.join("split.csv");
    let split_file = split_file.exists().then_some(split_file);
    if let Some(file) = &split_file {
        Splits::read(file, images)?;
    }
    let set = SetFile {
        name: name_of(request),
        pixel_spacing_mm: request.spacing_mm.map(|[x, y]| match x == y {
            true => Spacing::Square(x),
            false => Spacing::Sides([x, y]),
        }),
        template: (rows.len() == 1).then(|| rows[0].0.clone()),
        landmarks: annotations.landmarks,
    };
    write_folder(&request.out, Place::Free, |tmp| {
        std::fs::create_dir(tmp.join("images")).map_err(|e| unwritable(&request.out, e))?;
        for name in images {
            std::fs::copy(images_dir.join(name), tmp.join("images").join(name))
                .map_err(|e| unwritable(&request.out, e).at(name))?;
        }
        if let Some(file) = &split_file {
            std::fs::copy(file, tmp.join("split.csv")).map_err(|e| unwritable(&request.out, e))?;
        }
        if !rows.is_empty() {
            let table = mean_csv(&set.landmarks, &rows).map_err(|e| unwritable(&request.out, e))?;
            write_atomically(&tmp.join("mean.csv"), &table)?;
        }
        let json = serde_json::to_vec_pretty(&set).map_err(|e| unwritable(&request.out, e))?;
        write_atomically(&tmp.join("set.json"), &json)?;
        // Read it back: later stages must accept what was written.
        DataSet::open(tmp).map(|_| ())
    })?;
    Ok(Imported {
        images: images.len(),
        labelled: rows.len(),
        landmarks: set.landmarks,
        incomplete,
    })
}

/// The images that have all landmarks, and those that lack one.
fn rows(
    annotations: &Annotations,
    images_dir: &Path,
    images: &[String],
    source: &Path,
) -> Result<(Vec<Row>, Vec<Lack>), Error> {
    let (mut rows, mut incomplete) = (Vec::new(), Vec::new());
    for image in annotations.points.keys() {
        if images.binary_search(image).is_err() {
            let place = images_dir.display();
            let message =
                format!("image `{image}` is not in {place}; give its folder with --images");
            return Err(unreadable(source, message));
        }
        match annotations.complete(image) {
            Ok(points) => rows.push((image.clone(), points)),
            Err(lacking) => incomplete.push((image.clone(), lacking.to_owned())),
        }
    }
    Ok((rows, incomplete))
}

/// Checks that every image has a readable header and that its points lie on or near it.
fn check_sizes(rows: &[Row], images_dir: &Path, images: &[String]) -> Result<(), Error> {
    for name in images {
        let path = images_dir.join(name);
        let (width, height) = image::image_dimensions(&path).map_err(|e| unreadable(&path, e))?;
        let Ok(row) = rows.binary_search_by(|r| r.0.cmp(name)) else {
            continue;
        };
        // A landmark may lie outside the image, but by no more than the image size.
        let near = |v: f64, edge: u32| (-f64::from(edge)..2.0 * f64::from(edge)).contains(&v);
        if let Some(p) = rows[row].1.iter().find(|p| !near(p[0], width) || !near(p[1], height)) {
            let message = format!(
                "point ({:.1}, {:.1}) px is far outside the {width} x {height} px; \
                 check the spacing (--slicer-spacing) and the units of the annotations",
                p[0], p[1]
            );
            return Err(unreadable(&path, message));
        }
    }
    Ok(())
}

fn mean_csv(landmarks: &[String], rows: &[Row]) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let columns = landmarks.iter().flat_map(|l| [format!("{l}_x"), format!("{l}_y")]);
    writer.write_record(std::iter::once("image".to_owned()).chain(columns))?;
    for (image, points) in rows {
        let numbers = points.iter().flatten().map(f64::to_string);
        writer.write_record(std::iter::once(image.clone()).chain(numbers))?;
    }
    Ok(writer.into_inner()?)
}

fn name_of(request: &Request) -> String {
    let of_folder = || request.out.file_name().map(|n| n.to_string_lossy().into_owned());
    request.name.clone().or_else(of_folder).unwrap_or_else(|| "set".to_owned())
}

fn unwritable(dir: &Path, e: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unwritable, format!("cannot write {}: {e}", dir.display()))
}
