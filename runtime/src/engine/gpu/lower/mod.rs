//! From tract's typed graph to steps of a plan.

mod view;
mod places;
mod elements;
mod windows;
mod along;
mod roles;
mod einsum;
mod product;
mod fused;
mod int8;

use std::collections::BTreeMap;
use std::sync::Arc;

use fiducia_kernels::PoolKind;
use fiducia_kernels::gpu::{Plan, Slot, Stage, steps::At};
use tract_core::internal::*;
use tract_core::ops::array::{MultiBroadcastTo, Pad, Slice, TypedConcat};
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::change_axes::AxisOp;
use tract_core::ops::cnn::{self, MaxPool, SumPool};
use tract_core::ops::einsum::EinSum;
use tract_core::ops::element_wise::ElementWiseOp;
use tract_core::ops::konst::Const;
use tract_core::ops::nn::{self, Reduce, Resize, Softmax};
use tract_core::ops::source::TypedSource;

use self::fused::{abilities, is_sum};
use self::product::Product;
use self::view::View;
use crate::engine::fusion::{Part, by_node, fusions};
use crate::error::{Error, ErrorKind};

/// The value of a graph edge.
#[derive(Clone, Debug)]
enum Value {
    /// Known now.
    Constant(Arc<Tensor>),
    /// Computed by steps that are in the plan.
    Ready(View),
    /// Not in the plan yet; read by one node only, which may become part of it.
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
    let refused = |what: String| Error::new(ErrorKind::NoGpu, what);
    let outlet = |e: TractError| refused(format!("the graph cannot be ordered: {e:#}"));
    let inputs = model.input_outlets().map_err(outlet)?.to_vec();
    let abilities = abilities(model, inputs.get(1..).unwrap_or_default()).map_err(outlet)?;
    let parts = by_node(fusions(model, is_sum, &abilities).map_err(outlet)?);
    let mut lowering = Lowering { model, plan, stage, parts, values: BTreeMap::new() };
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

struct Lowering<'a> {
    model: &'a TypedModel,
    plan: &'a mut Plan,
    stage: Stage,
    /// By number of the node: what it does to a sum.
    parts: BTreeMap<usize, Part>,
    values: BTreeMap<OutletId, Value>,
}

impl Lowering<'_> {
    fn node(&mut self, node: &TypedNode) -> TractResult<()> {
        let op = node.op.as_op();
        let value = if op.is::<TypedSource>() {
            return Ok(());
        } else if let Some(fused) = self.fused(node)? {
            fused
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

    /// The value of `outlet`, in the plan.
    fn view(&mut self, outlet: OutletId) -> TractResult<View> {
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
    fn plain(&mut self, outlet: OutletId, name: &str) -> TractResult<View> {
        let view = self.view(outlet)?;
        if view.is_plain() { Ok(view) } else { self.copied(name, &view) }
    }

    fn constant(&self, outlet: OutletId) -> TractResult<Arc<Tensor>> {
        match self.values.get(&outlet) {
            Some(Value::Constant(tensor)) => Ok(tensor.clone()),
            _ => bail!("weights that are computed"),
        }
    }

    fn shape(&self, outlet: OutletId) -> TractResult<Vec<usize>> {
        let shape = &self.model.outlet_fact(outlet)?.shape;
        let known = shape.as_concrete().map(<[usize]>::to_vec);
        known.ok_or_else(|| format_err!("unknown shape {shape:?}"))
    }

    fn at(&self, name: &str) -> At {
        At::new(self.stage, name)
    }

    /// Stores the value of a node. A value with several readers goes into the plan at once.
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

fn floats(tensor: &Tensor) -> TractResult<Vec<f32>> {
    let tensor = tensor.cast_to::<f32>()?;
    Ok(tensor.try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
}
