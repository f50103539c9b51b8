//! How much the framing of the images varies.

/// Variation of the framing (cropping) in a set. Repeated structures (ribs, vertebrae) correlate almost
/// equally well when shifted by one period; where images are framed by the anatomy, a prior on the framing
/// resolves the ambiguity.
#[derive(Clone, Copy, Debug, Default)]
pub struct Framing(
    /// Standard deviation of the position of the upper and the lower image edge between images, normalised
    /// units; `None` for no prior.
    pub Option<f64>,
);

impl Framing {
    /// Penalty, in normalised units of correlation, for edges displaced by `off`, normalised units.
    pub(crate) fn cost(self, off: [f64; 2]) -> f64 {
        self.0.map_or(0.0, |sigma| off.map(|d| (d / sigma).powi(2)).iter().sum::<f64>() / 4.0)
    }
}
