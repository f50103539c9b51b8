//! From tract's typed graph to steps of a plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use fiducia_kernels::gpu::{Plan, Slot, Stage, steps, steps::At};
use fiducia_kernels::{
    Activation, Conv, Elementwise, Epilogue, MAX_AXES, Operation, Pool, PoolKind, Skip,
};
use tract_core::internal::*;
use tract_core::ops::array::{MultiBroadcastTo, Pad, Slice, TypedConcat};
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::change_axes::AxisOp;
use tract_core::ops::cnn::{self, KernelFormat, MaxPool, PoolSpec, SumPool};
use tract_core::ops::einsum::EinSum;
use tract_core::ops::element_wise::ElementWiseOp;
use tract_core::ops::konst::Const;
use tract_core::ops::math;
use tract_core::ops::nn::{self, Reduce, Resize, Softmax};
use tract_core::ops::source::TypedSource;

use super::product::{Product, Sums};
use super::roles::Roles;
use super::view::{Axis, View};
use crate::network::window;
use crate::{Error, ErrorKind};

/// What a graph's edge carries.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Known now.
    Constant(Arc<Tensor>),
    /// Computed by steps that are in the plan.
    Ready(View),
    /// Not in the plan yet, and read by one node only.
    Pending(Box<Product>),
}

/// Appends `model` to `plan` as steps of `stage`. `inputs` are the graph's inputs in their order: the first is
/// read from a slot, the others are constants. Returns where the results lie, row-major
/// and `f32`.
///
/// # Errors
/// [`ErrorKind::NoGpu`] where a layer is not supported, naming the node and its operation.
pub(super) fn lower(
    model: &TypedModel,
    plan: &mut Plan,
    stage: Stage,
    input: Slot,
    constants: &[Arc<Tensor>],
) -> Result<Vec<Slot>, Error> {
    let mut lowering = Lowering { model, plan, stage, values: BTreeMap::new() };
    let refused = |what: String| Error::new(ErrorKind::NoGpu, what);
    let outlet = |e: TractError| refused(format!("the graph cannot be ordered: {e:#}"));
    let inputs = model.input_outlets().map_err(outlet)?.to_vec();
    for (place, outlet) in inputs.iter().enumerate() {
        let value = if place == 0 {
            let shape = lowering.shape(*outlet).map_err(|e| refused(format!("{e:#}")))?;
            Value::Ready(View::whole(input, &shape))
        } else {
            let given = constants.get(place - 1);
            Value::Constant(given.ok_or_else(|| refused("an input is missing".into()))?.clone())
        };
        lowering.values.insert(*outlet, value);
    }
    for id in model.eval_order().map_err(outlet)? {
        let node = &model.nodes[id];
        lowering.node(node).map_err(|e| {
            refused(format!(
                "the GPU path cannot run layer `{}` ({}): {e:#}; use --backend cpu",
                node.name,
                node.op.name()
            ))
        })?;
    }
    let results = model.output_outlets().map_err(outlet)?.to_vec();
    let ready = |result| {
        let view = lowering.plain(result, "result").and_then(|view| lowering.widened(view));
        view.map(|view| view.slot).map_err(|e| refused(format!("{e:#}")))
    };
    results.into_iter().map(ready).collect()
}

pub(super) struct Lowering<'a> {
    model: &'a TypedModel,
    pub(super) plan: &'a mut Plan,
    stage: Stage,
    values: BTreeMap<OutletId, Value>,
}

impl Lowering<'_> {
    fn node(&mut self, node: &TypedNode) -> TractResult<()> {
        let op = node.op.as_op();
        let value = if op.is::<TypedSource>() {
            return Ok(());
        } else if let Some(op) = op.downcast_ref::<Const>() {
            Value::Constant(op.val().clone())
        } else if let Some(op) = op.downcast_ref::<cnn::Conv>() {
            self.conv(node, op)?
        } else if let Some(op) = op.downcast_ref::<cnn::Deconv>() {
            self.transposed(node, op)?
        } else if let Some(op) = op.downcast_ref::<EinSum>() {
            self.einsum(node, op)?
        } else if let Some(op) = op.downcast_ref::<TypedBinOp>() {
            self.binary(node, op)?
        } else if let Some(op) = op.downcast_ref::<ElementWiseOp>() {
            self.unary(node, op)?
        } else if let Some(op) = op.downcast_ref::<AxisOp>() {
            self.axes(node, op)?
        } else if let Some(op) = op.downcast_ref::<nn::NearestUpsample>() {
            self.upsample(node, &op.scales)?
        } else if let Some(op) = op.downcast_ref::<MaxPool>() {
            ensure!(op.with_index_outputs.is_none(), "indices of the largest values");
            self.pool(node, &op.pool_spec, PoolKind::Max)?
        } else if let Some(op) = op.downcast_ref::<SumPool>() {
            let kind = match (op.normalize, op.count_include_pad) {
                (false, _) => PoolKind::Sum,
                (true, false) => PoolKind::MeanInside,
                (true, true) => PoolKind::Mean,
            };
            self.pool(node, &op.pool_spec, kind)?
        } else if let Some(op) = op.downcast_ref::<Reduce>() {
            self.reduce(node, op)?
        } else if let Some(op) = op.downcast_ref::<Softmax>() {
            self.softmax(node, op)?
        } else if let Some(op) = op.downcast_ref::<Resize>() {
            self.resize(node, op)?
        } else if let Some(op) = op.downcast_ref::<Pad>() {
            self.pad(node, op)?
        } else if let Some(op) = op.downcast_ref::<TypedConcat>() {
            self.concat(node, op.axis)?
        } else if let Some(op) = op.downcast_ref::<Slice>() {
            self.slice(node, op)?
        } else if op.is::<MultiBroadcastTo>() {
            self.broadcast(node)?
        } else {
            bail!("not among the supported layers");
        };
        self.set(node, value)
    }

    fn conv(&mut self, node: &TypedNode, op: &cnn::Conv) -> TractResult<Value> {
        ensure!(op.kernel_fmt == KernelFormat::OIHW, "kernel order {:?}", op.kernel_fmt);
        ensure!(op.q_params.is_none(), "integer arithmetic");
        let (window, batch) = self.window(node, &op.pool_spec)?;
        self.convolution(node, &op.pool_spec, op.group, Sums::Conv(window), batch)
    }

    fn transposed(&mut self, node: &TypedNode, op: &cnn::Deconv) -> TractResult<Value> {
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
    fn convolution(
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
        self.product(node, sums, batch, input.slot, floats(&weights)?, bias, shape)
    }

    /// Sizes of a convolution or pooling, without channels, and the number of images.
    fn window(&self, node: &TypedNode, spec: &PoolSpec) -> TractResult<(Conv, usize)> {
        let shape = self.shape(node.inputs[0])?;
        let out = self.shape(node.id.into())?;
        ensure!(spec.kernel_shape.len() == 2, "{} spatial axes", spec.kernel_shape.len());
        ensure!(!spec.data_format.c_is_last(), "channels last");
        let batch = if spec.data_format.has_n() { shape[0] } else { 1 };
        let edges = |shape: &[usize]| [shape[shape.len() - 2], shape[shape.len() - 1]];
        Ok((window(spec, edges(&shape), edges(&out)), batch))
    }

    fn pool(&mut self, node: &TypedNode, spec: &PoolSpec, kind: PoolKind) -> TractResult<Value> {
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

    fn pooled(&mut self, node: &TypedNode, p: Pool) -> TractResult<Value> {
        let input = self.plain(node.inputs[0], &node.name)?;
        let shape = self.shape(node.id.into())?;
        let out = self.plan.values(shape.iter().product());
        steps::pool(self.plan, self.at(&node.name), &p, input.slot, out);
        Ok(Value::Ready(View::whole(out, &shape)))
    }

    /// A matrix product with constant weights on one side: pointwise convolutions and private adapters.
    fn einsum(&mut self, node: &TypedNode, op: &EinSum) -> TractResult<Value> {
        ensure!(node.inputs.len() == 2 && op.q_params.is_none(), "more than two operands");
        let is_constant =
            |i: usize| matches!(self.values.get(&node.inputs[i]), Some(Value::Constant(_)));
        let w = match (is_constant(0), is_constant(1)) {
            (true, false) => 0,
            (false, true) => 1,
            _ => bail!("a product without constant weights"),
        };
        let x = 1 - w;
        let weights = self.constant(node.inputs[w])?;
        let x_shape = self.shape(node.inputs[x])?;
        let shape = self.shape(node.id.into())?;
        let roles = Roles::of(op, [w, x], weights.shape(), &x_shape)?;
        let values = roles.pack(&floats(&weights)?);
        let (sizes, bias) = ([roles.m, roles.n, roles.k], vec![0.0; roles.m]);
        let before = match self.values.get(&node.inputs[x]) {
            Some(Value::Pending(product)) if !roles.private => product.before(roles.batch, sizes),
            _ => None,
        };
        let (sums, input) = match before {
            Some((before, input)) => (Sums::AfterDepthwise { sizes, before }, input),
            None => {
                let input = self.plain(node.inputs[x], &node.name)?;
                (Sums::Matmul { sizes, private: roles.private }, input.slot)
            }
        };
        self.product(node, sums, roles.batch, input, values, bias, shape)
    }

    #[allow(clippy::too_many_arguments)]
    fn product(
        &mut self,
        node: &TypedNode,
        sums: Sums,
        batch: usize,
        input: Slot,
        weights: Vec<f32>,
        bias: Vec<f32>,
        shape: Vec<usize>,
    ) -> TractResult<Value> {
        let at = self.at(&node.name);
        let (activation, skip) = (Activation::None, None);
        let product = Product { at, sums, batch, input, weights, bias, activation, skip, shape };
        Ok(Value::Pending(Box::new(product)))
    }

    fn binary(&mut self, node: &TypedNode, op: &TypedBinOp) -> TractResult<Value> {
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
        if let Some(fused) = self.fused(node, operation)? {
            return Ok(fused);
        }
        let [a, b] = [0, 1].map(|i| node.inputs[i]);
        let (a, b) = (self.view(a)?, self.view(b)?);
        let shape = self.shape(node.id.into())?;
        let epilogue = Epilogue::default();
        Ok(Value::Ready(self.elementwise(&node.name, operation, &a, Some(&b), &shape, epilogue)?))
    }

    /// Makes the operation part of the product that one of its operands is, where that is the same.
    fn fused(&mut self, node: &TypedNode, operation: Operation) -> TractResult<Option<Value>> {
        for side in [0, 1] {
            let (own, other) = (node.inputs[side], node.inputs[1 - side]);
            let Some(Value::Pending(product)) = self.values.get(&own) else { continue };
            let mut product = product.clone();
            let shape = self.shape(node.id.into())?;
            if shape != product.shape {
                continue;
            }
            let constant = match self.values.get(&other) {
                Some(Value::Constant(tensor)) => Some(tensor.clone()),
                _ => None,
            };
            let done = match (operation, constant) {
                (Operation::Add, Some(tensor)) => {
                    product.add_bias(&floats(&tensor)?, tensor.shape())
                }
                (Operation::Mul, Some(tensor)) => product.scale(&floats(&tensor)?, tensor.shape()),
                (Operation::Add, None) => {
                    let view = self.view(other)?;
                    product.add_skip(&view)
                }
                (Operation::Max, Some(tensor)) if tensor.len() == 1 => {
                    product.activate(Activation::Clamp(floats(&tensor)?[0], f32::MAX))
                }
                (Operation::Min, Some(tensor)) if tensor.len() == 1 => {
                    product.activate(Activation::Clamp(f32::MIN, floats(&tensor)?[0]))
                }
                _ => false,
            };
            if done {
                self.values.remove(&own);
                return Ok(Some(Value::Pending(product)));
            }
        }
        Ok(None)
    }

    fn unary(&mut self, node: &TypedNode, op: &ElementWiseOp) -> TractResult<Value> {
        let op = &op.0;
        let activation = if op.is::<nn::Sigmoid>() {
            Activation::Sigmoid
        } else if op.is::<nn::Silu>() {
            Activation::Silu
        } else if op.is::<nn::HardSwish>() {
            Activation::HardSwish
        } else if let Some(op) = op.downcast_ref::<nn::LeakyRelu>() {
            Activation::Leaky(op.alpha)
        } else if op.is::<math::Tanh>() {
            Activation::Tanh
        } else if op.is::<math::Recip>() {
            Activation::Reciprocal
        } else if op.is::<math::Square>() {
            Activation::Square
        } else if op.is::<math::Abs>() {
            Activation::Abs
        } else if op.is::<math::Sqrt>() {
            Activation::Sqrt
        } else if op.is::<math::Exp>() {
            Activation::Exp
        } else {
            bail!("not among the supported layers");
        };
        if let Some(Value::Pending(product)) = self.values.get(&node.inputs[0]) {
            let mut product = product.clone();
            if product.activate(activation) {
                self.values.remove(&node.inputs[0]);
                return Ok(Value::Pending(product));
            }
        }
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

    fn axes(&mut self, node: &TypedNode, op: &AxisOp) -> TractResult<Value> {
        match self.values.get(&node.inputs[0]) {
            Some(Value::Constant(tensor)) => {
                let mut tensor = tensor.as_ref().clone();
                op.change_tensor(&mut tensor, false)?;
                return Ok(Value::Constant(Arc::new(tensor)));
            }
            // Only a move changes the order of values.
            Some(Value::Pending(product)) if !matches!(op, AxisOp::Move(..)) => {
                let mut product = product.clone();
                self.values.remove(&node.inputs[0]);
                product.shape = self.shape(node.id.into())?;
                return Ok(Value::Pending(product));
            }
            _ => {}
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

    fn upsample(&mut self, node: &TypedNode, scales: &[usize]) -> TractResult<Value> {
        let mut view = self.view(node.inputs[0])?;
        for (axis, &scale) in view.axes.iter_mut().zip(scales) {
            axis.size *= scale;
            axis.divisor *= scale;
        }
        Ok(Value::Ready(view))
    }

    fn broadcast(&mut self, node: &TypedNode) -> TractResult<Value> {
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

    fn slice(&mut self, node: &TypedNode, op: &Slice) -> TractResult<Value> {
        let (start, end) = (op.start.to_usize()?, op.end.to_usize()?);
        let mut view = self.view(node.inputs[0])?;
        if view.axes[op.axis].divisor != 1 {
            view = self.copied(&node.name, &view)?;
        }
        view.offset += start * view.axes[op.axis].stride;
        view.axes[op.axis].size = end - start;
        Ok(Value::Ready(view))
    }

    fn concat(&mut self, node: &TypedNode, axis: usize) -> TractResult<Value> {
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

    /// Parameters of an element-wise step over `shape`, to which the operands broadcast.
    fn params(
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
    fn widened(&mut self, view: View) -> TractResult<View> {
        if !self.plan.is_half(view.slot) {
            return Ok(view);
        }
        let p = self.params(Operation::Copy, &view, None, &view.shape())?;
        let out = self.plan.tensor(view.shape().iter().product());
        steps::elementwise(self.plan, self.at("result"), &p, view.slot, None, out);
        Ok(View::whole(out, &view.shape()))
    }

    /// What `outlet` carries, in the plan.
    pub(super) fn view(&mut self, outlet: OutletId) -> TractResult<View> {
        let view = match self.values.get(&outlet) {
            None => bail!("its input has no value"),
            Some(Value::Ready(view)) => return Ok(view.clone()),
            Some(Value::Constant(tensor)) => {
                let tensor = tensor.clone();
                View::whole(self.plan.constant(&floats(&tensor)?), tensor.shape())
            }
            Some(Value::Pending(product)) => {
                let product = product.clone();
                let len = product.shape.iter().product();
                let is_result = self.model.outputs.contains(&outlet);
                let out = if is_result { self.plan.tensor(len) } else { self.plan.values(len) };
                product.emit(self.plan, out, is_result)
            }
        };
        self.values.insert(outlet, Value::Ready(view.clone()));
        Ok(view)
    }

    /// As [`Lowering::view`], in row-major order from the start of a slot.
    pub(super) fn plain(&mut self, outlet: OutletId, name: &str) -> TractResult<View> {
        let view = self.view(outlet)?;
        if view.is_plain() { Ok(view) } else { self.copied(name, &view) }
    }

    pub(super) fn constant(&self, outlet: OutletId) -> TractResult<Arc<Tensor>> {
        match self.values.get(&outlet) {
            Some(Value::Constant(tensor)) => Ok(tensor.clone()),
            _ => bail!("weights that are computed"),
        }
    }

    pub(super) fn shape(&self, outlet: OutletId) -> TractResult<Vec<usize>> {
        let shape = &self.model.outlet_fact(outlet)?.shape;
        let known = shape.as_concrete().map(<[usize]>::to_vec);
        known.ok_or_else(|| format_err!("unknown shape {shape:?}"))
    }

    pub(super) fn at(&self, name: &str) -> At {
        At::new(self.stage, name)
    }

    /// Keeps the value of a node; what several nodes read goes into the plan at once.
    fn set(&mut self, node: &TypedNode, value: Value) -> TractResult<()> {
        let outlet = OutletId::from(node.id);
        let readers = node.outputs[0].successors.len();
        let is_result = self.model.outputs.contains(&outlet);
        let pending = matches!(value, Value::Pending(_));
        self.values.insert(outlet, value);
        if pending && readers + usize::from(is_result) != 1 {
            self.view(outlet)?;
        }
        Ok(())
    }
}

pub(super) fn floats(tensor: &Tensor) -> TractResult<Vec<f32>> {
    let tensor = tensor.cast_to::<f32>()?;
    Ok(tensor.try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
}
