//! The step between the heat maps, in numbers: what the shader `pose` is told and what a landmark's sixteen
//! bytes hold. Its twin is the shape model of the runtime, in `f64`.

/// Sizes and limits of the step, as the shader reads them.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "gpu", derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct PoseStep {
    /// Points of the shape model.
    pub guides: u32,
    /// Landmarks that are looked at closely.
    pub landmarks: u32,
    /// Modes of the shape model.
    pub modes: u32,
    /// Cells along an edge of a fine heat map.
    pub fine_cells: u32,
    /// Region pixels per fine cell.
    pub fine_stride: f32,
    /// Region pixels along an edge.
    pub region_size: f32,
    /// Region pixel, units.
    pub region_unit: f32,
    /// Coarse points farther than this from the fitted shape are replaced, units.
    pub outlier: f32,
    /// Sizes are held above this before regions are cut.
    pub scale_low: f32,
    /// Sizes are held below this before regions are cut.
    pub scale_high: f32,
    /// Where a coarse map without a peak is taken to have one, cells.
    pub coarse_middle: [f32; 2],
}

impl PoseStep {
    /// Values of working memory that the shader needs.
    pub fn work(&self) -> usize {
        let (guides, modes) = (self.guides as usize, self.modes as usize);
        10 * guides + modes * (modes + 1) + modes
    }
}

/// A landmark as it is read back: 16 bytes.
///
/// Position as twice 24 bits, from one image size before the image to one after it (a 2,400 px edge in
/// steps of 0.0004 px); spread, covariance and residual as half-precision floats (0.05 %).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "gpu", derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Row {
    words: [u32; 4],
}

/// What a [`Row`] holds.
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
    /// Reads a row of an image of `size` `[width, height]` px, whose fine maps have `cells` along an edge.
    pub fn decode(&self, size: [usize; 2], cells: usize) -> Fine {
        let [a, b, c, d] = self.words;
        let place =
            |bits: u32, size: usize| (f64::from(bits) / 16_777_215.0 * 3.0 - 1.0) * size as f64;
        let grown = cells as f64 / 64.0 * (cells as f64 / 64.0);
        Fine {
            px: [place(a & 0x00ff_ffff, size[0]), place((a >> 24) | (b & 0xffff) << 8, size[1])],
            spread: half(b >> 16),
            covariance_cells2: [half(c) * grown, half(c >> 16) * grown, half(d) * grown],
            residual: half(d >> 16),
        }
    }
}

/// The half-precision float in the lower 16 bits.
fn half(bits: u32) -> f64 {
    let (sign, exponent, fraction) = (bits >> 15 & 1, bits >> 10 & 31, bits & 1023);
    let fraction = f64::from(fraction) / 1024.0;
    // Powers of two, exactly.
    let power = |e: u32| f64::from_bits(u64::from(1023 - 15 + e) << 52);
    let size = match exponent {
        0 => fraction * power(1),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction) * power(exponent),
    };
    if sign == 1 { -size } else { size }
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
            assert_eq!(half(bits), value);
            assert_eq!(half(bits | 0xabcd_0000), value);
        }
        assert!(half(0x7e00).is_nan() && half(0x7c00).is_infinite());
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
