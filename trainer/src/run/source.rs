//! The inputs of a run: images, annotations, the normalised unit, trunk and device.

use fiducia::pack::hex;
use fiducia::pack::{FullImageInput, RefineFrame, Scale};
use fiducia::{Error, ErrorKind};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::config::RunConfig;
use super::{Place, Record, device};
use crate::data::{DataSet, Template, Unlabelled};
use crate::framing::Framing;
use crate::material::{Annotated, Material};
use crate::nets::{CoarseDecoder, Trunk};
use crate::progress::Progress;
use crate::pyramid::{FIELD, FINE, FULL, ImagePyramid};
use crate::statistics::median;

/// Side of a region of interest, px.
const REGION: usize = 64;
/// Least number of training images; fewer show too little variation.
pub const LEAST_IMAGES: usize = 8;

/// Images, annotations and networks that a run starts from.
#[derive(Debug)]
pub struct Source {
    /// The training images, including the annotated ones.
    pub images: Vec<Unlabelled>,
    /// Their image pyramids.
    pub pyramids: Vec<ImagePyramid>,
    /// The annotated images, in the order of the configuration.
    pub annotated: Vec<Annotated>,
    /// Landmark names.
    pub landmarks: Vec<String>,
    /// Length of a normalised unit.
    pub scale: Scale,
    /// The frozen trunk.
    pub trunk: Trunk,
    /// The training device.
    pub device: burn::tensor::Device,
    images_sha256: String,
}

impl Source {
    /// Reads images, annotations and weights, and opens the device.
    ///
    /// # Errors
    /// As [`training_images`] and [`read_pyramids`]; from the weights and the device.
    pub fn open(
        data: &DataSet,
        config: &RunConfig,
        place: &Place,
        progress: &Progress,
    ) -> Result<Self, Error> {
        let (images, templates) =
            training_images(data, &config.templates, config.split.as_deref())?;
        let (pyramids, scale) = read_pyramids(&images, progress)?;
        Ok(Self {
            images_sha256: images_sha256(&images)?,
            annotated: annotated_points(&images, &pyramids, &templates)?,
            landmarks: templates[0].landmarks.clone(),
            trunk: Trunk::open(&place.weights)?,
            device: device::open(place.device)?,
            images,
            pyramids,
            scale,
        })
    }

    /// The inputs of every training stage.
    pub fn material<'a>(&'a self, config: &RunConfig, progress: &'a Progress) -> Material<'a> {
        Material {
            pyramids: &self.pyramids,
            annotated: &self.annotated,
            trunk: &self.trunk,
            device: &self.device,
            seed: config.seed,
            framing: Framing(config.framing),
            progress,
        }
    }

    /// The record of the run's inputs.
    pub(crate) fn record(&self, config: &RunConfig) -> Record {
        Record {
            config: config.clone(),
            images: self.images.len(),
            images_sha256: self.images_sha256.clone(),
        }
    }

    /// Input grids of the two networks: the full image has the size of the median image.
    pub fn frames(&self) -> (FullImageInput, RefineFrame) {
        let edge = |units: f64| {
            ((units / FULL / Trunk::MULTIPLE as f64).round() as usize).max(2) * Trunk::MULTIPLE
        };
        let usual = |axis: usize| {
            let extent = |v: &ImagePyramid| v.size_px[axis] as f64 * v.to_unit.m[axis][axis];
            median(self.pyramids.iter().map(extent).collect())
        };
        let full = FullImageInput {
            width: edge(usual(0)),
            height: edge(usual(1)),
            unit_per_px: FULL,
            stride: CoarseDecoder::STRIDE,
            norm_radius: 40,
            peak_radius: 2,
        };
        (full, RefineFrame { size: REGION, unit_per_px: FINE, stride: 1, peak_radius: 4 })
    }
}

/// The unlabelled images of `split`, including the `templates`, and the templates with their points.
///
/// # Errors
/// [`ErrorKind::Usage`] for an unknown template or split, or fewer than 8 images.
pub fn training_images(
    data: &DataSet,
    templates: &[String],
    split: Option<&str>,
) -> Result<(Vec<Unlabelled>, Vec<Template>), Error> {
    let templates: Vec<Template> =
        templates.iter().map(|t| data.template(t)).collect::<Result<_, _>>()?;
    let mut images = data.unlabelled(split)?;
    for template in &templates {
        if !images.iter().any(|i| i.name == template.image.name) {
            images.push(template.image.clone());
        }
    }
    if images.len() < LEAST_IMAGES || templates.is_empty() {
        let message = format!(
            "{}: {} images, {} of them annotated: too few to learn from; at least {LEAST_IMAGES} with 1 annotated",
            data.name,
            images.len(),
            templates.len()
        );
        return Err(Error::new(ErrorKind::Usage, message));
    }
    Ok((images, templates))
}

/// The landmarks of the `templates`, normalised units, with their indices into `images`.
///
/// # Errors
/// [`ErrorKind::Usage`] for a landmark outside its image.
pub fn annotated_points(
    images: &[Unlabelled],
    pyramids: &[ImagePyramid],
    templates: &[Template],
) -> Result<Vec<Annotated>, Error> {
    let one = |template: &Template| {
        let image = images
            .iter()
            .position(|i| i.name == template.image.name)
            .expect("every template is among the images");
        Ok(Annotated { image, points: template_points(&pyramids[image], template)? })
    };
    templates.iter().map(one).collect()
}

fn template_points(pyramid: &ImagePyramid, template: &Template) -> Result<Vec<[f64; 2]>, Error> {
    let points = template.landmarks.iter().zip(&template.points_px);
    points.map(|(name, &point)| to_units(pyramid, name, point)).collect()
}

/// Converts a point of the landmark `name` from px of the image to normalised units.
///
/// # Errors
/// [`ErrorKind::Usage`] where it lies outside the image.
pub(crate) fn to_units(
    pyramid: &ImagePyramid,
    name: &str,
    point_px: [f64; 2],
) -> Result<[f64; 2], Error> {
    let inside =
        |axis: usize| (-0.5..=pyramid.size_px[axis] as f64 - 0.5).contains(&point_px[axis]);
    if !inside(0) || !inside(1) {
        let [x, y] = point_px;
        let message =
            format!("{}: landmark {name} at ({x}, {y}) lies outside the image", pyramid.name);
        return Err(Error::new(ErrorKind::Usage, message));
    }
    Ok(pyramid.to_unit.apply(point_px))
}

/// Reads all images into pyramids; the median image is [`FIELD`] normalised units high.
///
/// # Errors
/// As [`ImagePyramid::read`].
pub fn read_pyramids(
    images: &[Unlabelled],
    progress: &Progress,
) -> Result<(Vec<ImagePyramid>, Scale), Error> {
    let scale = scale_of(images)?;
    let bar = progress.bar("read", images.len());
    let read = |image: &Unlabelled| {
        bar.inc(1);
        ImagePyramid::read(image, scale)
    };
    let pyramids: Result<Vec<ImagePyramid>, Error> = images.par_iter().map(read).collect();
    Ok((pyramids?, scale))
}

/// Millimetres if every image has a spacing, otherwise the height of each image.
fn scale_of(images: &[Unlabelled]) -> Result<Scale, Error> {
    let mut heights = Vec::new();
    for image in images {
        match image.spacing_mm() {
            Some(spacing) => heights.push(image.size_px()?[1] as f64 * spacing[1]),
            None => return Ok(Scale::ImageHeight { field_height: FIELD }),
        }
    }
    Ok(Scale::Millimetres { field_height: FIELD, unit_mm: median(heights) / FIELD })
}

/// SHA-256 over the names and contents of the training images.
pub(crate) fn images_sha256(images: &[Unlabelled]) -> Result<String, Error> {
    let mut list = Sha256::new();
    for image in images {
        list.update(image.name.as_bytes());
        list.update([0]);
        list.update(Sha256::digest(image.bytes()?));
    }
    Ok(hex(&list.finalize()))
}
