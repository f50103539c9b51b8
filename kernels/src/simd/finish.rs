//! What happens to finished sums, for vectors of them.

use core::ops::Range;

use pulp::Simd;

use super::vector::{load, store};
use crate::epilogue::{Epilogue, Skip};

/// Values of the longest vector.
const LONGEST: usize = 16;

/// An epilogue, with the usual ones told apart.
#[derive(Clone, Copy, Debug)]
pub(super) enum Finish {
    /// The sums themselves.
    Nothing,
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
            Some((f32::NEG_INFINITY, f32::INFINITY, Skip::None)) => Self::Nothing,
            Some((low, high, Skip::None)) => Self::Clamp(low, high),
            Some((low, high, Skip::Before)) => Self::SkipClamp(low, high),
            Some((low, high, Skip::After)) => Self::ClampSkip(low, high),
            None => Self::Other(epilogue),
        }
    }

    /// Puts the first values of `sums`, finished, to the places `at` of `out`; `skip` has as many places, or none, which
    /// counts as zeros.
    #[inline(always)]
    pub(super) fn store<S: Simd>(
        &self,
        simd: S,
        sums: S::f32s,
        at: Range<usize>,
        skip: &[f32],
        out: &mut [f32],
    ) {
        let (out, skip) = (&mut out[at.clone()], skip.get(at));
        let skip_of = || skip.map_or(simd.splat_f32s(0.0), |skip| load(simd, skip));
        let done = match self {
            Self::Nothing => sums,
            Self::Clamp(low, high) => clamp(simd, sums, *low, *high),
            Self::SkipClamp(low, high) => clamp(simd, simd.add_f32s(sums, skip_of()), *low, *high),
            Self::ClampSkip(low, high) => simd.add_f32s(clamp(simd, sums, *low, *high), skip_of()),
            Self::Other(epilogue) => {
                let mut each = [0.0; LONGEST];
                store(simd, &mut each[..S::F32_LANES], sums);
                for (i, (out, sum)) in out.iter_mut().zip(each).enumerate() {
                    *out = epilogue.finish(sum, skip.map_or(0.0, |skip| skip[i]));
                }
                return;
            }
        };
        store(simd, out, done);
    }
}

/// As `value.max(low).min(high)`, a NaN becoming `low`.
#[inline(always)]
fn clamp<S: Simd>(simd: S, values: S::f32s, low: f32, high: f32) -> S::f32s {
    let (low, high) = (simd.splat_f32s(low), simd.splat_f32s(high));
    let values = simd.select_f32s(simd.greater_than_f32s(values, low), values, low);
    simd.select_f32s(simd.less_than_f32s(values, high), values, high)
}
