//! What happens to finished sums, for runs of them.

use crate::{Epilogue, Skip};

/// An epilogue, with the usual ones told apart.
#[derive(Clone, Copy, Debug)]
pub(super) enum Finish {
    /// Between two limits.
    Clamp(f32, f32),
    /// A skip connection, then between two limits.
    SkipClamp(f32, f32),
    /// Between two limits, then a skip connection.
    ClampSkip(f32, f32),
    /// Anything else.
    Other(Epilogue),
}

impl Finish {
    pub(super) fn new(epilogue: Epilogue) -> Self {
        match epilogue.as_clamp() {
            Some((low, high, Skip::None)) => Self::Clamp(low, high),
            Some((low, high, Skip::Before)) => Self::SkipClamp(low, high),
            Some((low, high, Skip::After)) => Self::ClampSkip(low, high),
            None => Self::Other(epilogue),
        }
    }

    /// Fills `out` from `sums` and `skip` of the same length; no `skip` counts as zeros.
    #[inline(always)]
    pub(super) fn run(&self, sums: &[f32], skip: &[f32], out: &mut [f32]) {
        match self {
            Self::SkipClamp(low, high) if !skip.is_empty() => {
                for ((o, s), k) in out.iter_mut().zip(sums).zip(skip) {
                    *o = clamp(s + k, *low, *high);
                }
            }
            Self::ClampSkip(low, high) if !skip.is_empty() => {
                for ((o, s), k) in out.iter_mut().zip(sums).zip(skip) {
                    *o = clamp(*s, *low, *high) + k;
                }
            }
            Self::Clamp(low, high) | Self::SkipClamp(low, high) | Self::ClampSkip(low, high) => {
                out.iter_mut().zip(sums).for_each(|(o, s)| *o = clamp(*s, *low, *high));
            }
            Self::Other(epilogue) => {
                for (i, (o, s)) in out.iter_mut().zip(sums).enumerate() {
                    *o = epilogue.finish(*s, skip.get(i).copied().unwrap_or(0.0));
                }
            }
        }
    }
}

/// As `value.max(low).min(high)`, a NaN becoming `low`, in the two instructions that processors have for it.
#[inline(always)]
fn clamp(value: f32, low: f32, high: f32) -> f32 {
    let value = if value > low { value } else { low };
    if value < high { value } else { high }
}
