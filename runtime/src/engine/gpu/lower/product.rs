//! A convolution or matrix product that is not in the plan yet: nodes that follow may still become part of it.

use fiducia_kernels::gpu::steps::{self, At, Layer};
use fiducia_kernels::gpu::{Plan, Slot};
use fiducia_kernels::{Activation, Conv, Epilogue, Matmul, Precision, Skip};

use super::int8;
use super::view::View;

/// The kind of sum.
#[derive(Clone, Debug)]
pub(super) enum Sums {
    /// A convolution; weights `[out, in / groups, height, width]`.
    Conv(Conv),
    /// A transposed convolution; weights likewise.
    Transposed(Conv),
    /// A matrix product `[m, n, k]` of what a convolution of each channel gives.
    AfterDepthwise { sizes: [usize; 3], before: steps::Depthwise },
    /// A matrix product `[m, n, k]`; weights `[m, k]`, one after the other where private.
    Matmul { sizes: [usize; 3], private: bool },
}

/// A sum with its epilogue.
#[derive(Clone, Debug)]
pub(super) struct Product {
    pub(super) at: At,
    pub(super) sums: Sums,
    pub(super) batch: usize,
    pub(super) input: Slot,
    pub(super) weights: Vec<f32>,
    /// `[m]`, or `[batch, m]`.
    pub(super) bias: Vec<f32>,
    pub(super) activation: Activation,
    pub(super) skip: Option<(Slot, Skip)>,
    /// Shape in the graph; the values are `[batch, m, n]`.
    pub(super) shape: Vec<usize>,
}

impl Product {
    fn rows(&self) -> usize {
        match &self.sums {
            Sums::Conv(p) | Sums::Transposed(p) => p.out_channels as usize,
            Sums::Matmul { sizes, .. } | Sums::AfterDepthwise { sizes, .. } => sizes[0],
        }
    }

    /// Adds `values`, whose `shape` broadcasts to this one's, to the bias; false where they differ from pixel to pixel.
    /// Like [`Product::scale`], to be called before there is an activation or a skip connection.
    pub(super) fn add_bias(&mut self, values: &[f32], shape: &[usize]) -> bool {
        let Some(all) = self.per_row(values, shape) else { return false };
        let rows = self.rows();
        let shared = all.chunks_exact(rows).all(|chunk| chunk == &all[..rows]);
        if shared && self.bias.len() == rows {
            self.bias.iter_mut().zip(&all).for_each(|(bias, v)| *bias += v);
        } else if matches!(self.sums, Sums::Matmul { .. }) {
            let own = all.iter().enumerate();
            self.bias = own.map(|(i, v)| v + self.bias[i % self.bias.len()]).collect();
        } else {
            return false;
        }
        true
    }

    /// Multiplies weights and bias by `values`, as [`Product::add_bias`] adds them.
    pub(super) fn scale(&mut self, values: &[f32], shape: &[usize]) -> bool {
        let Some(all) = self.per_row(values, shape) else { return false };
        let rows = self.rows();
        let shared = all.chunks_exact(rows).all(|chunk| chunk == &all[..rows]);
        let private = matches!(self.sums, Sums::Matmul { private: true, .. });
        let own_each = private && self.bias.len() == all.len();
        if !shared && !own_each {
            return false;
        }
        let matrices = if private { self.batch } else { 1 };
        let each = self.weights.len() / (matrices * rows).max(1);
        let scales = all.iter().cycle();
        self.weights
            .chunks_mut(each.max(1))
            .zip(scales.clone())
            .for_each(|(row, scale)| row.iter_mut().for_each(|w| *w *= scale));
        self.bias.iter_mut().zip(scales).for_each(|(bias, scale)| *bias *= scale);
        true
    }

    /// The value for each row of each batch item.
    fn per_row(&self, values: &[f32], shape: &[usize]) -> Option<Vec<f32>> {
        let rows = self.batch * self.rows();
        if shape.len() != self.shape.len() {
            return None;
        }
        // The first axes that together count the rows.
        let mut count = 1;
        let lead = (0..=self.shape.len()).find(|&lead| {
            count = self.shape[..lead].iter().product::<usize>();
            // An axis of length one may belong to the rows or to the pixels.
            count == rows && self.shape.get(lead) != Some(&1)
        })?;
        if count != rows || shape[lead..].iter().any(|&size| size != 1) {
            return None;
        }
        let mut all = Vec::with_capacity(rows);
        for row in 0..rows {
            let (mut rest, mut at, mut stride) = (row, 0, 1);
            for axis in (0..lead).rev() {
                let place = rest % self.shape[axis];
                rest /= self.shape[axis];
                if shape[axis] != 1 {
                    at += place * stride;
                }
                stride *= shape[axis];
            }
            all.push(*values.get(at)?);
        }
        Some(all)
    }

    /// Adds `view` at `place`; false where it has another shape or order.
    pub(super) fn add_skip(&mut self, view: &View, place: Skip) -> bool {
        let fits = view.is_plain() && view.shape() == self.shape;
        if fits {
            self.skip = Some((view.slot, place));
        }
        fits
    }

    /// This depthwise convolution as a part of the matrix product `[m, n, k]` that is its only reader, with its input;
    /// `None` if it is not depthwise, or if some of it would be computed twice.
    pub(super) fn before(
        &self,
        batch: usize,
        [m, n, k]: [usize; 3],
    ) -> Option<(steps::Depthwise, Slot)> {
        let Sums::Conv(p) = &self.sums else { return None };
        let pixels = (p.out_height * p.out_width) as usize;
        let fits = (self.batch, p.out_channels as usize, pixels) == (batch, k, n);
        let once = steps::Depthwise::takes(p) && steps::Depthwise::once(p, m as u32);
        if !once || !fits || self.skip.is_some() {
            return None;
        }
        let sizes = Conv { epilogue: Epilogue::new(self.activation, Skip::None), ..*p };
        let (weights, bias) = (self.weights.clone(), self.bias.clone());
        Some((steps::Depthwise { sizes, weights, bias }, self.input))
    }

    /// Puts the step into the plan; the result is `[batch, m, n]`. Outputs of the graph, such as heat maps, are summed in
    /// `f32` with every number format.
    pub(super) fn emit(self, plan: &mut Plan, out: Slot, is_result: bool) -> View {
        let whole = plan.precision() == Precision::Int8 && !is_result;
        let int8 = whole && int8::pays(&self.sums, self.batch);

        let place = self.skip.map_or(Skip::None, |(_, place)| place);
        let epilogue = Epilogue::new(self.activation, place);
        let skip = self.skip.map(|(slot, _)| slot);
        let Self { at, batch, input, weights, bias, shape, .. } = self;
        let layer = Layer { at, batch, input, weights: &weights, bias: &bias, skip, out };
        match self.sums {
            Sums::Conv(p) => {
                let p = Conv { epilogue, ..p };
                let conv = if int8 { steps::conv_int8 } else { steps::conv };
                conv(plan, p, layer);
            }
            Sums::Transposed(p) => {
                steps::transposed(plan, &Conv { epilogue, ..p }, layer);
            }
            Sums::AfterDepthwise { sizes, before } => {
                steps::matmul_depthwise(plan, &Matmul::new(sizes, false, epilogue), &before, layer);
            }
            Sums::Matmul { sizes, private } => {
                let own_bias = bias.len() > sizes[0];
                let p = Matmul {
                    bias_batch: if own_bias { sizes[0] as u32 } else { 0 },
                    ..Matmul::new(sizes, private, epilogue)
                };
                let product = if int8 { steps::matmul_int8 } else { steps::matmul };
                product(plan, &p, layer);
            }
        }
        View::whole(out, &shape)
    }
}
