//! What happens to finished sums, for runs of them.

use crate::Epilogue;

/// An epilogue, with the usual ones told apart.
#[derive(Clone, Copy, Debug)]
pub(super) enum Finish {
    /// Between two limits.
    Clamp(f32, f32),
    /// A skip connection, then between two limits.
    SkipClamp(f32, f32),
    /// Anything else.
    Other(Epilogue),
}

impl Finish {
    pub(super) fn new(epilogue: Epilogue) -> Self {
        match epilogue.as_clamp() {
            Some((low, high, false)) => Self::Clamp(low, high),
            Some((low, high, true)) => Self::SkipClamp(low, high),
            None => Self::Other(epilogue),
        }
    }

    /// Fills `out` from `sums` and `skip` of the same length; no `skip` counts as zeros.
    #[inline(always)]
    pub(super) fn run(&self, sums: &[f32], skip: &[f32], out: &mut [f32]) {
        match self {
            Self::SkipClamp(low, high) if !skip.is_empty() => {
                for ((o, s), k) in out.iter_mut().zip(sums).zip(skip) {
                    *o = (s + k).max(*low).min(*high);
                }
            }
            Self::Clamp(low, high) | Self::SkipClamp(low, high) => {
                out.iter_mut().zip(sums).for_each(|(o, s)| *o = s.max(*low).min(*high));
            }
            Self::Other(epilogue) => {
                for (i, (o, s)) in out.iter_mut().zip(sums).enumerate() {
                    *o = epilogue.finish(*s, skip.get(i).copied().unwrap_or(0.0));
                }
            }
        }
    }
}
