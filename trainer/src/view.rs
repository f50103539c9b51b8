//! What the trainer keeps of an image: reduced planes at the resolutions that its stages work at.

use fiducia::{Error, Grey, Plane, Radiograph, Scale};
use fiducia_kernels::{Affine, LocalNorm, local_norm};

use crate::data::Unlabelled;

/// Height of the usual image of a set, units: a unit is a 240th of it.
pub const FIELD: f64 = 240.0;
/// Pixel of the backbone's input, units.
pub const WHOLE: f64 = 1.0;
/// Pixel of the finest plane, for regions of interest, units.
pub const FINE: f64 = 0.4;
/// Pixel of the plane that trunk features are matched on, units.
pub const MATCH: f64 = 0.6;
/// Pixel of the plane that deformation is found on, units.
pub const FLOW: f64 = 1.6;
/// Pixel of the plane that rough alignment starts on, units.
pub const ROUGH: f64 = 3.2;

/// One image of the training set, its pixels placed in units.
///
/// How long a unit is says [`fiducia::Scale`].
#[derive(Clone, Debug)]
pub struct View {
    /// File name.
    pub name: String,
    /// `[width, height]` of the image, px.
    pub size_px: [usize; 2],
    /// From image px to units.
    pub to_unit: Affine,
    /// Pixels of about [`FINE`] units.
    pub fine: Plane,
    /// Pixels of about [`MATCH`] units.
    pub middle: Plane,
    /// Pixels of about [`WHOLE`] units, as the backbone sees it.
    pub whole: Plane,
    /// Pixels of about [`FLOW`] units.
    pub flow: Plane,
    /// Pixels of about [`ROUGH`] units.
    pub rough: Plane,
}

impl View {
    /// Reads `image` and reduces it.
    ///
    /// # Errors
    /// As [`Unlabelled::read`] and [`Grey::new`].
    pub fn read(image: &Unlabelled, scale: Scale) -> Result<Self, Error> {
        Self::new(&image.read()?, image.name.clone(), scale)
    }

    /// Reduces an image held in memory.
    ///
    /// # Errors
    /// As [`Grey::new`].
    pub fn new(radiograph: &Radiograph, name: String, scale: Scale) -> Result<Self, Error> {
        let unit_per_px = scale.unit_per_px(radiograph.height, radiograph.spacing_mm);
        let grey = Grey::new(radiograph)?;
        let plane = |unit: f64| {
            let mut plane = Plane::default();
            grey.reduce(unit, unit_per_px, &mut plane);
            plane
        };
        Ok(Self {
            name,
            size_px: [radiograph.width, radiograph.height],
            to_unit: Affine::scale(unit_per_px[0], unit_per_px[1]),
            fine: plane(FINE),
            middle: plane(MATCH),
            whole: plane(WHOLE),
            flow: plane(FLOW),
            rough: plane(ROUGH),
        })
    }

    /// Reads `plane` (one of this view's) on a grid of `size` pixels that `to_unit` places in units.
    pub fn sample(&self, plane: &Plane, to_unit: &Affine, size: [usize; 2]) -> Vec<f32> {
        let mut out = vec![0.0; size[0] * size[1]];
        plane.resample(&self.from_unit().after(to_unit), &mut out, size);
        out
    }

    /// From units to image px.
    pub fn from_unit(&self) -> Affine {
        self.to_unit.inverse().expect("the spacing of an image is positive")
    }
}

/// A square film of `side` px, pixels being units, for tests.
#[cfg(test)]
pub(crate) fn film(side: usize, grey: impl Fn(f64, f64) -> f64) -> View {
    let radiograph = Radiograph {
        name: "film".into(),
        width: side,
        height: side,
        pixels: (0..side * side)
            .map(|i| grey((i % side) as f64, (i / side) as f64) as u16)
            .collect(),
        spacing_mm: Some([1.0; 2]),
        mm_source: fiducia::MmSource::User,
        inverted: false,
        dicom: None,
    };
    let scale = Scale::Millimetres { field_height: side as f64, unit_mm: 1.0 };
    View::new(&radiograph, "film".into(), scale).expect("the film has contrast")
}

/// A locally normalised plane with its place in units, for comparing intensities.
#[derive(Clone, Debug)]
pub struct Normed {
    /// Values, `[height, width]`, standard deviation about 1.
    pub data: Vec<f32>,
    /// `[width, height]`, px.
    pub size: [usize; 2],
    /// From px of this plane to units.
    pub to_unit: Affine,
}

impl Normed {
    /// Normalises `plane` of `view` over windows of `2 · radius + 1` pixels.
    pub fn of(view: &View, plane: &Plane, radius: usize) -> Self {
        let data = normalised(plane.data.clone(), plane.size, radius);
        Self { data, size: plane.size, to_unit: view.to_unit.after(&plane.to_image) }
    }
}

/// `values` `[height, width]` with local mean and contrast divided out.
pub fn normalised(mut values: Vec<f32>, [width, height]: [usize; 2], radius: usize) -> Vec<f32> {
    let params = LocalNorm { width, height, radius, floor: 4.0, gain: 1.0 };
    local_norm(&params, &mut values, &mut vec![0.0; params.scratch()]);
    values
}
