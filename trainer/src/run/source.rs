//! What a run starts from: the images, the annotations that it may see, and the unit.

use fiducia::{Error, ErrorKind, RefineFrame, Scale, WholeFrame};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::config::RunConfig;
use super::{Place, Record, device, hex};
use crate::correspond::align::Framing;
use crate::correspond::median;
use crate::data::{DataSet, Template, Unlabelled};
use crate::nets::{CoarseDecoder, Trunk};
use crate::progress::Progress;
use crate::training::{Annotated, Material};
use crate::view::{FIELD, FINE, View, WHOLE};

/// Side of a region of interest, px.
const REGION: usize = 64;
/// Fewer images than this show too little variation.
pub const LEAST_IMAGES: usize = 8;

/// Images, annotations and tools of a run.
#[derive(Debug)]
pub struct Source {
    /// The training images, annotated ones among them.
    pub images: Vec<Unlabelled>,
    /// The same, reduced.
    pub views: Vec<View>,
    /// The annotated ones, in the order they were named.
    pub annotated: Vec<Annotated>,
    /// Landmark names.
    pub landmarks: Vec<String>,
    /// What a unit is.
    pub scale: Scale,
    /// The frozen trunk.
    pub trunk: Trunk,
    /// Where networks are trained.
    pub device: burn::tensor::Device,
    images_sha256: String,
}

impl Source {
    /// Reads everything.
    ///
    /// # Errors
    /// As [`training_images`] and [`read_views`]; from the weights and the device.
    pub fn open(
        data: &DataSet,
        config: &RunConfig,
        place: &Place,
        progress: &Progress,
    ) -> Result<Self, Error> {
        let (images, templates) =
            training_images(data, &config.templates, config.split.as_deref())?;
        let (views, scale) = read_views(&images, progress)?;
        Ok(Self {
            images_sha256: images_sha256(&images)?,
            annotated: annotated_points(&images, &views, &templates)?,
            landmarks: templates[0].landmarks.clone(),
            trunk: Trunk::open(&place.weights)?,
            device: device::open(place.device)?,
            images,
            views,
            scale,
        })
    }

    /// What trainings work on.
    pub fn material<'a>(&'a self, config: &RunConfig, progress: &'a Progress) -> Material<'a> {
        Material {
            views: &self.views,
            annotated: &self.annotated,
            trunk: &self.trunk,
            device: &self.device,
            seed: config.seed,
            framing: Framing(config.framing),
            progress,
        }
    }

    /// What the run depends on.
    pub(crate) fn record(&self, config: &RunConfig) -> Record {
        Record {
            config: config.clone(),
            images: self.images.len(),
            images_sha256: self.images_sha256.clone(),
        }
    }

    /// Grids of the two networks: as wide as the usual image.
    pub fn frames(&self) -> (WholeFrame, RefineFrame) {
        let edge = |units: f64| {
            ((units / WHOLE / Trunk::MULTIPLE as f64).round() as usize).max(2) * Trunk::MULTIPLE
        };
        let usual = |axis: usize| {
            let extent = |v: &View| v.size_px[axis] as f64 * v.to_unit.m[axis][axis];
            median(self.views.iter().map(extent).collect())
        };
        let whole = WholeFrame {
            width: edge(usual(0)),
            height: edge(usual(1)),
            unit_per_px: WHOLE,
            stride: CoarseDecoder::STRIDE,
            norm_radius: 40,
            peak_radius: 2,
        };
        (whole, RefineFrame { size: REGION, unit_per_px: FINE, stride: 1, peak_radius: 4 })
    }
}

/// The unlabelled images of `split`, the `templates` among them, and the templates with their points.
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
            "{}: {} images with {} annotated are too few to learn from; at least {LEAST_IMAGES} with 1",
            data.name,
            images.len(),
            templates.len()
        );
        return Err(Error::new(ErrorKind::Usage, message));
    }
    Ok((images, templates))
}

/// The landmarks of the `templates`, units, and which of the `images` they are.
///
/// # Errors
/// [`ErrorKind::Usage`] for a landmark outside its image.
pub fn annotated_points(
    images: &[Unlabelled],
    views: &[View],
    templates: &[Template],
) -> Result<Vec<Annotated>, Error> {
    let one = |template: &Template| {
        let image = images
            .iter()
            .position(|i| i.name == template.image.name)
            .expect("every template is among the images");
        Ok(Annotated { image, points: template_points(&views[image], template)? })
    };
    templates.iter().map(one).collect()
}

fn template_points(view: &View, template: &Template) -> Result<Vec<[f64; 2]>, Error> {
    let points = template.landmarks.iter().zip(&template.points_px);
    points.map(|(name, &point)| placed(view, name, point)).collect()
}

/// A point of the landmark `name`, px of the image, in units of `view`.
///
/// # Errors
/// [`ErrorKind::Usage`] where it lies outside the image.
pub(crate) fn placed(view: &View, name: &str, point_px: [f64; 2]) -> Result<[f64; 2], Error> {
    let inside = |axis: usize| (-0.5..=view.size_px[axis] as f64 - 0.5).contains(&point_px[axis]);
    if !inside(0) || !inside(1) {
        let [x, y] = point_px;
        let message =
            format!("{}: landmark {name} at ({x}, {y}) lies outside the image", view.name);
        return Err(Error::new(ErrorKind::Usage, message));
    }
    Ok(view.to_unit.apply(point_px))
}

/// Reads and reduces all images; the usual image is [`FIELD`] units high.
///
/// # Errors
/// As [`View::read`].
pub fn read_views(images: &[Unlabelled], progress: &Progress) -> Result<(Vec<View>, Scale), Error> {
    let scale = scale_of(images)?;
    let bar = progress.bar("read", images.len());
    let read = |image: &Unlabelled| {
        bar.inc(1);
        View::read(image, scale)
    };
    let views: Result<Vec<View>, Error> = images.par_iter().map(read).collect();
    Ok((views?, scale))
}

/// From millimetres where every image has a spacing, else from the height of each image.
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
