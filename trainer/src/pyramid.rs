//! The image pyramid: an image reduced to the resolutions that the stages of the training work at.

use fiducia::pack::Scale;
use fiducia::preprocess::{Grey, Plane};
use fiducia::{Error, Radiograph};
use fiducia_kernels::{Affine, LocalNorm, local_norm};

use crate::data::Unlabelled;

/// Height of the usual image of a set: a normalised unit is 1/240 of it.
pub const FIELD: f64 = 240.0;
/// Pixel size of the backbone's input, normalised units.
pub const FULL: f64 = 1.0;
/// Pixel size of the finest plane, for regions of interest, normalised units.
pub const FINE: f64 = 0.4;
/// Pixel size of the plane for matching trunk features, normalised units.
pub const MATCH: f64 = 0.6;
/// Pixel size of the plane for deformable registration, normalised units.
pub const FLOW: f64 = 1.6;
/// Pixel size of the plane for the search of the affine alignment, normalised units.
pub const ROUGH: f64 = 3.2;

/// The reduced planes of one training image.
///
/// [`fiducia::pack::Scale`] defines the length of a normalised unit.
#[derive(Clone, Debug)]
pub struct ImagePyramid {
    /// File name.
    pub name: String,
    /// `[width, height]` of the image, px.
    pub size_px: [usize; 2],
    /// From image px to normalised units.
    pub to_unit: Affine,
    /// Plane with pixels of about [`FINE`] normalised units.
    pub fine: Plane,
    /// Plane with pixels of about [`MATCH`] normalised units.
    pub middle: Plane,
    /// Plane with pixels of about [`FULL`] normalised units: the backbone's full-image input.
    pub full: Plane,
    /// Plane with pixels of about [`FLOW`] normalised units.
    pub flow: Plane,
    /// Plane with pixels of about [`ROUGH`] normalised units.
    pub rough: Plane,
}

impl ImagePyramid {
    /// Reads `image` and reduces it to the planes.
    ///
    /// # Errors
    /// As [`Unlabelled::read`] and [`Grey::new`].
    pub fn read(image: &Unlabelled, scale: Scale) -> Result<Self, Error> {
        Self::new(&image.read()?, image.name.clone(), scale)
    }

    /// Reduces an image in memory to the planes.
    ///
    /// ```rust
    /// use fiducia::{MmSource, Radiograph};
    /// use fiducia::pack::Scale;
    /// use fiducia_trainer::pyramid::{FINE, ImagePyramid};
    ///
    /// let radiograph = Radiograph {
    ///     name: "gradient".to_owned(),
    ///     width: 200,
    ///     height: 240,
    ///     pixels: (0..200 * 240).map(|i| (i % 200) as u16).collect(),
    ///     spacing_mm: None,
    ///     mm_source: MmSource::None,
    ///     inverted: false,
    ///     dicom: None,
    /// };
    /// // Without a spacing the image height is 240 normalised units: here one per pixel.
    /// let scale = Scale::ImageHeight { field_height: 240.0 };
    /// let pyramid = ImagePyramid::new(&radiograph, "gradient".to_owned(), scale)?;
    /// assert_eq!(pyramid.to_unit.apply([10.0, 20.0]), [10.0, 20.0]);
    /// assert!(pyramid.fine.size[1] <= 240 && FINE < 1.0);
    /// # Ok::<(), fiducia::Error>(())
    /// ```
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
            full: plane(FULL),
            flow: plane(FLOW),
            rough: plane(ROUGH),
        })
    }

    /// Samples `plane` (of this pyramid) on a grid of `size` `[width, height]` pixels that `to_unit` maps to
    /// normalised units.
    pub fn sample(&self, plane: &Plane, to_unit: &Affine, size: [usize; 2]) -> Vec<f32> {
        let mut out = vec![0.0; size[0] * size[1]];
        plane.resample(&self.from_unit().after(to_unit), &mut out, size);
        out
    }

    /// From normalised units to image px.
    pub fn from_unit(&self) -> Affine {
        self.to_unit.inverse().expect("the spacing of an image is positive")
    }
}

/// The pyramid of a synthetic square image of `side` px; one pixel is one unit.
#[cfg(test)]
pub(crate) fn synthetic(side: usize, grey: impl Fn(f64, f64) -> f64) -> ImagePyramid {
    let radiograph = Radiograph {
        name: "image".into(),
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
    ImagePyramid::new(&radiograph, "synthetic".into(), scale).expect("the image has contrast")
}

/// A locally normalised plane, for intensity comparisons.
#[derive(Clone, Debug)]
pub struct Normed {
    /// Values, `[height, width]`, with a standard deviation of about 1.
    pub data: Vec<f32>,
    /// `[width, height]`, px.
    pub size: [usize; 2],
    /// From px of this plane to normalised units.
    pub to_unit: Affine,
}

impl Normed {
    /// Normalises `plane` of `pyramid` over windows of `2 · radius + 1` pixels.
    pub fn of(pyramid: &ImagePyramid, plane: &Plane, radius: usize) -> Self {
        let data = normalised(plane.data.clone(), plane.size, radius);
        Self { data, size: plane.size, to_unit: pyramid.to_unit.after(&plane.to_image) }
    }
}

/// `values` `[height, width]` after local normalisation of mean and contrast.
pub fn normalised(mut values: Vec<f32>, [width, height]: [usize; 2], radius: usize) -> Vec<f32> {
    let params = LocalNorm { width, height, radius, floor: 4.0, gain: 1.0 };
    local_norm(&params, &mut values, &mut vec![0.0; params.scratch()]);
    values
}
