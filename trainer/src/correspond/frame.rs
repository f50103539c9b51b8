//! The template's frame: grids in normalised units of the template image that cover its landmarks.

use fiducia_kernels::Affine;

/// A pixel grid placed in the template's normalised units.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    /// `[width, height]`, px.
    pub size: [usize; 2],
    /// From grid px to normalised units of the template.
    pub to_unit: Affine,
}

impl Grid {
    /// Covers the bounding box of `points` and a margin of `margin` normalised units with pixels of `unit`
    /// normalised units; each edge is a multiple of `multiple` px.
    pub fn around(points: &[[f64; 2]], margin: f64, unit: f64, multiple: usize) -> Self {
        let bound = |axis: usize, pick: fn(f64, f64) -> f64, start: f64| {
            points.iter().map(|p| p[axis]).fold(start, pick)
        };
        let low = [0, 1].map(|axis| bound(axis, f64::min, f64::INFINITY));
        let high = [0, 1].map(|axis| bound(axis, f64::max, f64::NEG_INFINITY));
        let edge = |axis: usize| {
            let px = (high[axis] - low[axis] + 2.0 * margin) / unit;
            ((px / multiple as f64).ceil() as usize).max(1) * multiple
        };
        let size = [edge(0), edge(1)];
        let origin = [0, 1].map(|axis: usize| {
            (low[axis] + high[axis]) / 2.0 - unit * (size[axis] as f64 - 1.0) / 2.0
        });
        Self {
            size,
            to_unit: Affine::shift(origin[0], origin[1]).after(&Affine::scale(unit, unit)),
        }
    }

    /// From normalised units of the template to grid px.
    pub fn from_unit(&self) -> Affine {
        self.to_unit.inverse().expect("a grid has pixels of some size")
    }
}
