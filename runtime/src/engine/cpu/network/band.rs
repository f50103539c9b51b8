//! Consecutive layers whose outputs do not fit into the cache. They are computed strip by strip: each strip of one layer
//! is still in the cache when the next layer reads it, and intermediate outputs never exist as a whole.

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

use fiducia_kernels::simd::{Aligned, Convolution, Slab};
use rayon::prelude::*;

use super::layer::Work;

/// Smaller outputs stay in the cache anyway, values.
const LEAST: usize = 1 << 18;
/// Limit for all intermediate values of a strip together.
const NEAR: usize = 3 << 16;

thread_local! {
    /// Intermediate strips.
    static SLABS: Cell<Vec<Aligned>> = const { Cell::new(Vec::new()) };
}

/// The layers, from the first to the last, of one image.
#[derive(Debug)]
pub(super) struct Band {
    members: Vec<Member>,
    /// Rows of the last layer per strip.
    strip: usize,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) convolution: Arc<Convolution>,
    /// The band input that is its skip connection.
    pub(super) skip: Option<usize>,
    /// Values per row of its output, and number of rows.
    pub(super) row: usize,
    pub(super) height: usize,
}

impl Band {
    /// Whether layer `one`, with an output of this `shape`, should be computed strip by strip with the `next` one.
    pub(super) fn joins(one: &Work, shape: &[usize], next: &Work) -> bool {
        let stripes = |work: &Work| match work {
            Work::Convolution(convolution) => convolution.seen(0..1).is_some(),
            Work::Upsampled(_) => false,
        };
        let large = shape.first() == Some(&1) && shape.iter().product::<usize>() >= LEAST;
        large && stripes(one) && stripes(next)
    }

    pub(super) fn new(members: Vec<Member>) -> Self {
        let mut band = Self { strip: 1, members };
        let height = band.members.last().map_or(1, |last| last.height);
        let fits = |strip: &usize| {
            let middle = (height - strip) / 2;
            band.values(middle..middle + strip) <= NEAR
        };
        band.strip = (1..=height).rev().find(fits).unwrap_or(1);
        band
    }

    /// Number of intermediate values for `rows` of the last layer.
    fn values(&self, mut rows: Range<usize>) -> usize {
        let mut sum = 0;
        for pair in self.members.windows(2).rev() {
            rows = pair[1].convolution.seen(rows).unwrap_or_default();
            sum += rows.len() * pair[0].row;
        }
        sum
    }

    /// `inputs` are those of the first layer, then all skip connections.
    pub(super) fn run(&self, inputs: &[&[f32]], out: &mut [f32]) {
        let Some((last, before)) = self.members.split_last() else { return };
        out.par_chunks_mut(self.strip * last.row).enumerate().for_each(|(i, out)| {
            let first = i * self.strip;
            let rows = first..first + out.len() / last.row;
            let mut slabs = SLABS.take();
            slabs.resize_with(before.len().max(slabs.len()), Aligned::new);
            strip(last, before, rows, inputs, &mut slabs, out);
            SLABS.set(slabs);
        });
    }
}

/// Fills `out` with `rows` of `last`, computed through the members `before` it.
fn strip(
    last: &Member,
    before: &[Member],
    rows: Range<usize>,
    inputs: &[&[f32]],
    slabs: &mut [Aligned],
    out: &mut [f32],
) {
    let convolution = &last.convolution;
    let skip = last.skip.map_or(&[][..], |i| &inputs[i][rows.start * last.row..][..out.len()]);
    let input = match (before.split_last(), slabs.split_first_mut()) {
        (Some((previous, before)), Some((slab, slabs))) => {
            let seen = convolution.seen(rows.clone()).unwrap_or_default();
            slab.resize(seen.len() * previous.row);
            strip(previous, before, seen.clone(), inputs, slabs, slab);
            Slab { first: seen.start, values: slab }
        }
        _ => Slab::new(inputs[0]),
    };
    convolution.run_rows(rows, input, skip, out);
}
