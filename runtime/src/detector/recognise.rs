//! Finds out whether an implausible image would be plausible in another orientation.

use super::Detector;
use crate::error::Error;
use crate::orientation::OrientationIssue;
use crate::radiograph::Radiograph;

impl Detector {
    /// The orientation issue of an implausible `radiograph`: its correction makes the image plausible. Of several, the
    /// one with the most concentrated coarse heat maps. `None` if no correction helps; the image is then probably not
    /// one for this model.
    ///
    /// Runs all networks six times, so it is meant for refused images. A model for a nearly symmetric anatomy, such as
    /// the frontal chest, refuses mirrored images only if it predicts the side
    /// ([`Plausibility::min_side`](crate::pack::Plausibility::min_side)).
    ///
    /// # Errors
    /// As [`Detector::observe`].
    pub fn recognise(
        &mut self,
        radiograph: &Radiograph,
    ) -> Result<Option<OrientationIssue>, Error> {
        let mut clearest = None;
        for presentation in OrientationIssue::ALL {
            let undone = presentation.undo(radiograph);
            let seen = self.observe(&undone)?;
            let plausible = self.report(&undone, &seen).plausible;
            if plausible && clearest.is_none_or(|(mass, _)| seen.coarse_mass > mass) {
                clearest = Some((seen.coarse_mass, presentation));
            }
        }
        Ok(clearest.map(|(_, presentation)| presentation))
    }
}
