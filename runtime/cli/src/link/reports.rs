//! A report as messages of the link: positions in hundredths of a millimetre, landmarks split over several messages.

use fiducia::{OrientationIssue as Issue, Report};
use fiducia_link::{Landmark, MAX_LANDMARKS, Message, ModelId, OrientationIssue, Report as Part};

/// The messages for an exposure; `None` if a value cannot be expressed in hundredths of a millimetre.
pub(super) fn messages(
    report: &Report,
    exposure: u32,
    model: ModelId,
    taken_ms: u128,
) -> Option<Vec<Message>> {
    // Landmarks of an implausible image must not be used, so they are not sent.
    let landmarks: Vec<Landmark> = match report.plausible {
        true => report.landmarks.iter().map(landmark).collect::<Option<_>>()?,
        false => Vec::new(),
    };
    let part = |first: usize, landmarks: &[Landmark], total: usize| {
        Some(Message::Report(Part {
            exposure,
            model,
            plausible: report.plausible,
            orientation_issue: orientation_issue(report.presentation),
            taken_ms: u16::try_from(taken_ms).unwrap_or(u16::MAX),
            total: u16::try_from(total).ok()?,
            first: u16::try_from(first).ok()?,
            landmarks: landmarks.iter().copied().collect(),
        }))
    };
    if landmarks.is_empty() {
        return part(0, &[], 0).map(|only| vec![only]);
    }
    landmarks
        .chunks(MAX_LANDMARKS)
        .enumerate()
        .map(|(n, chunk)| part(n * MAX_LANDMARKS, chunk, landmarks.len()))
        .collect()
}

fn landmark(landmark: &fiducia::Landmark) -> Option<Landmark> {
    Some(Landmark {
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

fn orientation_issue(issue: Option<Issue>) -> OrientationIssue {
    match issue {
        None => OrientationIssue::Unspecified,
        Some(Issue::Inverted) => OrientationIssue::Inverted,
        Some(Issue::Mirrored) => OrientationIssue::Mirrored,
        Some(Issue::InvertedMirrored) => OrientationIssue::InvertedMirrored,
        Some(Issue::Turned90) => OrientationIssue::Turned90,
        Some(Issue::Turned180) => OrientationIssue::Turned180,
        Some(Issue::Turned270) => OrientationIssue::Turned270,
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
