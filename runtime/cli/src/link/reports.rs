//! A report as messages of the link: positions in hundredths of a millimetre, landmarks split over several messages.

use fiducia::{Landmark, OrientationIssue as Issue, Report};
use fiducia_link::{Message, ModelId, Presentation, Report as Part, SPOTS, Spot};

/// The messages for an exposure; `None` if a value cannot be expressed in hundredths of a millimetre.
pub(super) fn messages(
    report: &Report,
    exposure: u32,
    model: ModelId,
    taken_ms: u128,
) -> Option<Vec<Message>> {
    // Landmarks of an implausible image must not be used, so they are not sent.
    let spots: Vec<Spot> = match report.plausible {
        true => report.landmarks.iter().map(spot).collect::<Option<_>>()?,
        false => Vec::new(),
    };
    let part = |first: usize, spots: &[Spot], total: usize| {
        Some(Message::Report(Part {
            exposure,
            model,
            plausible: report.plausible,
            presentation: presentation(report.presentation),
            taken_ms: u16::try_from(taken_ms).unwrap_or(u16::MAX),
            total: u16::try_from(total).ok()?,
            first: u16::try_from(first).ok()?,
            spots: spots.iter().copied().collect(),
        }))
    };
    if spots.is_empty() {
        return part(0, &[], 0).map(|only| vec![only]);
    }
    spots.chunks(SPOTS).enumerate().map(|(n, chunk)| part(n * SPOTS, chunk, spots.len())).collect()
}

fn spot(landmark: &Landmark) -> Option<Spot> {
    Some(Spot {
        x: hundredths(landmark.x_mm?)?,
        y: hundredths(landmark.y_mm?)?,
        expected_error: expected_error(landmark.expected_error_mm?)?,
        confident: landmark.confident,
    })
}

/// Rounded to the nearest.
fn hundredths(mm: f64) -> Option<i32> {
    let rounded = (100.0 * mm).round();
    let possible = (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&rounded);
    possible.then_some(rounded as i32)
}

/// Rounded up: a safety margin based on it must not become too small.
fn expected_error(mm: f64) -> Option<u16> {
    let hundredths = (100.0 * mm).ceil();
    (hundredths >= 0.0).then_some(hundredths.min(f64::from(u16::MAX)) as u16)
}

fn presentation(issue: Option<Issue>) -> Presentation {
    match issue {
        None => Presentation::Unnamed,
        Some(Issue::Inverted) => Presentation::Inverted,
        Some(Issue::Mirrored) => Presentation::Mirrored,
        Some(Issue::InvertedMirrored) => Presentation::InvertedMirrored,
        Some(Issue::Turned90) => Presentation::Turned90,
        Some(Issue::Turned180) => Presentation::Turned180,
        Some(Issue::Turned270) => Presentation::Turned270,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn millimetres_become_hundredths() {
        assert_eq!(hundredths(80.504), Some(8050));
        assert_eq!(hundredths(-0.006), Some(-1));
        for impossible in [f64::NAN, f64::INFINITY, 3e7] {
            assert_eq!(hundredths(impossible), None);
        }
    }

    #[test]
    fn an_expected_error_is_rounded_up() {
        assert_eq!(expected_error(1.2601), Some(127));
        assert_eq!(expected_error(655.341), Some(u16::MAX));
        assert_eq!(expected_error(f64::INFINITY), Some(u16::MAX));
        for impossible in [f64::NAN, -0.1] {
            assert_eq!(expected_error(impossible), None);
        }
    }
}
