//! The adapters of all landmarks, quantised to few-bit differences from their mean.

use fiducia::pack::{AdapterInput, Coding, group_len};

/// Candidate scales of a group, as fractions of the scale that covers the largest difference.
const TRIED: std::ops::RangeInclusive<u32> = 8..=32;

/// Quantised adapters, in the layout of [`fiducia::pack::Deltas`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Coded<'a> {
    pub(super) coding: Coding,
    pub(super) inputs: &'a [AdapterInput],
    /// The quantised differences of one landmark.
    pub(super) common: Vec<f32>,
    /// `[landmark][group]`, the groups in the order of their values.
    pub(super) landmarks: Vec<Vec<Group>>,
}

/// Values that share a scale.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub(super) scale: f32,
    pub(super) codes: Vec<u8>,
}

impl<'a> Coded<'a> {
    /// Quantises `adapters`, one slice per landmark, as differences from their mean.
    pub(crate) fn new(adapters: &[Vec<f32>], inputs: &'a [AdapterInput], coding: Coding) -> Self {
        let count = adapters.len().max(1) as f32;
        let values = inputs.iter().map(AdapterInput::len).sum::<usize>();
        let mean = |i: usize| adapters.iter().map(|a| a[i]).sum::<f32>() / count;
        Self::about((0..values).map(mean).collect(), adapters, inputs, coding)
    }

    /// Quantises `adapters` as differences from `common`.
    pub(crate) fn about(
        common: Vec<f32>,
        adapters: &[Vec<f32>],
        inputs: &'a [AdapterInput],
        coding: Coding,
    ) -> Self {
        let one = |adapter: &Vec<f32>| {
            let differences: Vec<f32> = adapter.iter().zip(&common).map(|(v, c)| v - c).collect();
            groups(inputs).map(|range| fit(&differences[range], coding)).collect()
        };
        Self { coding, inputs, landmarks: adapters.iter().map(one).collect(), common }
    }

    /// The delta section.
    pub(crate) fn section(&self) -> Vec<u8> {
        let mut bytes = vec![self.coding.code(), 0, 0, 0];
        bytes.extend(self.common.iter().flat_map(|v| v.to_le_bytes()));
        (0..self.landmarks.len()).for_each(|l| bytes.extend(self.slice(l)));
        bytes
    }

    /// The slice of landmark number `landmark`.
    pub(crate) fn slice(&self, landmark: usize) -> Vec<u8> {
        let mut groups = self.landmarks[landmark].iter();
        let mut bytes = Vec::new();
        for input in self.inputs {
            let count = input.len() / group_len(input);
            let tensor: Vec<&Group> = groups.by_ref().take(count).collect();
            bytes.extend(tensor.iter().flat_map(|g| g.scale.to_le_bytes()));
            let codes: Vec<u8> = tensor.iter().flat_map(|g| g.codes.iter().copied()).collect();
            bytes.extend(self.coding.put(&codes));
        }
        bytes
    }

    /// The dequantised values as the runtime reads them, one slice per landmark.
    pub(super) fn values(&self) -> Vec<Vec<f32>> {
        let one = |groups: &Vec<Group>| {
            let level = |g: &Group, code: u8| g.scale * self.coding.level(code);
            let differences = groups.iter().flat_map(|g| g.codes.iter().map(move |&c| level(g, c)));
            differences.zip(&self.common).map(|(d, c)| c + d).collect()
        };
        self.landmarks.iter().map(one).collect()
    }
}

/// Value ranges of the groups in a slice.
pub(super) fn groups(inputs: &[AdapterInput]) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut end = 0;
    inputs.iter().flat_map(|i| std::iter::repeat_n(group_len(i), i.len() / group_len(i))).map(
        move |len| {
            end += len;
            end - len..end
        },
    )
}

/// The scale with the smallest sum of squared errors, and its codes.
fn fit(group: &[f32], coding: Coding) -> Group {
    let largest = group.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    let top = coding.level(coding.levels() - 1);
    let tried = TRIED.map(|share| largest * share as f32 / *TRIED.end() as f32 / top);
    let loss = |scale: f32| {
        let off = |&v: &f32| (v - scale * coding.level(nearest(v, scale, coding))).powi(2);
        group.iter().map(off).sum::<f32>()
    };
    let scale = tried.min_by(|&a, &b| loss(a).total_cmp(&loss(b))).unwrap_or(0.0);
    Group { scale, codes: group.iter().map(|&v| nearest(v, scale, coding)).collect() }
}

/// The code whose level is nearest to `value`.
fn nearest(value: f32, scale: f32, coding: Coding) -> u8 {
    let step = coding.level(1) - coding.level(0);
    let place = if scale > 0.0 { (value / scale - coding.level(0)) / step } else { 0.0 };
    place.round().clamp(0.0, f32::from(coding.levels() - 1)) as u8
}

#[cfg(test)]
mod tests {
    use fiducia::pack::{Deltas, slice_len};

    use super::*;

    fn inputs() -> [AdapterInput; 3] {
        [("gate", vec![20, 1, 1]), ("down", vec![3, 20]), ("bias", vec![4, 1])]
            .map(|(name, shape)| AdapterInput { input: name.into(), shape })
    }

    fn adapters() -> Vec<Vec<f32>> {
        (0..5u32).map(|l| (0..84u32).map(|i| ((i * 31 + l * 17) as f32).sin()).collect()).collect()
    }

    #[test]
    fn what_is_read_back_is_what_was_coded() {
        for coding in Coding::ALL {
            let inputs = inputs();
            let coded = Coded::new(&adapters(), &inputs, coding);
            let bytes = coded.section();
            assert_eq!(bytes.len(), 4 + 4 * 84 + 5 * slice_len(coding, &inputs));
            let unpacked = |bytes: &[u8]| {
                let deltas = Deltas::read(bytes, &inputs, 5).unwrap();
                (0..5).map(|l| deltas.values(l)).collect::<Vec<_>>()
            };
            let once = unpacked(&bytes);
            assert_eq!(once, coded.values(), "{coding}");
            if coding == Coding::Eight {
                let off = once.iter().flatten().zip(adapters().into_iter().flatten());
                let worst = off.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst <= 2.0 / 127.0, "{worst}");
            }
            // The code of a landmark depends only on its own slice and the common values.
            let mut cut = bytes.clone();
            let slice = slice_len(coding, &inputs);
            let start = 4 + 4 * 84;
            assert_eq!(bytes[start + slice..][..slice], coded.slice(1));
            cut[start + slice..start + 2 * slice].fill(0);
            assert_eq!(unpacked(&cut)[0], once[0]);
            assert_eq!(unpacked(&cut)[2], once[2]);
        }
    }

    #[test]
    fn more_levels_lose_less() {
        let inputs = inputs();
        let loss = |coding| {
            let values = Coded::new(&adapters(), &inputs, coding).values();
            let off = |l: usize| {
                let pairs = values[l].iter().zip(adapters().swap_remove(l));
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
            let values = Coded::new(&same, &inputs, coding).values();
            let off =
                values[1].iter().zip(&same[1]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(off < 1e-6, "{coding}: {off}");
        }
    }
}
