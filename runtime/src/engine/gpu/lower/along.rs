//! Layers that work along some axes: reductions, softmax, resizing, padding.

use fiducia_kernels::gpu::steps;
use fiducia_kernels::{Activation, Epilogue, Operation, Pool, PoolKind, Resample, Skip};
use tract_core::internal::*;
use tract_core::ops::array::{Pad, PadMode};
use tract_core::ops::nn::{Reduce, Reducer, Resize, Softmax, SoftmaxKind};

use super::view::View;
use super::{Lowering, Value, floats};

impl Lowering<'_> {
    pub(super) fn reduce(&mut self, node: &TypedNode, op: &Reduce) -> TractResult<Value> {
        let kind = match op.reducer {
            Reducer::Sum => PoolKind::Sum,
            Reducer::Max => PoolKind::Max,
            other => bail!("reduction {other:?}"),
        };
        let (input, order) = self.reduced_last(node, &op.axes)?;
        let reduced = self.over_last(node, kind, &input, op.axes.len());
        Ok(Value::Ready(reduced.ordered(&inverse(&order))))
    }

    /// Exponentials of the distance to the largest value, over their sum.
    pub(super) fn softmax(&mut self, node: &TypedNode, op: &Softmax) -> TractResult<Value> {
        ensure!(op.kind == SoftmaxKind::Softmax, "the logarithm of a softmax");
        ensure!(op.quant_output_dt.is_none(), "integer arithmetic");
        let (input, order) = self.reduced_last(node, &op.axes)?;
        let shape = input.shape();
        let largest = self.over_last(node, PoolKind::Max, &input, op.axes.len());
        let exp = Epilogue::new(Activation::Exp, Skip::None);
        let (name, none) = (&node.name, Epilogue::default());
        let exps = self.elementwise(name, Operation::Sub, &input, Some(&largest), &shape, exp)?;
        let sum = self.over_last(node, PoolKind::Sum, &exps, op.axes.len());
        let shares = self.elementwise(name, Operation::Div, &exps, Some(&sum), &shape, none)?;
        Ok(Value::Ready(shares.ordered(&inverse(&order))))
    }

    /// The input in row-major order with `axes` behind all others, and the order in which its axes stand.
    fn reduced_last(
        &mut self,
        node: &TypedNode,
        axes: &[usize],
    ) -> TractResult<(View, Vec<usize>)> {
        let view = self.view(node.inputs[0])?;
        let (mut order, mut last): (Vec<usize>, Vec<usize>) =
            (0..view.axes.len()).partition(|axis| !axes.contains(axis));
        order.append(&mut last);
        let view = view.ordered(&order);
        let plain = if view.is_plain() { view } else { self.copied(&node.name, &view)? };
        Ok((plain, order))
    }

    /// What `kind` takes of the last `count` axes of `input`, which is row-major: one window per plane. The axes
    /// stay, one place long.
    fn over_last(&mut self, node: &TypedNode, kind: PoolKind, input: &View, count: usize) -> View {
        let mut shape = input.shape();
        let last = shape.len() - count;
        let size = shape[last..].iter().product::<usize>() as u32;
        let p = Pool {
            in_height: 1,
            in_width: size,
            out_height: 1,
            out_width: 1,
            kernel_height: 1,
            kernel_width: size,
            stride_y: 1,
            stride_x: 1,
            planes: shape[..last].iter().product::<usize>() as u32,
            ..Pool::default()
        };
        shape[last..].fill(1);
        // Sums of many values: few of them, and too large for a small form.
        let out = self.plan.tensor(p.planes as usize);
        steps::pool(self.plan, self.at(&node.name), &p.taking(kind), input.slot, out);
        View::whole(out, &shape)
    }

    pub(super) fn resize(&mut self, node: &TypedNode, op: &Resize) -> TractResult<Value> {
        let (from, to) = (self.shape(node.inputs[0])?, self.shape(node.id.into())?);
        let given = match op.optional_scales_input {
            Some(input) => floats(self.constant(node.inputs[input])?.as_ref())?,
            None => vec![],
        };
        let mut tables = Vec::new();
        for (axis, (&len_in, &len_out)) in from.iter().zip(&to).enumerate() {
            let scale = given.get(axis).copied().unwrap_or(len_out as f32 / len_in as f32);
            if len_in == len_out && scale == 1.0 {
                continue;
            }
            let plan = op.plan_axis(scale, len_in, len_out);
            tables
                .push((axis, Table { len: len_out, places: plan.indices, weights: plan.weights }));
        }
        self.resampled(node, tables)
    }

    pub(super) fn pad(&mut self, node: &TypedNode, op: &Pad) -> TractResult<Value> {
        let zero = |t: &Arc<Tensor>| floats(t).is_ok_and(|v| v == [0.0]);
        ensure!(!matches!(&op.mode, PadMode::Constant(v) if !zero(v)), "padding other than zeros");
        let shape = self.shape(node.inputs[0])?;
        let tables = op.pads.iter().enumerate().filter(|(_, pads)| **pads != (0, 0));
        let table = |(axis, &pads)| (axis, Table::padding(shape[axis], pads, &op.mode));
        self.resampled(node, tables.map(table).collect())
    }

    /// The input with some of its axes replaced by weighted sums along them.
    fn resampled(&mut self, node: &TypedNode, tables: Vec<(usize, Table)>) -> TractResult<Value> {
        let mut view = self.plain(node.inputs[0], &node.name)?;
        for (axis, table) in tables {
            let mut shape = view.shape();
            let in_size = core::mem::replace(&mut shape[axis], table.len);
            let count = shape.iter().product::<usize>();
            let p = Resample {
                count: u32::try_from(count)?,
                in_size: in_size as u32,
                out_size: shape[axis] as u32,
                inner: shape[axis + 1..].iter().product::<usize>() as u32,
                taps: (table.places.len() / shape[axis].max(1)) as u32,
                pad: [0; 3],
            };
            let places: Vec<u32> = table.places.iter().map(|&place| place as u32).collect();
            let out = self.plan.values(count);
            let at = self.at(&node.name);
            steps::resample(self.plan, at, &p, view.slot, &places, &table.weights, out);
            view = View::whole(out, &shape);
        }
        Ok(Value::Ready(view))
    }
}

/// The sources and weights of each position along an axis.
struct Table {
    /// Places of the axis.
    len: usize,
    /// `[len, taps]`.
    places: Vec<usize>,
    weights: Vec<f32>,
}

impl Table {
    /// An axis of `len` places with `before` and `after` it.
    fn padding(len: usize, (before, after): (usize, usize), mode: &PadMode) -> Self {
        let (mut places, mut weights) = (Vec::new(), Vec::new());
        for place in 0..before + len + after {
            let inside = place >= before && place < before + len;
            let source = match mode {
                PadMode::Reflect if place < before => before - place,
                PadMode::Reflect if !inside => (before + 2 * len - 2).saturating_sub(place),
                _ => place.saturating_sub(before),
            };
            places.push(source.min(len.saturating_sub(1)));
            let read = inside || !matches!(mode, PadMode::Constant(_));
            weights.push(if read { 1.0 } else { 0.0 });
        }
        Self { len: places.len(), places, weights }
    }
}

/// The order that undoes `order`.
fn inverse(order: &[usize]) -> Vec<usize> {
    let mut back = vec![0; order.len()];
    order.iter().enumerate().for_each(|(to, &from)| back[from] = to);
    back
}
