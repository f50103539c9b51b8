//! Vectors of values from and to memory, whole or in part, and how many of them a loop holds in registers.

use pulp::{Arch, Simd, WithSimd};

/// Most vectors of channels that are worked on together.
pub(super) const MOST_VECTORS: usize = 4;

/// Values of a vector on this processor.
pub(super) fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;

        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    Arch::new().dispatch(Lanes)
}

/// The first values of `from`, which has as many as a vector or more.
#[inline(always)]
pub(super) fn whole<S: Simd>(from: &[f32]) -> S::f32s {
    S::as_simd_f32s(&from[..S::F32_LANES]).0[0]
}

/// The first values of `from`, as many as a vector has; zeros beyond the last.
#[inline(always)]
pub(super) fn load<S: Simd>(simd: S, from: &[f32]) -> S::f32s {
    match from.get(..S::F32_LANES) {
        Some(from) => whole::<S>(from),
        None => simd.partial_load_f32s(from),
    }
}

/// Fills `to`, or as much of it as a vector has values.
#[inline(always)]
pub(super) fn store<S: Simd>(simd: S, to: &mut [f32], values: S::f32s) {
    match to.get_mut(..S::F32_LANES) {
        Some(whole) => S::as_mut_simd_f32s(whole).0[0] = values,
        None => simd.partial_store_f32s(to, values),
    }
}

/// So many of `left` vectors of channels are worked on together: three where possible, and never one after three.
#[inline(always)]
pub(super) fn together(left: usize) -> usize {
    if left == MOST_VECTORS { MOST_VECTORS } else { left.min(3) }
}
