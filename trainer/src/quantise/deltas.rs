//! The adapters of all landmarks as few-bit differences to their mean.

use fiducia::{AdapterInput, Coding, group_len};

/// Scales that are tried for a group, as shares of the one that reaches the largest difference.
const TRIED: std::ops::RangeInclusive<u32> = 8..=32;

/// The delta section for `adapters`, one per landmark, in the layout of [`fiducia::Deltas`].
pub(super) fn deltas(adapters: &[Vec<f32>], inputs: &[AdapterInput], coding: Coding) -> Vec<u8> {
    let count = adapters.len().max(1) as f32;
    let values = inputs.iter().map(AdapterInput::len).sum::<usize>();
    let common: Vec<f32> =
        (0..values).map(|i| adapters.iter().map(|a| a[i]).sum::<f32>() / count).collect();
    let mut bytes = vec![coding.code(), 0, 0, 0];
    bytes.extend(common.iter().flat_map(|v| v.to_le_bytes()));
    for adapter in adapters {
        bytes.extend(slice(adapter, &common, inputs, coding));
    }
    bytes
}

/// The slice of one landmark, as its difference to what the landmarks have in `common`.
pub(crate) fn slice(
    adapter: &[f32],
    common: &[f32],
    inputs: &[AdapterInput],
    coding: Coding,
) -> Vec<u8> {
    let differences: Vec<f32> = adapter.iter().zip(common).map(|(v, c)| v - c).collect();
    let mut bytes = Vec::new();
    let mut start = 0;
    for input in inputs {
        let tensor = &differences[start..start + input.len()];
        let groups: Vec<(f32, Vec<u8>)> =
            tensor.chunks(group_len(input)).map(|group| fit(group, coding)).collect();
        bytes.extend(groups.iter().flat_map(|(scale, _)| scale.to_le_bytes()));
        let codes: Vec<u8> = groups.into_iter().flat_map(|(_, codes)| codes).collect();
        bytes.extend(coding.put(&codes));
        start += input.len();
    }
    bytes
}

/// The scale that loses least (sum of squares), and the codes with it.
fn fit(group: &[f32], coding: Coding) -> (f32, Vec<u8>) {
    let largest = group.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    let top = coding.level(coding.levels() - 1);
    let tried = TRIED.map(|share| largest * share as f32 / *TRIED.end() as f32 / top);
    let loss = |scale: f32| {
        let off = |&v: &f32| (v - scale * coding.level(nearest(v, scale, coding))).powi(2);
        group.iter().map(off).sum::<f32>()
    };
    let best = tried.min_by(|&a, &b| loss(a).total_cmp(&loss(b))).unwrap_or(0.0);
    (best, group.iter().map(|&v| nearest(v, best, coding)).collect())
}

/// The code whose level is nearest to `value`.
fn nearest(value: f32, scale: f32, coding: Coding) -> u8 {
    let step = coding.level(1) - coding.level(0);
    let place = if scale > 0.0 { (value / scale - coding.level(0)) / step } else { 0.0 };
    place.round().clamp(0.0, f32::from(coding.levels() - 1)) as u8
}

#[cfg(test)]
mod tests {
    use fiducia::{Deltas, slice_len};

    use super::*;

    fn inputs() -> [AdapterInput; 3] {
        [("gate", vec![20, 1, 1]), ("down", vec![3, 20]), ("bias", vec![4, 1])]
            .map(|(name, shape)| AdapterInput { input: name.into(), shape })
    }

    fn adapters() -> Vec<Vec<f32>> {
        (0..5u32).map(|l| (0..84u32).map(|i| ((i * 31 + l * 17) as f32).sin()).collect()).collect()
    }

    #[test]
    fn packing_again_what_was_unpacked_changes_nothing() {
        for coding in Coding::ALL {
            let inputs = inputs();
            let bytes = deltas(&adapters(), &inputs, coding);
            assert_eq!(bytes.len(), 4 + 4 * 84 + 5 * slice_len(coding, &inputs));
            let unpacked = |bytes: &[u8]| {
                let deltas = Deltas::read(bytes, &inputs, 5).unwrap();
                (0..5).map(|l| deltas.values(l)).collect::<Vec<_>>()
            };
            let once = unpacked(&bytes);
            if coding == Coding::Eight {
                let off = once.iter().flatten().zip(adapters().into_iter().flatten());
                let worst = off.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst <= 2.0 / 127.0, "{worst}");
            }
            // What is kept of a landmark depends on nothing but its own slice and the common values.
            let mut cut = bytes.clone();
            let slice = slice_len(coding, &inputs);
            let start = 4 + 4 * 84;
            cut[start + slice..start + 2 * slice].fill(0);
            assert_eq!(unpacked(&cut)[0], once[0]);
            assert_eq!(unpacked(&cut)[2], once[2]);
        }
    }

    #[test]
    fn more_levels_lose_less() {
        let inputs = inputs();
        let loss = |coding| {
            let bytes = deltas(&adapters(), &inputs, coding);
            let read = Deltas::read(&bytes, &inputs, 5).unwrap();
            let off = |l: usize| {
                let pairs = read.values(l).into_iter().zip(adapters()[l].clone());
                pairs.map(|(a, b)| (a - b).powi(2)).sum::<f32>()
            };
            (0..5).map(off).sum::<f32>()
        };
        let losses: Vec<f32> =
            [Coding::Eight, Coding::Four, Coding::Two, Coding::One].map(loss).into();
        assert!(losses.is_sorted(), "{losses:?}");
        assert!(loss(Coding::Ternary) < loss(Coding::One));
    }

    #[test]
    fn landmarks_that_are_all_alike_cost_nothing_but_their_mean() {
        let inputs = inputs();
        for coding in Coding::ALL {
            let same = vec![adapters().swap_remove(0); 3];
            let bytes = deltas(&same, &inputs, coding);
            let read = Deltas::read(&bytes, &inputs, 3).unwrap();
            let off =
                read.values(1).iter().zip(&same[1]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(off < 1e-6, "{coding}: {off}");
        }
    }
}
