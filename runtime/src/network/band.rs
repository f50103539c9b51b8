//! Layers in a row whose results are too large for a cache: they are made strip by strip, so that what one layer
//! hands to the next lies in the cache still, and is never held as a whole.

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

use fiducia_kernels::simd::{Aligned, Convolution, Slab};
use rayon::prelude::*;

use super::layer::Work;

/// Fewer values than this stay in the cache anyway.
const LEAST: usize = 1 << 18;
/// Values that the layers of a strip may hand on together.
const NEAR: usize = 3 << 16;

thread_local! {
    /// What the layers hand on.
    static SLABS: Cell<Vec<Aligned>> = const { Cell::new(Vec::new()) };
}

/// The layers, from the first to the last, of one image.
#[derive(Debug)]
pub(super) struct Band {
    members: Vec<Member>,
    /// Rows of the last layer that are made together.
    strip: usize,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) convolution: Arc<Convolution>,
    /// Which input of the band is its skip connection.
    pub(super) skip: Option<usize>,
    /// Values of a row of its output, and rows.
    pub(super) row: usize,
    pub(super) height: usize,
}

impl Band {
    /// Whether what a layer makes shall be handed to the next one strip by strip; `shape` is that of its output.
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

    /// Values that the layers hand on for `rows` of the last.
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

/// Fills `out`, which are `rows` of what `last` makes of what the members `before` it hand on.
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
