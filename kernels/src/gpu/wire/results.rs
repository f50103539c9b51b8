//! The results as they are read back: one record for the image, and one for each landmark.

/// Largest value of a position of 24 bits.
pub(in crate::gpu) const PLACE_STEPS: u32 = (1 << 24) - 1;
/// Covariances are sent as those of a heat map with so many cells along an edge, so that they suit half precision.
pub(in crate::gpu) const COVARIANCE_CELLS: u32 = 64;

/// Results that concern the whole image. They are the first half of the 256 bytes that are read back beside the
/// landmarks; device times follow.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Found {
    /// Lower end of the grey window.
    pub low: u32,
    /// Upper end of the grey window.
    pub high: u32,
    /// Grey levels inside the window that occur.
    pub levels: u32,
    /// Pixels that are nearly white.
    pub white: u32,
    /// From grey values to 0 to 255.
    pub gain: f32,
    /// Added after the gain.
    pub offset: f32,
    /// Mean peak mass of the coarse heat maps.
    pub coarse_mass: f32,
    /// Root mean square distance of the coarse points to the posed mean shape, units.
    pub pose_residual: f32,
    /// Cosine of the pose's angle times its size.
    pub along: f32,
    /// Sine of the pose's angle times its size.
    pub across: f32,
    /// Shift of the pose, units.
    pub shift: [f32; 2],
    /// Root mean square distance of the fine points to the shape model, units.
    pub shape_residual: f32,
    /// About 1 where left and right are as in the training set, about -1 where they are exchanged; 0 where the
    /// model has no such output.
    pub side: f32,
    /// Unused here.
    pub pad: [u32; 50],
}

/// One landmark as it is read back: 16 bytes.
///
/// The position is two numbers of 24 bits, from one image size before the image to one after it (a 2,400 px edge in
/// steps of 0.0004 px); spread, covariance and residual are half-precision floats (0.05 %).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Row {
    words: [u32; 4],
}

/// The content of a [`Row`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fine {
    /// Position, px of the image.
    pub px: [f64; 2],
    /// Mean distance of the heat map's probability from the position, units.
    pub spread: f64,
    /// Covariance of the heat map `[xx, xy, yy]`, cells².
    pub covariance_cells2: [f64; 3],
    /// Distance to the likely shape, units.
    pub residual: f64,
}

impl Row {
    /// Decodes the row for an image of `size` `[width, height]` px, whose fine maps have `cells` along an edge.
    pub fn decode(&self, size: [usize; 2], cells: usize) -> Fine {
        let [a, b, c, d] = self.words;
        let place = |bits: u32, size: usize| {
            (f64::from(bits) / f64::from(PLACE_STEPS) * 3.0 - 1.0) * size as f64
        };
        let scale = cells as f64 / f64::from(COVARIANCE_CELLS);
        let scale = scale * scale;
        Fine {
            px: [place(a & 0x00ff_ffff, size[0]), place((a >> 24) | (b & 0xffff) << 8, size[1])],
            spread: half_precision(b >> 16),
            covariance_cells2: [
                half_precision(c) * scale,
                half_precision(c >> 16) * scale,
                half_precision(d) * scale,
            ],
            residual: half_precision(d >> 16),
        }
    }
}

/// The half-precision float in the lower 16 bits.
fn half_precision(bits: u32) -> f64 {
    half::f16::from_bits(bits as u16).to_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_read_as_ieee_has_them() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 2f64.powi(-24)),
            (0x3555, 0.333251953125),
        ] {
            assert_eq!(half_precision(bits), value);
            assert_eq!(half_precision(bits | 0xabcd_0000), value);
        }
        assert!(half_precision(0x7e00).is_nan() && half_precision(0x7c00).is_infinite());
    }

    #[test]
    fn places_span_three_images() {
        let row = |x: u32, y: u32| Row { words: [x | y << 24, y >> 8, 0, 0] };
        let [low, high] =
            [row(0, 0xff_ffff), row(0xff_ffff, 0)].map(|r| r.decode([100, 50], 64).px);
        assert_eq!(low, [-100.0, 100.0]);
        assert_eq!(high, [200.0, -50.0]);
    }
}
