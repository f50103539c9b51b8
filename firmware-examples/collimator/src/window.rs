//! Positions of the four blades.

use fiducia_link::Landmark;

use crate::{CHOSEN, Setup};

/// Distance of each blade from the centre of the field, mm/100 in the detector plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Window {
    pub left: i32,
    pub right: i32,
    pub top: i32,
    pub bottom: i32,
}

impl Window {
    /// Fully open.
    pub const fn open(setup: &Setup) -> Self {
        let most = setup.max_offset;
        Self { left: most, right: most, top: most, bottom: most }
    }

    /// The smallest possible window around all landmarks with their margins; `None` while a landmark is missing.
    pub(crate) fn around(found: &[Option<Landmark>; CHOSEN], setup: &Setup) -> Option<Self> {
        let mut window = Self { left: 0, right: 0, top: 0, bottom: 0 };
        for landmark in found {
            let landmark = landmark.as_ref()?;
            let [x, y] = setup.offset(landmark);
            let expected = i32::from(landmark.expected_error).saturating_mul(setup.error_factor);
            let margin = setup.margin.saturating_add(expected);
            window.left = window.left.max(margin.saturating_sub(x));
            window.right = window.right.max(margin.saturating_add(x));
            window.top = window.top.max(margin.saturating_sub(y));
            window.bottom = window.bottom.max(margin.saturating_add(y));
        }
        let Self { left, right, top, bottom } = window;
        let [left, right, top, bottom] = [left, right, top, bottom].map(|w| blade(w, setup));
        Some(Self { left, right, top, bottom })
    }
}

/// Rounds a distance outwards to whole steps, within the range of the blades.
fn blade(distance: i32, setup: &Setup) -> i32 {
    let over = distance.checked_rem(setup.step).unwrap_or(0);
    let outwards = if over > 0 { setup.step.saturating_sub(over) } else { 0 };
    distance.saturating_add(outwards).max(setup.min_offset).min(setup.max_offset)
}
