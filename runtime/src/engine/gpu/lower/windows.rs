//! Layers that slide a window over planes: convolutions and pooling.

use fiducia_kernels::gpu::steps;
use fiducia_kernels::{Conv, Pool, PoolKind};
use tract_core::internal::*;
use tract_core::ops::cnn::{self, KernelFormat, PoolSpec};

use super::product::Sums;
use super::view::View;
use super::{Lowering, Value, floats};
use crate::engine::graph::window;

impl Lowering<'_> {
    pub(super) fn conv(&mut self, node: &TypedNode, op: &cnn::Conv) -> TractResult<Value> {
        ensure!(op.kernel_fmt == KernelFormat::OIHW, "kernel order {:?}", op.kernel_fmt);
        ensure!(op.q_params.is_none(), "integer arithmetic");
        let (window, batch) = self.window(node, &op.pool_spec)?;
        self.convolution(node, &op.pool_spec, op.group, Sums::Conv(window), batch)
    }

    pub(super) fn transposed(&mut self, node: &TypedNode, op: &cnn::Deconv) -> TractResult<Value> {
        ensure!(op.kernel_format == KernelFormat::OIHW, "kernel order {:?}", op.kernel_format);
        let (mut window, batch) = self.window(node, &op.pool_spec)?;
        let spec = &op.pool_spec;
        let pads = spec.padding.compute_for_deconv(
            &[window.in_height as usize, window.in_width as usize],
            &spec.kernel_shape,
            &spec.dilations(),
            &spec.strides(),
            &op.adjustments,
        )?;
        (window.pad_y, window.pad_x) = (pads[0].pad_before as u32, pads[1].pad_before as u32);
        self.convolution(node, spec, op.group, Sums::Transposed(window), batch)
    }

    /// A convolution or transposed convolution, of which `sums` holds all sizes but the channels.
    pub(super) fn convolution(
        &mut self,
        node: &TypedNode,
        spec: &PoolSpec,
        groups: usize,
        mut sums: Sums,
        batch: usize,
    ) -> TractResult<Value> {
        let weights = self.constant(node.inputs[1])?;
        let bias = self.constant(node.inputs[2])?;
        let bias = floats(&bias)?;
        let [inputs, outputs] = [spec.input_channels, spec.output_channels];
        let bias = if bias.len() == 1 { vec![bias[0]; outputs] } else { bias };
        let divides = |count: usize| groups != 0 && count.is_multiple_of(groups);
        ensure!(divides(inputs) && divides(outputs), "groups that do not divide the channels");
        if let Sums::Conv(p) | Sums::Transposed(p) = &mut sums {
            (p.in_channels, p.out_channels) = (inputs as u32, outputs as u32);
            p.groups = groups as u32;
        }
        let input = self.plain(node.inputs[0], &node.name)?;
        let shape = self.shape(node.id.into())?;
        self.product(node, sums, batch, input.slot, [floats(&weights)?, bias], shape)
    }

    /// Sizes of a convolution or pooling, without channels, and the number of images.
    pub(super) fn window(&self, node: &TypedNode, spec: &PoolSpec) -> TractResult<(Conv, usize)> {
        let shape = self.shape(node.inputs[0])?;
        let out = self.shape(node.id.into())?;
        ensure!(spec.kernel_shape.len() == 2, "{} spatial axes", spec.kernel_shape.len());
        ensure!(!spec.data_format.c_is_last(), "channels last");
        let batch = if spec.data_format.has_n() { shape[0] } else { 1 };
        let edges = |shape: &[usize]| [shape[shape.len() - 2], shape[shape.len() - 1]];
        Ok((window(spec, edges(&shape), edges(&out)), batch))
    }

    pub(super) fn pool(
        &mut self,
        node: &TypedNode,
        spec: &PoolSpec,
        kind: PoolKind,
    ) -> TractResult<Value> {
        let (w, batch) = self.window(node, spec)?;
        ensure!(w.dilation_x == 1 && w.dilation_y == 1, "a dilated window");
        let shape = self.shape(node.inputs[0])?;
        let p = Pool {
            in_height: w.in_height,
            in_width: w.in_width,
            out_height: w.out_height,
            out_width: w.out_width,
            kernel_height: w.kernel_height,
            kernel_width: w.kernel_width,
            stride_y: w.stride_y,
            stride_x: w.stride_x,
            pad_y: w.pad_y,
            pad_x: w.pad_x,
            planes: (batch * shape[shape.len() - 3]) as u32,
            ..Pool::default()
        };
        self.pooled(node, p.taking(kind))
    }

    pub(super) fn pooled(&mut self, node: &TypedNode, p: Pool) -> TractResult<Value> {
        let input = self.plain(node.inputs[0], &node.name)?;
        let shape = self.shape(node.id.into())?;
        let out = self.plan.values(shape.iter().product());
        steps::pool(self.plan, self.at(&node.name), &p, input.slot, out);
        Ok(Value::Ready(View::whole(out, &shape)))
    }
}
