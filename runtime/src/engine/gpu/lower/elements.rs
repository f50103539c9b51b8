//! Element-wise layers that are not part of a sum, and copies into another memory order.

use fiducia_kernels::gpu::steps;
use fiducia_kernels::{Elementwise, Epilogue, MAX_AXES, Operation, Skip};
use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::element_wise::ElementWiseOp;
use tract_core::ops::math;

use super::view::{Axis, View};
use super::{Lowering, Value};
use crate::engine::fusion::activation;

impl Lowering<'_> {
    pub(super) fn binary(&mut self, node: &TypedNode, op: &TypedBinOp) -> TractResult<Value> {
        let op = &op.0;
        let operation = if op.is::<math::Add>() {
            Operation::Add
        } else if op.is::<math::Sub>() {
            Operation::Sub
        } else if op.is::<math::Mul>() {
            Operation::Mul
        } else if op.is::<math::Div>() {
            Operation::Div
        } else if op.is::<math::Max>() {
            Operation::Max
        } else if op.is::<math::Min>() {
            Operation::Min
        } else {
            bail!("not among the supported layers");
        };
        let [a, b] = [0, 1].map(|i| node.inputs[i]);
        let (a, b) = (self.view(a)?, self.view(b)?);
        let shape = self.shape(node.id.into())?;
        let epilogue = Epilogue::default();
        Ok(Value::Ready(self.elementwise(&node.name, operation, &a, Some(&b), &shape, epilogue)?))
    }

    pub(super) fn unary(&mut self, node: &TypedNode, op: &ElementWiseOp) -> TractResult<Value> {
        let activation = activation(op).context("not among the supported layers")?;
        let a = self.view(node.inputs[0])?;
        let epilogue = Epilogue::new(activation, Skip::None);
        let shape = a.shape();
        Ok(Value::Ready(self.elementwise(
            &node.name,
            Operation::Copy,
            &a,
            None,
            &shape,
            epilogue,
        )?))
    }

    /// Parameters of an element-wise step over `shape`, to which the operands broadcast.
    pub(super) fn params(
        &self,
        operation: Operation,
        a: &View,
        b: Option<&View>,
        shape: &[usize],
    ) -> TractResult<Elementwise> {
        ensure!(shape.len() <= MAX_AXES, "{} axes", shape.len());
        ensure!(u32::try_from(shape.iter().product::<usize>()).is_ok(), "too many values");
        let mut sizes = [1; MAX_AXES];
        for (to, &size) in sizes[MAX_AXES - shape.len()..].iter_mut().zip(shape) {
            *to = size as u32;
        }
        let mut p = Elementwise::new(operation, sizes, Epilogue::default());
        let broadcast = |view: &View| -> TractResult<View> {
            ensure!(view.axes.len() == shape.len(), "operands of different rank");
            let mut view = view.clone();
            for (axis, &size) in view.axes.iter_mut().zip(shape) {
                ensure!(axis.size == size || axis.size == 1, "operands of different shape");
                if axis.size != size {
                    *axis = Axis { size, stride: 0, divisor: 1 };
                }
            }
            Ok(view)
        };
        let a = broadcast(a)?;
        (p.a, p.offset_a) = (a.packed(), a.offset as u32);
        if let Some(b) = b {
            let b = broadcast(b)?;
            (p.b, p.offset_b) = (b.packed(), b.offset as u32);
        }
        Ok(p)
    }

    pub(super) fn elementwise(
        &mut self,
        name: &str,
        operation: Operation,
        a: &View,
        b: Option<&View>,
        shape: &[usize],
        epilogue: Epilogue,
    ) -> TractResult<View> {
        let mut p = self.params(operation, a, b, shape)?;
        p.epilogue = epilogue;
        let out = self.plan.values(shape.iter().product());
        steps::elementwise(self.plan, self.at(name), &p, a.slot, b.map(|b| b.slot), out);
        Ok(View::whole(out, shape))
    }

    /// The values of `view` in row-major order in a tensor of their own.
    pub(super) fn copied(&mut self, name: &str, view: &View) -> TractResult<View> {
        self.elementwise(name, Operation::Copy, view, None, &view.shape(), Epilogue::default())
    }

    /// The values of `view`, which is row-major, as `f32`.
    pub(super) fn widened(&mut self, view: View) -> TractResult<View> {
        if !self.plan.is_half(view.slot) {
            return Ok(view);
        }
        let p = self.params(Operation::Copy, &view, None, &view.shape())?;
        let out = self.plan.tensor(view.shape().iter().product());
        steps::elementwise(self.plan, self.at("result"), &p, view.slot, None, out);
        Ok(View::whole(out, &view.shape()))
    }
}
