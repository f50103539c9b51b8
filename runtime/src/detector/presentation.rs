//! Would the image be plausible if it were presented otherwise?

use std::fmt;

use serde::Serialize;

use super::Detector;
use crate::{Error, Radiograph};

/// A wrong way of presenting an image, with respect to the images that a model was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Presentation {
    /// The photometric negative: bone is dark on bright ground.
    #[serde(rename = "inverted")]
    Inverted,
    /// Left and right are exchanged.
    #[serde(rename = "mirrored")]
    Mirrored,
    /// Both of the above.
    #[serde(rename = "inverted_mirrored")]
    InvertedMirrored,
    /// Turned clockwise by 90 degrees.
    #[serde(rename = "turned_90")]
    Turned90,
    /// Upside down.
    #[serde(rename = "turned_180")]
    Turned180,
    /// Turned anticlockwise by 90 degrees.
    #[serde(rename = "turned_270")]
    Turned270,
}

impl Presentation {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Inverted,
        Self::Mirrored,
        Self::InvertedMirrored,
        Self::Turned90,
        Self::Turned180,
        Self::Turned270,
    ];

    /// Whether grey values would have to be inverted.
    pub fn is_inverted(self) -> bool {
        matches!(self, Self::Inverted | Self::InvertedMirrored)
    }

    /// `radiograph` presented in this way.
    pub fn apply(self, radiograph: &Radiograph) -> Radiograph {
        match self {
            Self::Inverted => radiograph.inverted(),
            Self::Mirrored => radiograph.mirrored(),
            Self::InvertedMirrored => radiograph.inverted().mirrored(),
            Self::Turned90 => radiograph.turned(1),
            Self::Turned180 => radiograph.turned(2),
            Self::Turned270 => radiograph.turned(3),
        }
    }

    /// `radiograph`, presented in this way, as it should have been.
    pub fn undo(self, radiograph: &Radiograph) -> Radiograph {
        match self {
            Self::Turned90 => Self::Turned270.apply(radiograph),
            Self::Turned270 => Self::Turned90.apply(radiograph),
            // The others are their own inverse.
            _ => self.apply(radiograph),
        }
    }
}

/// What the image looks like, and what to do about it.
impl fmt::Display for Presentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inverted => "looks inverted: bone is dark; invert the grey values",
            Self::Mirrored => "looks mirrored: left and right are exchanged; check the side and mirror it",
            Self::InvertedMirrored => {
                "looks inverted and mirrored: bone is dark, left and right are exchanged; invert the grey values, check the side and mirror it"
            }
            Self::Turned90 => "looks turned by 90 degrees clockwise: turn it back",
            Self::Turned180 => "looks turned by 180 degrees: turn it back",
            Self::Turned270 => "looks turned by 90 degrees anticlockwise: turn it back",
        })
    }
}

impl Detector {
    /// How an implausible `radiograph` seems to be presented: the way that, undone, makes it
    /// plausible, and of several the one with the clearest coarse heat maps. `None` where there is
    /// none; then it is probably no image for this model at all.
    ///
    /// Runs all networks six times, so it is for images that are refused. A model for a nearly symmetrical anatomy,
    /// such as the chest from the front, refuses mirrored images only where it knows the side
    /// ([`crate::Plausibility::min_side`]).
    ///
    /// # Errors
    /// As [`Detector::observe`].
    pub fn recognise(&mut self, radiograph: &Radiograph) -> Result<Option<Presentation>, Error> {
        let mut clearest = None;
        for presentation in Presentation::ALL {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MmSource;

    #[test]
    fn what_is_done_is_undone() {
        let image = Radiograph {
            name: "six".into(),
            width: 3,
            height: 2,
            pixels: vec![1, 2, 3, 4, 5, 9],
            spacing_mm: Some([0.1, 0.2]),
            mm_source: MmSource::User,
            inverted: false,
            dicom: None,
        };
        for presentation in Presentation::ALL {
            let shown = presentation.apply(&image);
            assert_ne!(shown.pixels, image.pixels, "{presentation:?}");
            assert_eq!(shown.inverted, presentation.is_inverted());
            let back = presentation.undo(&shown);
            assert_eq!((back.width, back.height, &back.pixels), (3, 2, &image.pixels));
            assert_eq!((back.spacing_mm, back.inverted), (image.spacing_mm, false));
        }
    }
}
