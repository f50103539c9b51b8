//! What a collimator is set up for.

use fiducia_link::{ModelId, Report, Spot};

use crate::Why;

/// Number of landmarks that the window goes around.
pub const CHOSEN: usize = 5;

/// Landmarks, limits and times. Lengths are hundredths of a millimetre at the detector.
#[derive(Debug, PartialEq, Eq)]
pub struct Setup {
    /// The model whose places are meant.
    pub model: ModelId,
    /// Places of the landmarks that the window goes around, in the list of the model.
    pub places: [u16; CHOSEN],
    /// Where the middle of the field lies in the image.
    pub centre: [i32; 2],
    /// A blade stands at least so far from the middle.
    pub least: i32,
    /// A blade stands at most so far from the middle: fully open.
    pub most: i32,
    /// Blades move in steps of this length.
    pub step: i32,
    /// Free space around every landmark.
    pub margin: i32,
    /// So many times its expected error is added to the margin of a landmark.
    pub errors: i32,
    /// A landmark that is expected to be farther off is not relied on.
    pub max_error: u16,
    /// A report that comes later than this after the exposure is not used, ms.
    pub patience_ms: u16,
    /// A window stands for so long at most, ms.
    pub hold_ms: u32,
}

/// The jaw on a lateral cephalogram, by the shipped model `models/head.fid`.
pub static JAW: Setup = Setup {
    model: [0x41, 0xe5, 0x6f, 0xed, 0xa2, 0x43, 0xef, 0x61],
    // Subspinale, supramentale, menton, gonion, posterior nasal spine.
    places: [4, 5, 7, 9, 16],
    centre: [10_000, 12_000],
    least: 1_000,
    most: 15_000,
    step: 50,
    margin: 1_000,
    errors: 2,
    max_error: 400,
    patience_ms: 5_000,
    hold_ms: 60_000,
};

impl Setup {
    /// Takes the chosen landmarks of a report frame.
    ///
    /// # Errors
    /// Why the report cannot be relied on.
    pub(crate) fn gather(
        &self,
        report: &Report,
        found: &mut [Option<Spot>; CHOSEN],
    ) -> Result<(), Why> {
        if report.model != self.model {
            return Err(Why::OtherModel);
        }
        if !report.plausible {
            return Err(Why::Implausible);
        }
        for (&place, found) in self.places.iter().zip(found) {
            if place >= report.total {
                return Err(Why::OtherModel);
            }
            let here = place.checked_sub(report.first).map(usize::from);
            if let Some(&spot) = here.and_then(|at| report.spots.get(at)) {
                self.check(&spot)?;
                *found = Some(spot);
            }
        }
        Ok(())
    }

    fn check(&self, spot: &Spot) -> Result<(), Why> {
        if !spot.confident || spot.expected_error > self.max_error {
            return Err(Why::Uncertain);
        }
        let reachable = |way: i32| i64::from(way).abs() <= self.most.into();
        if self.offset(spot).into_iter().all(reachable) { Ok(()) } else { Err(Why::Outside) }
    }

    /// Where a landmark lies, from the middle of the field.
    pub(crate) fn offset(&self, spot: &Spot) -> [i32; 2] {
        let [x, y] = self.centre;
        [spot.x.saturating_sub(x), spot.y.saturating_sub(y)]
    }
}
