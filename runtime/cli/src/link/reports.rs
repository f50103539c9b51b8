//! A detection as messages of the link: millimetres become hundredths, landmarks are shared out.

use fiducia::{Landmark, Presentation as Seen, Report};
use fiducia_link::{Message, ModelId, Presentation, Report as Part, SPOTS, Spot};

/// The reports of an exposure; none where a number cannot be said in hundredths of a millimetre.
pub(super) fn messages(
    report: &Report,
    exposure: u32,
    model: ModelId,
    taken_ms: u128,
) -> Option<Vec<Message>> {
    // The points of an implausible image must not be used, so they are not sent.
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
    spots.chunks(SPOTS).enumerate().map(|(n, some)| part(n * SPOTS, some, spots.len())).collect()
}

fn spot(landmark: &Landmark) -> Option<Spot> {
    Some(Spot {
        x: hundredths(landmark.x_mm?)?,
        y: hundredths(landmark.y_mm?)?,
        expected_error: expected(landmark.expected_error_mm?)?,
        confident: landmark.confident,
    })
}

/// Rounded to the nearest.
fn hundredths(mm: f64) -> Option<i32> {
    let rounded = (100.0 * mm).round();
    let possible = (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&rounded);
    possible.then_some(rounded as i32)
}

/// Rounded up: a margin made from it must not become too small.
fn expected(mm: f64) -> Option<u16> {
    let hundredths = (100.0 * mm).ceil();
    (hundredths >= 0.0).then_some(hundredths.min(f64::from(u16::MAX)) as u16)
}

fn presentation(seen: Option<Seen>) -> Presentation {
    match seen {
        None => Presentation::Unnamed,
        Some(Seen::Inverted) => Presentation::Inverted,
        Some(Seen::Mirrored) => Presentation::Mirrored,
        Some(Seen::InvertedMirrored) => Presentation::InvertedMirrored,
        Some(Seen::Turned90) => Presentation::Turned90,
        Some(Seen::Turned180) => Presentation::Turned180,
        Some(Seen::Turned270) => Presentation::Turned270,
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
    fn an_expected_error_is_never_made_smaller() {
        assert_eq!(expected(1.2601), Some(127));
        assert_eq!(expected(655.341), Some(u16::MAX));
        assert_eq!(expected(f64::INFINITY), Some(u16::MAX));
        for impossible in [f64::NAN, -0.1] {
            assert_eq!(expected(impossible), None);
        }
    }
}
