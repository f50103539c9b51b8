//! Configuration of a collimator.

use fiducia_link::{Landmark, ModelId, Report};

use crate::OpenReason;

/// Number of landmarks that the window goes around.
pub const CHOSEN: usize = 5;

/// Landmarks, limits and times. Lengths are mm/100 in the detector plane.
#[derive(Debug, PartialEq, Eq)]
pub struct Setup {
    /// The model that the indices refer to.
    pub model: ModelId,
    /// Indices, in the landmark list of the model, of the landmarks that the window goes around.
    pub indices: [u16; CHOSEN],
    /// Position of the centre of the field in the image (x, y).
    pub centre: [i32; 2],
    /// Smallest distance of a blade from the centre.
    pub min_offset: i32,
    /// Largest distance of a blade from the centre: fully open.
    pub max_offset: i32,
    /// Step length of the blades.
    pub step: i32,
    /// Free space around every landmark.
    pub margin: i32,
    /// The margin of a landmark grows by this multiple of its expected error.
    pub error_factor: i32,
    /// Largest acceptable expected error of a landmark.
    pub max_error: u16,
    /// Time-out for the report after the exposure, ms.
    pub timeout_ms: u16,
    /// Longest time that a window is kept, ms.
    pub hold_ms: u32,
}

/// The jaw on a lateral cephalogram, for the shipped model `models/head.fid`.
pub static JAW: Setup = Setup {
    model: [0x41, 0xe5, 0x6f, 0xed, 0xa2, 0x43, 0xef, 0x61],
    // Subspinale, supramentale, menton, gonion, posterior nasal spine.
    indices: [4, 5, 7, 9, 16],
    centre: [10_000, 12_000],
    min_offset: 1_000,
    max_offset: 15_000,
    step: 50,
    margin: 1_000,
    error_factor: 2,
    max_error: 400,
    timeout_ms: 5_000,
    hold_ms: 60_000,
};

impl Setup {
    /// Collects the chosen landmarks of a report frame.
    ///
    /// # Errors
    /// Why the report cannot be used.
    pub(crate) fn gather(
        &self,
        report: &Report,
        found: &mut [Option<Landmark>; CHOSEN],
    ) -> Result<(), OpenReason> {
        if report.model != self.model {
            return Err(OpenReason::OtherModel);
        }
        if !report.plausible {
            return Err(OpenReason::Implausible);
        }
        for (&index, found) in self.indices.iter().zip(found) {
            if index >= report.total {
                return Err(OpenReason::OtherModel);
            }
            let position = index.checked_sub(report.first).map(usize::from);
            if let Some(&landmark) = position.and_then(|at| report.landmarks.get(at)) {
                self.check(&landmark)?;
                *found = Some(landmark);
            }
        }
        Ok(())
    }

    fn check(&self, landmark: &Landmark) -> Result<(), OpenReason> {
        if !landmark.confident || landmark.expected_error > self.max_error {
            return Err(OpenReason::Uncertain);
        }
        let is_reachable = |distance: i32| i64::from(distance).abs() <= self.max_offset.into();
        if self.offset(landmark).into_iter().all(is_reachable) {
            Ok(())
        } else {
            Err(OpenReason::Outside)
        }
    }

    /// Position of a landmark relative to the centre of the field (x, y).
    pub(crate) fn offset(&self, landmark: &Landmark) -> [i32; 2] {
        let [x, y] = self.centre;
        [landmark.x.saturating_sub(x), landmark.y.saturating_sub(y)]
    }
}
