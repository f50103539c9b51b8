//! Wrong orientations of an image: inverted, mirrored, turned.

use std::fmt;

use serde::Serialize;

use crate::radiograph::Radiograph;

/// A wrong orientation or polarity of an image, compared with the training set of the model.
///
/// ```
/// use fiducia::{Depth, GreyBuffer, OrientationIssue, Radiograph};
///
/// # fn main() -> Result<(), fiducia::Error> {
/// let buffer = GreyBuffer { bytes: &[1, 2, 3, 4], width: 2, height: 2, depth: Depth::Eight, stride: 2 };
/// let radiograph = Radiograph::from_buffer("small".to_owned(), &buffer, None)?;
/// let turned = OrientationIssue::Turned90.apply(&radiograph);
/// assert_eq!(turned.pixels, [3, 1, 4, 2]);
/// // The correction of a report's `presentation`.
/// assert_eq!(OrientationIssue::Turned90.undo(&turned).pixels, radiograph.pixels);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum OrientationIssue {
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

impl OrientationIssue {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Inverted,
        Self::Mirrored,
        Self::InvertedMirrored,
        Self::Turned90,
        Self::Turned180,
        Self::Turned270,
    ];

    /// Whether the correction inverts the grey values.
    pub fn is_inverted(self) -> bool {
        matches!(self, Self::Inverted | Self::InvertedMirrored)
    }

    /// `radiograph` changed in this way.
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

    /// `radiograph`, which was changed in this way, corrected.
    pub fn undo(self, radiograph: &Radiograph) -> Radiograph {
        match self {
            Self::Turned90 => Self::Turned270.apply(radiograph),
            Self::Turned270 => Self::Turned90.apply(radiograph),
            // The others are their own inverse.
            _ => self.apply(radiograph),
        }
    }
}

/// The orientation issue and its correction, for reports.
impl fmt::Display for OrientationIssue {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radiograph::MmSource;

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
        for presentation in OrientationIssue::ALL {
            let shown = presentation.apply(&image);
            assert_ne!(shown.pixels, image.pixels, "{presentation:?}");
            assert_eq!(shown.inverted, presentation.is_inverted());
            let back = presentation.undo(&shown);
            assert_eq!((back.width, back.height, &back.pixels), (3, 2, &image.pixels));
            assert_eq!((back.spacing_mm, back.inverted), (image.spacing_mm, false));
        }
    }
}
