//! From a radiograph to the networks' inputs: windowed grey, reduced planes, whole image, regions of interest.

use fiducia_kernels::{Affine, BoxMean, LocalNorm, box_mean, crop_norm, local_norm, warp};

use rayon::prelude::*;

use crate::error::{Error, ErrorKind};
use crate::pack::{FullImageInput, RefineFrame};
use crate::radiograph::Radiograph;
use crate::radiograph::grey_window::window_of;

/// Grey levels that the window is mapped to; all noise floors below are in these levels.
const GREY_LEVELS: f32 = 255.0;
/// Local deviations of this size count as noise, grey levels.
pub(crate) const NORM_FLOOR: f32 = 6.0;
/// Standard deviation of the backbone's input.
pub(crate) const NORM_GAIN: f32 = 0.5;
/// Deviations of this size count as noise in a region of interest, grey levels.
pub(crate) const CROP_FLOOR: f32 = 8.0;
/// Images smaller than this along an edge show no anatomy, px.
const MIN_EDGE: usize = 64;

/// A radiograph with its grey window: percentiles of the histogram mapped to 0 to 255.
#[derive(Clone, Copy, Debug)]
pub struct Grey<'a> {
    radiograph: &'a Radiograph,
    gain: f32,
    offset: f32,
    levels: usize,
    white_fraction: f64,
}

/// A reduced grey image, with the map to the original.
#[derive(Clone, Debug)]
pub struct Plane {
    /// Grey values, `[height, width]`, about 0 to 255.
    pub data: Vec<f32>,
    /// `[width, height]`, px of the plane.
    pub size: [usize; 2],
    /// From plane px to image px.
    pub to_image: Affine,
}

impl Default for Plane {
    fn default() -> Self {
        Self { data: Vec::new(), size: [0, 0], to_image: Affine::IDENTITY }
    }
}

impl<'a> Grey<'a> {
    /// Finds the grey window of `radiograph`.
    ///
    /// # Errors
    /// [`ErrorKind::Implausible`] for an image below 64 px along an edge or of a single grey level;
    /// [`ErrorKind::Usage`] where `pixels` does not hold `width · height` values or the spacing is
    /// not a positive number.
    pub fn new(radiograph: &'a Radiograph) -> Result<Self, Error> {
        check(radiograph)?;
        let pixels = &radiograph.pixels;
        let found = window_of(pixels);
        if found.low == found.high {
            return Err(no_contrast(radiograph, found.low));
        }
        let gain = GREY_LEVELS / f32::from(found.high - found.low);
        Ok(Self {
            radiograph,
            gain,
            offset: -f32::from(found.low) * gain,
            levels: found.levels as usize,
            white_fraction: found.white as f64 / pixels.len() as f64,
        })
    }

    /// Number of grey levels inside the window that occur in the image.
    pub fn levels(&self) -> usize {
        self.levels
    }

    /// Fraction of the pixels that are nearly white, 0 to 1.
    pub fn white_fraction(&self) -> f64 {
        self.white_fraction
    }

    /// Reduces the image by whole factors to about `unit` per pixel, into `plane`.
    ///
    /// `unit_per_px` is the size of an image pixel `[x, y]` in the same unit.
    pub fn reduce(&self, unit: f64, unit_per_px: [f64; 2], plane: &mut Plane) {
        let params = reduction([self.radiograph.width, self.radiograph.height], unit, unit_per_px);
        let size = params.output();
        plane.data.resize(size[0] * size[1], 0.0);
        // Strips of rows, one for each thread.
        let rows = size[1].div_ceil(rayon::current_num_threads()).max(1);
        let strips = self.radiograph.pixels.par_chunks(rows * params.factor_y * params.width);
        plane.data.par_chunks_mut(rows * size[0]).zip(strips).for_each(|(out, pixels)| {
            let strip = BoxMean { height: pixels.len() / params.width, ..params };
            box_mean(&strip, pixels, self.gain, self.offset, out);
        });
        (plane.size, plane.to_image) = (size, params.to_input());
    }
}

impl Plane {
    /// Fills `out` `[width, height] = size` with this plane, resampled: `to_image` maps output px to image px.
    pub fn resample(&self, to_image: &Affine, out: &mut [f32], size: [usize; 2]) {
        let to_plane = self.to_image.inverse().unwrap_or(Affine::IDENTITY).after(to_image);
        warp(&self.data, self.size, &to_plane, out, size);
    }
}

/// Refuses images that need no look at their pixels.
///
/// # Errors
/// As [`Grey::new`], but for the contrast.
pub(crate) fn check(radiograph: &Radiograph) -> Result<(), Error> {
    let Radiograph { name, width, height, pixels, spacing_mm, .. } = radiograph;
    if width.checked_mul(*height) != Some(pixels.len()) {
        let message = format!("{name}: {} pixels given for {width} x {height}", pixels.len());
        return Err(Error::new(ErrorKind::Usage, message));
    }
    // Wider than any detector: 0.001 mm to 100 mm.
    if spacing_mm.is_some_and(|s| s.iter().any(|v| !(1e-3..=1e2).contains(v))) {
        let message = format!("{name}: the pixel spacing must lie between 0.001 and 100 mm");
        return Err(Error::new(ErrorKind::Usage, message));
    }
    if (*width).min(*height) < MIN_EDGE {
        let message = format!(
            "{name}: {width} x {height} px is too small; at least {MIN_EDGE} px along each edge"
        );
        return Err(Error::new(ErrorKind::Implausible, message));
    }
    Ok(())
}

/// The error for an image nearly all of whose pixels have this `level`.
pub(crate) fn no_contrast(radiograph: &Radiograph, level: u16) -> Error {
    let name = &radiograph.name;
    let message = format!("{name}: the image has no contrast (nearly all pixels are {level})");
    Error::new(ErrorKind::Implausible, message)
}

/// The whole factors that reduce an image of `size` px to about `unit` per pixel.
pub(crate) fn reduction(size: [usize; 2], unit: f64, unit_per_px: [f64; 2]) -> BoxMean {
    let factor = |axis: usize| ((unit / unit_per_px[axis]).round() as usize).clamp(1, size[axis]);
    BoxMean { width: size[0], height: size[1], factor_x: factor(0), factor_y: factor(1) }
}

/// From px of the backbone's input to px of an image of `size` px; the centres coincide.
pub fn full_image_frame(frame: &FullImageInput, size: [usize; 2], unit_per_px: [f64; 2]) -> Affine {
    let scale = [frame.unit_per_px / unit_per_px[0], frame.unit_per_px / unit_per_px[1]];
    let middle = |edge: usize| (edge as f64 - 1.0) / 2.0;
    Affine::shift(middle(size[0]), middle(size[1]))
        .after(&Affine::scale(scale[0], scale[1]))
        .after(&Affine::shift(-middle(frame.width), -middle(frame.height)))
}

/// Fills `input` `[1, 1, height, width]` with the plane seen through `to_image`, locally normalised.
pub fn full_image_input(
    frame: &FullImageInput,
    plane: &Plane,
    to_image: &Affine,
    input: &mut [f32],
    scratch: &mut Vec<f64>,
) {
    plane.resample(to_image, input, [frame.width, frame.height]);
    normalise_whole(frame, input, scratch);
}

/// Normalises a whole image `[height, width]` of grey values (0 to 255) in place.
pub fn normalise_whole(frame: &FullImageInput, input: &mut [f32], scratch: &mut Vec<f64>) {
    let params = LocalNorm {
        width: frame.width,
        height: frame.height,
        radius: frame.norm_radius,
        floor: NORM_FLOOR,
        gain: NORM_GAIN,
    };
    scratch.resize(params.scratch(), 0.0);
    local_norm(&params, input, scratch);
}

/// Fills `out` `[size, size]` with one normalised region of interest, seen through `to_image`.
pub fn crop(frame: &RefineFrame, plane: &Plane, to_image: &Affine, out: &mut [f32]) {
    plane.resample(to_image, out, [frame.size, frame.size]);
    normalise_crop(out);
}

/// Normalises a region of interest of grey values (0 to 255) in place.
pub fn normalise_crop(out: &mut [f32]) {
    crop_norm(out, CROP_FLOOR);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radiograph::MmSource;

    fn radiograph(width: usize, height: usize, pixel: impl Fn(usize, usize) -> u16) -> Radiograph {
        let pixels = (0..width * height).map(|i| pixel(i % width, i / width)).collect();
        Radiograph {
            name: "test".into(),
            width,
            height,
            pixels,
            spacing_mm: None,
            mm_source: MmSource::None,
            inverted: false,
            dicom: None,
        }
    }

    #[test]
    fn sixteen_bit_and_eight_bit_look_the_same() {
        let [mut eight, mut sixteen] = [Plane::default(), Plane::default()];
        let low = radiograph(80, 70, |x, y| (x + y) as u16);
        let high = radiograph(80, 70, |x, y| (4000 + 300 * (x + y)) as u16);
        Grey::new(&low).unwrap().reduce(2.0, [1.0; 2], &mut eight);
        Grey::new(&high).unwrap().reduce(2.0, [1.0; 2], &mut sixteen);
        assert_eq!(eight.size, [40, 35]);
        for (a, b) in eight.data.iter().zip(&sixteen.data) {
            assert!((a - b).abs() < 0.01, "{a} {b}");
        }
    }

    #[test]
    fn refuses_what_shows_nothing() {
        let kind = |r: &Radiograph| Grey::new(r).unwrap_err().kind();
        assert_eq!(kind(&radiograph(80, 80, |_, _| 0)), ErrorKind::Implausible);
        assert_eq!(kind(&radiograph(1, 1, |_, _| 9)), ErrorKind::Implausible);
        let mut cut = radiograph(80, 80, |x, _| x as u16);
        cut.pixels.pop();
        assert_eq!(kind(&cut), ErrorKind::Usage);
    }

    #[test]
    fn counts_levels_and_white() {
        let grey = |pixel: fn(usize, usize) -> u16| {
            let image = radiograph(100, 100, pixel);
            let grey = Grey::new(&image).unwrap();
            (grey.levels(), grey.white_fraction())
        };
        // Ten columns of each of ten levels, of eight or of sixteen bit.
        assert_eq!(grey(|x, _| (x / 10) as u16), (10, 0.1));
        assert_eq!(grey(|x, _| (x / 10) as u16 * 7000), (10, 0.1));
        assert_eq!(grey(|x, _| if x < 70 { 200 } else { x as u16 }), (31, 0.7));
        // Nine pixels in ten thousand are beyond the window and neither stretch it nor count.
        let spots = |x: usize, y: usize| if y == 0 && x > 90 { 60_000 } else { (x / 50) as u16 };
        assert_eq!(grey(spots), (2, 0.5));
    }

    #[test]
    fn whole_frame_puts_centre_on_centre() {
        let frame = FullImageInput {
            width: 192,
            height: 240,
            unit_per_px: 1.0,
            stride: 4,
            norm_radius: 40,
            peak_radius: 3,
        };
        let to_image = full_image_frame(&frame, [1935, 2400], [0.1; 2]);
        let middle = to_image.apply([95.5, 119.5]);
        assert!((middle[0] - 967.0).abs() < 1e-9 && (middle[1] - 1199.5).abs() < 1e-9);
        let next = to_image.apply([96.5, 119.5]);
        assert!((next[0] - middle[0] - 10.0).abs() < 1e-9);
    }
}
