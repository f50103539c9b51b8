//! Private values as few-bit differences to what the landmarks have in common.
//!
//! ```text
//! 0        coding u8 (1, 2, 3, 4 or 8), three zeros
//! 4        common values, f32, one landmark's worth
//! 4 + 4·A  one slice per landmark, all of the same length; in a slice, for every adapter tensor in turn:
//!            scales, f32, one per group
//!            codes of all values, lowest bits first, filled up to a byte
//! ```
//! A value is `common + scale · level`. A group is a row (first axis) of the tensor where rows have at least
//! 16 values, else the whole tensor.

use byteorder::{ByteOrder, LittleEndian as Le};

use super::container::{damaged, expect_finite, floats};
use super::manifest::AdapterInput;
use crate::error::Error;

/// Shorter rows share one scale.
const LEAST_GROUP: usize = 16;
/// Bytes before the common values.
const HEADER: usize = 4;

/// How many levels a difference can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// 255 levels, −127 to 127.
    Eight,
    /// 15 levels, −7 to 7.
    Four,
    /// Four levels, ±0.5 and ±1.5.
    Two,
    /// Three levels, −1 to 1; five values to a byte.
    Ternary,
    /// Two levels, ±1.
    One,
}

impl Coding {
    /// All codings, the most levels first.
    pub const ALL: [Self; 5] = [Self::Eight, Self::Four, Self::Two, Self::Ternary, Self::One];

    /// The byte that stands for it in a pack.
    pub fn code(self) -> u8 {
        match self {
            Self::Eight => 8,
            Self::Four => 4,
            Self::Two => 2,
            Self::Ternary => 3,
            Self::One => 1,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.code() == code)
    }

    /// Number of levels; codes are smaller.
    pub fn levels(self) -> u8 {
        match self {
            Self::Eight => 255,
            Self::Four => 15,
            Self::Two => 4,
            Self::Ternary => 3,
            Self::One => 2,
        }
    }

    /// The level that `code` stands for; codes beyond the last one stand for it.
    pub fn level(self, code: u8) -> f32 {
        let middle = f32::from(self.levels() - 1) / 2.0;
        let level = f32::from(code.min(self.levels() - 1)) - middle;
        if self == Self::One { 2.0 * level } else { level }
    }

    /// Values per byte.
    fn per_byte(self) -> usize {
        match self {
            Self::Eight => 1,
            Self::Four => 2,
            Self::Two => 4,
            Self::Ternary => 5,
            Self::One => 8,
        }
    }

    /// What one step in a byte's codes is worth.
    fn base(self) -> u16 {
        match self {
            Self::Eight => 256,
            Self::Four => 16,
            other => u16::from(other.levels()),
        }
    }

    /// Bytes of `count` codes.
    pub fn bytes(self, count: usize) -> usize {
        count.div_ceil(self.per_byte())
    }

    /// Code number `i` of `bytes`.
    pub fn get(self, bytes: &[u8], i: usize) -> u8 {
        let place = (i % self.per_byte()) as u32;
        let byte = u16::from(bytes[i / self.per_byte()]);
        (byte / self.base().pow(place) % self.base()) as u8
    }

    /// Codes in their bytes.
    pub fn put(self, codes: &[u8]) -> Vec<u8> {
        let byte = |part: &[u8]| {
            let sum =
                part.iter().rev().fold(0u16, |sum, &code| sum * self.base() + u16::from(code));
            sum as u8
        };
        codes.chunks(self.per_byte()).map(byte).collect()
    }
}

impl std::fmt::Display for Coding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Eight => "8 bit",
            Self::Four => "4 bit",
            Self::Two => "2 bit",
            Self::Ternary => "ternary",
            Self::One => "1 bit",
        })
    }
}

/// Values of one tensor that share a scale.
pub fn group_len(input: &AdapterInput) -> usize {
    let row = input.len() / input.shape.first().copied().unwrap_or(1).max(1);
    if row >= LEAST_GROUP { row } else { input.len() }
}

/// Bytes of one landmark's slice.
pub fn slice_len(coding: Coding, inputs: &[AdapterInput]) -> usize {
    let tensor = |i: &AdapterInput| 4 * (i.len() / group_len(i)) + coding.bytes(i.len());
    inputs.iter().map(tensor).sum()
}

/// The private values in one landmark's `slice` of [`slice_len`] bytes; `common` holds what all landmarks
/// share.
pub(super) fn decode(
    coding: Coding,
    inputs: &[AdapterInput],
    common: &[f32],
    slice: &[u8],
) -> Vec<f32> {
    let mut values = Vec::with_capacity(common.len());
    for (input, scales, codes) in tensors(coding, inputs, slice) {
        let group = group_len(input);
        for i in 0..input.len() {
            let scale = Le::read_f32(&scales[4 * (i / group)..]);
            values.push(common[values.len()] + scale * coding.level(coding.get(codes, i)));
        }
    }
    values
}

/// Refuses scales in `slice` that are no finite numbers.
pub(super) fn expect_finite_scales(
    coding: Coding,
    inputs: &[AdapterInput],
    slice: &[u8],
) -> Result<(), Error> {
    tensors(coding, inputs, slice).try_for_each(|(_, scales, _)| expect_finite(scales))
}

/// The coding that a section or slice opens with, followed by three zeros.
pub(super) fn coding_of(bytes: &[u8]) -> Result<Coding, Error> {
    let coding = match bytes {
        [code, 0, 0, 0, ..] => Coding::from_code(*code),
        _ => None,
    };
    coding.ok_or_else(|| damaged("an unknown coding; update fiducia"))
}

/// Tensors of a landmark with their scales and codes.
fn tensors<'a>(
    coding: Coding,
    inputs: &'a [AdapterInput],
    slice: &'a [u8],
) -> impl Iterator<Item = (&'a AdapterInput, &'a [u8], &'a [u8])> {
    let mut rest = slice;
    inputs.iter().map(move |input| {
        let (scales, behind) = rest.split_at(4 * (input.len() / group_len(input)));
        let (codes, behind) = behind.split_at(coding.bytes(input.len()));
        rest = behind;
        (input, scales, codes)
    })
}

/// A checked delta section.
#[derive(Clone, Copy, Debug)]
pub struct Deltas<'a> {
    coding: Coding,
    inputs: &'a [AdapterInput],
    common: &'a [u8],
    slices: &'a [u8],
}

impl<'a> Deltas<'a> {
    /// Reads a section for `landmarks` landmarks with these adapter tensors and checks every number.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`](crate::error::ErrorKind::Unreadable) for an unknown coding, a wrong length or a
    /// number that is not finite.
    pub fn read(
        bytes: &'a [u8],
        inputs: &'a [AdapterInput],
        landmarks: usize,
    ) -> Result<Self, Error> {
        let deltas = Self::lay_out(bytes, inputs, landmarks)?;
        expect_finite(deltas.common)?;
        for slice in deltas.slices.chunks_exact(deltas.slice_len()) {
            expect_finite_scales(deltas.coding, inputs, slice)?;
        }
        Ok(deltas)
    }

    /// As [`Deltas::read`] for a section whose numbers were checked before.
    pub(super) fn lay_out(
        bytes: &'a [u8],
        inputs: &'a [AdapterInput],
        landmarks: usize,
    ) -> Result<Self, Error> {
        let coding = coding_of(bytes)?;
        let values: usize = inputs.iter().map(AdapterInput::len).sum();
        let expected = HEADER + 4 * values + landmarks * slice_len(coding, inputs);
        if bytes.len() != expected {
            return Err(damaged(format!("{} bytes, expected {expected}", bytes.len())));
        }
        let (common, slices) = bytes[HEADER..].split_at(4 * values);
        Ok(Self { coding, inputs, common, slices })
    }

    /// How the differences are kept.
    pub fn coding(&self) -> Coding {
        self.coding
    }

    /// Bytes of one landmark's slice.
    pub fn slice_len(&self) -> usize {
        slice_len(self.coding, self.inputs)
    }

    /// What all landmarks have in common.
    pub fn common(&self) -> Vec<f32> {
        floats(self.common)
    }

    /// The section without the slice of landmark number `landmark`.
    pub(super) fn without(&self, landmark: usize) -> Vec<u8> {
        let len = self.slice_len();
        let mut bytes = vec![self.coding.code(), 0, 0, 0];
        bytes.extend(self.common);
        bytes.extend(&self.slices[..landmark * len]);
        bytes.extend(&self.slices[(landmark + 1) * len..]);
        bytes
    }

    /// The private values of landmark number `landmark`; only its slice and the common values are read.
    pub fn values(&self, landmark: usize) -> Vec<f32> {
        let len = self.slice_len();
        let slice = &self.slices[landmark * len..][..len];
        decode(self.coding, self.inputs, &self.common(), slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_back_from_their_bytes() {
        for coding in Coding::ALL {
            let codes: Vec<u8> =
                (0..37u16).map(|i| (i * 7 % u16::from(coding.levels())) as u8).collect();
            let bytes = coding.put(&codes);
            assert_eq!(bytes.len(), coding.bytes(codes.len()), "{coding}");
            let back: Vec<u8> = (0..codes.len()).map(|i| coding.get(&bytes, i)).collect();
            assert_eq!(back, codes, "{coding}");
        }
    }

    #[test]
    fn levels_lie_evenly_around_zero() {
        for coding in Coding::ALL {
            let levels: Vec<f32> = (0..coding.levels()).map(|c| coding.level(c)).collect();
            assert_eq!(levels.iter().sum::<f32>(), 0.0, "{coding}");
            assert!(levels.is_sorted(), "{coding}");
        }
        assert_eq!([0, 1].map(|c| Coding::One.level(c)), [-1.0, 1.0]);
        assert_eq!([0, 3].map(|c| Coding::Two.level(c)), [-1.5, 1.5]);
    }

    #[test]
    fn damaged_sections_are_errors() {
        let inputs = [AdapterInput { input: "head".into(), shape: vec![4, 16] }];
        let good = |coding: Coding| {
            let mut bytes = vec![coding.code(), 0, 0, 0];
            bytes.resize(HEADER + 4 * 64 + 2 * slice_len(coding, &inputs), 0);
            bytes
        };
        for coding in Coding::ALL {
            let bytes = good(coding);
            assert_eq!(Deltas::read(&bytes, &inputs, 2).unwrap().values(1).len(), 64);
            assert!(Deltas::read(&bytes[..bytes.len() - 1], &inputs, 2).is_err());
            assert!(Deltas::read(&bytes, &inputs, 3).is_err());
            let mut not_finite = bytes.clone();
            not_finite[HEADER + 4 * 64..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
            assert!(Deltas::read(&not_finite, &inputs, 2).is_err());
        }
        assert!(Deltas::read(&[5, 0, 0, 0], &inputs, 0).is_err());
        assert!(Deltas::read(&[], &inputs, 0).is_err());
    }
}
