//! Layers that only rearrange values: most become views and cost no step.

use std::sync::Arc;

use fiducia_kernels::Operation;
use fiducia_kernels::gpu::steps;
use tract_core::internal::*;
use tract_core::ops::array::Slice;
use tract_core::ops::change_axes::AxisOp;

use super::view::{Axis, View};
use super::{Lowering, Value};

impl Lowering<'_> {
    pub(super) fn axes(&mut self, node: &TypedNode, op: &AxisOp) -> TractResult<Value> {
        if let Some(Value::Constant(tensor)) = self.values.get(&node.inputs[0]) {
            let mut tensor = tensor.as_ref().clone();
            op.change_tensor(&mut tensor, false)?;
            return Ok(Value::Constant(Arc::new(tensor)));
        }
        let mut view = self.view(node.inputs[0])?;
        match op {
            AxisOp::Add(at) => view.axes.insert(*at, Axis { size: 1, stride: 0, divisor: 1 }),
            AxisOp::Rm(at) => {
                view.axes.remove(*at);
            }
            AxisOp::Move(from, to) => {
                let axis = view.axes.remove(*from);
                view.axes.insert(*to, axis);
            }
            AxisOp::Reshape(at, from, _) => {
                let shape = self.shape(node.id.into())?;
                let kept = view.axes.len() - from.len();
                let to = shape[*at..*at + (shape.len() - kept)].to_vec();
                view = match view.reshaped(*at, from.len(), &to) {
                    Some(view) => view,
                    None => View::whole(self.copied(&node.name, &view)?.slot, &shape),
                };
            }
        }
        Ok(Value::Ready(view))
    }

    pub(super) fn upsample(&mut self, node: &TypedNode, scales: &[usize]) -> TractResult<Value> {
        let mut view = self.view(node.inputs[0])?;
        for (axis, &scale) in view.axes.iter_mut().zip(scales) {
            axis.size *= scale;
            axis.divisor *= scale;
        }
        Ok(Value::Ready(view))
    }

    pub(super) fn broadcast(&mut self, node: &TypedNode) -> TractResult<Value> {
        let mut view = self.view(node.inputs[0])?;
        let shape = self.shape(node.id.into())?;
        ensure!(shape.len() == view.axes.len(), "a change of rank");
        for (axis, &size) in view.axes.iter_mut().zip(&shape) {
            if axis.size != size {
                *axis = Axis { size, stride: 0, divisor: 1 };
            }
        }
        Ok(Value::Ready(view))
    }

    pub(super) fn slice(&mut self, node: &TypedNode, op: &Slice) -> TractResult<Value> {
        let (start, end) = (op.start.to_usize()?, op.end.to_usize()?);
        let mut view = self.view(node.inputs[0])?;
        if view.axes[op.axis].divisor != 1 {
            view = self.copied(&node.name, &view)?;
        }
        view.offset += start * view.axes[op.axis].stride;
        view.axes[op.axis].size = end - start;
        Ok(Value::Ready(view))
    }

    pub(super) fn concat(&mut self, node: &TypedNode, axis: usize) -> TractResult<Value> {
        let shape = self.shape(node.id.into())?;
        let out = self.plan.values(shape.iter().product());
        let whole = View::whole(out, &shape);
        let mut start = 0;
        for &input in &node.inputs {
            let part = self.view(input)?;
            let mut p = self.params(Operation::Copy, &part, None, &part.shape())?;
            p.stride_out = whole.packed().stride;
            p.offset_out = (start * whole.axes[axis].stride) as u32;
            start += part.axes[axis].size;
            steps::elementwise(self.plan, self.at(&node.name), &p, part.slot, None, out);
        }
        Ok(Value::Ready(whole))
    }
}
