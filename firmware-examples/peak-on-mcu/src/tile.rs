//! A heat map that arrives row by row.

use fiducia_kernels::{Affine, peak};
use heapless::Vec;

use crate::Fault;

/// Capacity of a heat map: a region of interest of 48 x 48 cells, 9 KiB.
pub const CELLS: usize = 48 * 48;

/// The heat map of one region of interest.
#[derive(Clone, Debug)]
pub struct Tile {
    logits: Vec<f32, CELLS>,
    width: usize,
    to_mm: Affine,
    mm_per_cell: f32,
}

/// One landmark; the origin is the centre of the top-left pixel of the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Position, mm.
    pub x_mm: f32,
    /// Position, mm.
    pub y_mm: f32,
    /// Expected radial error, mm, before calibration.
    pub expected_error_mm: f32,
}

impl Tile {
    /// An empty tile, `width` cells wide, whose top-left cell lies at `corner_mm`.
    pub fn new(width: usize, corner_mm: [f32; 2], mm_per_cell: f32) -> Self {
        let scale = f64::from(mm_per_cell);
        let to_mm = Affine::shift(corner_mm[0].into(), corner_mm[1].into())
            .after(&Affine::scale(scale, scale));
        Self { logits: Vec::new(), width, to_mm, mm_per_cell }
    }

    /// Adds the next row of logits.
    ///
    /// # Errors
    /// [`Fault::Shape`] for a row of another width, [`Fault::Full`] if the tile is full; the tile is then unchanged.
    pub fn push(&mut self, row: &[f32]) -> Result<(), Fault> {
        if row.len() != self.width {
            return Err(Fault::Shape);
        }
        self.logits.extend_from_slice(row).map_err(|_| Fault::Full)
    }

    /// Decodes the position of the landmark. `radius` is the radius of the peak, cells.
    ///
    /// # Errors
    /// [`Fault::Shape`] for a tile without rows, [`Fault::NoPeak`] if the heat map has no finite peak.
    pub fn decode(&self, radius: usize) -> Result<Measured, Fault> {
        let height = self.logits.len().checked_div(self.width).ok_or(Fault::Shape)?;
        if height == 0 {
            return Err(Fault::Shape);
        }
        let found = peak(&self.logits, self.width, height, radius).ok_or(Fault::NoPeak)?;
        let [x_mm, y_mm] = self.to_mm.apply([found.x.into(), found.y.into()]);
        Ok(Measured {
            x_mm: x_mm as f32,
            y_mm: y_mm as f32,
            expected_error_mm: found.expected_error * self.mm_per_cell,
        })
    }
}
