//! Synthetic heat maps, the same on the host, in the tests and on the microcontroller.

use crate::{Fault, Tile};

/// Radius of a peak, cells.
pub const RADIUS: usize = 5;
/// Side of a tile, cells.
const SIDE: u16 = 48;
/// Width of the peak, cells.
const SIGMA: f32 = 1.7;
const MM_PER_CELL: f32 = 0.3;

/// One heat map: name of the landmark, position of its region, and position of the peak in the region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Case {
    /// Name of the landmark.
    pub name: &'static str,
    /// Position of the top-left cell (x, y), mm.
    pub corner_mm: [f32; 2],
    /// Centre of the peak (x, y), cells.
    pub peak: [f32; 2],
}

/// All cases: peak in the middle, between cells, at the border, left of the origin.
pub const CASES: [Case; 4] = [
    Case { name: "sella", corner_mm: [76.0, 84.5], peak: [24.0, 24.0] },
    Case { name: "nasion", corner_mm: [131.2, 70.1], peak: [17.3, 30.75] },
    Case { name: "gonion", corner_mm: [60.4, 148.0], peak: [0.0, 46.5] },
    Case { name: "porion", corner_mm: [-9.0, 79.9], peak: [11.5, 8.25] },
];

impl Case {
    /// The heat map: the logarithm of a Gaussian about [`Case::peak`].
    ///
    /// # Errors
    /// As [`Tile::push`].
    pub fn tile(&self) -> Result<Tile, Fault> {
        let mut tile = Tile::new(SIDE.into(), self.corner_mm, MM_PER_CELL);
        let mut row = [0.0; SIDE as usize];
        for y in 0..SIDE {
            for (x, logit) in (0..SIDE).zip(&mut row) {
                let (dx, dy) = (f32::from(x) - self.peak[0], f32::from(y) - self.peak[1]);
                *logit = -(dx * dx + dy * dy) / (2.0 * SIGMA * SIGMA);
            }
            tile.push(&row)?;
        }
        Ok(tile)
    }
}
