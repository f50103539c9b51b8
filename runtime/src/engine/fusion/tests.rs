//! The rule on small graphs: what follows a convolution, and how much of it becomes part of it.

use tract_core::ops::cnn::{Conv, KernelFormat, PaddingSpec, PoolSpec};
use tract_core::ops::nn::DataFormat;

use super::*;

const SHAPE: [usize; 4] = [1, 3, 4, 5];

/// A graph with one input of `SHAPE`.
struct Graph {
    model: TypedModel,
    input: OutletId,
    count: usize,
}

impl Graph {
    fn new() -> Self {
        let mut model = TypedModel::default();
        let input = model.add_source("input", f32::fact(SHAPE)).unwrap();
        Self { model, input, count: 0 }
    }

    fn name(&mut self) -> String {
        self.count += 1;
        format!("node{}", self.count)
    }

    fn constant(&mut self, shape: &[usize], value: f32) -> OutletId {
        let values = vec![value; shape.iter().product()];
        let tensor = Arc::new(Tensor::from_shape(shape, &values).unwrap());
        let name = self.name();
        self.model.add_const(name, tensor).unwrap()
    }

    fn wire(&mut self, op: impl Into<Box<dyn TypedOp>>, inputs: &[OutletId]) -> OutletId {
        let name = self.name();
        self.model.wire_node(name, op, inputs).unwrap()[0]
    }

    /// A convolution of one tap that keeps the shape.
    fn conv(&mut self, x: OutletId) -> OutletId {
        let pool_spec = PoolSpec {
            data_format: DataFormat::NCHW,
            kernel_shape: tvec![1, 1],
            padding: PaddingSpec::Valid,
            dilations: None,
            strides: None,
            input_channels: 3,
            output_channels: 3,
        };
        let (weights, bias) = (self.constant(&[3, 3, 1, 1], 0.5), self.constant(&[3], 0.0));
        let op = Conv { pool_spec, kernel_fmt: KernelFormat::OIHW, group: 1, q_params: None };
        self.wire(op, &[x, weights, bias])
    }

    fn max(&mut self, x: OutletId, limit: f32) -> OutletId {
        let limit = self.constant(&[1; 4], limit);
        self.wire(math::max(), &[x, limit])
    }

    fn min(&mut self, x: OutletId, limit: f32) -> OutletId {
        let limit = self.constant(&[1; 4], limit);
        self.wire(math::min(), &[x, limit])
    }

    fn add(&mut self, a: OutletId, b: OutletId) -> OutletId {
        self.wire(math::add(), &[a, b])
    }

    fn outputs(&mut self, outputs: &[OutletId]) {
        self.model.select_output_outlets(outputs).unwrap();
    }

    /// What follows node `sum`, as the CPU does it.
    fn on_cpu(&self, sum: OutletId) -> Fusion {
        let cpu = Abilities { clamps: true, ..Abilities::default() };
        Fusion::of(&self.model, sum.node, &cpu).unwrap()
    }

    /// The same with all abilities.
    #[cfg(feature = "gpu")]
    fn with_all(&self, sum: OutletId) -> Fusion {
        Fusion::of(&self.model, sum.node, &self.all()).unwrap()
    }

    #[cfg(feature = "gpu")]
    fn all(&self) -> Abilities {
        let constants = constants(&self.model, &[]).unwrap();
        Abilities { clamps: true, activations: true, reshapes: true, constants }
    }
}

#[test]
fn a_clamp_and_a_skip_connection_in_either_order() {
    let mut g = Graph::new();
    let sum = g.conv(g.input);
    let clamped = g.max(sum, 0.0);
    let clamped = g.min(clamped, 6.0);
    let added = g.add(clamped, g.input);
    g.outputs(&[added]);
    let fusion = g.on_cpu(sum);
    assert_eq!(fusion.last(), added.node);
    assert_eq!(fusion.activation, Activation::Clamp(0.0, 6.0));
    assert_eq!(fusion.skip, Some((g.input, Skip::After)));

    let mut g = Graph::new();
    let sum = g.conv(g.input);
    let added = g.add(g.input, sum);
    let clamped = g.max(added, 0.0);
    g.outputs(&[clamped]);
    let fusion = g.on_cpu(sum);
    assert_eq!(fusion.last(), clamped.node);
    assert_eq!(fusion.skip, Some((g.input, Skip::Before)));
    assert_eq!(fusion.activation, Activation::Clamp(0.0, f32::INFINITY));
}

#[test]
fn a_third_step_is_left_out() {
    let mut g = Graph::new();
    let sum = g.conv(g.input);
    let clamped = g.max(sum, 0.0);
    let added = g.add(clamped, g.input);
    let third = g.min(added, 1.0);
    g.outputs(&[third]);
    assert_eq!(g.on_cpu(sum).last(), added.node);

    let mut g = Graph::new();
    let sum = g.conv(g.input);
    let once = g.add(sum, g.input);
    let twice = g.add(once, g.input);
    g.outputs(&[twice]);
    assert_eq!(g.on_cpu(sum).last(), once.node);
}

#[test]
fn clamps_are_composed() {
    for (first, next, all) in
        [([0.0, 6.0], [-1.0, 4.0], [0.0, 4.0]), ([0.0, 1.0], [2.0, 3.0], [2.0, 2.0])]
    {
        let clamp = |[low, high]: [f32; 2]| Activation::Clamp(low, high);
        assert_eq!(composed(clamp(first), clamp(next)), Some(clamp(all)));
        for v in [-2.0f32, 0.5, 2.5, 9.0] {
            let one_by_one = v.max(first[0]).min(first[1]).max(next[0]).min(next[1]);
            assert_eq!(v.max(all[0]).min(all[1]), one_by_one);
        }
    }
    assert_eq!(composed(Activation::Tanh, Activation::Clamp(0.0, 1.0)), None);
    assert_eq!(composed(Activation::Clamp(0.0, 1.0), Activation::Tanh), None);
}

#[test]
fn what_is_read_twice_or_is_an_output_stays() {
    let mut g = Graph::new();
    let sum = g.conv(g.input);
    let (a, b) = (g.max(sum, 0.0), g.min(sum, 0.0));
    g.outputs(&[a, b]);
    assert_eq!(g.on_cpu(sum).parts, []);

    let mut g = Graph::new();
    let sum = g.conv(g.input);
    let clamped = g.max(sum, 0.0);
    g.outputs(&[sum, clamped]);
    assert_eq!(g.on_cpu(sum).parts, []);

    let mut g = Graph::new();
    let sum = g.conv(g.input);
    let doubled = g.add(sum, sum);
    g.outputs(&[doubled]);
    assert_eq!(g.on_cpu(sum).parts, []);
}

#[test]
fn an_addition_that_broadcasts_is_no_skip_connection() {
    let mut g = Graph::new();
    let sum = g.conv(g.input);
    let column = g.model.add_source("column", f32::fact([1, 3, 4, 1])).unwrap();
    let added = g.add(sum, column);
    g.outputs(&[added]);
    assert_eq!(g.on_cpu(sum).parts, []);
}

#[test]
fn a_backend_gets_what_it_is_able_to() {
    let mut g = Graph::new();
    let sum = g.conv(g.input);
    let clamped = g.max(sum, 0.0);
    let added = g.add(clamped, g.input);
    g.outputs(&[added]);
    // Without clamps nothing can follow them either.
    assert_eq!(Fusion::of(&g.model, sum.node, &Abilities::default()).unwrap().parts, []);

    let mut g = Graph::new();
    let sum = g.conv(g.input);
    let squashed = g.wire(nn::sigmoid(), &[sum]);
    g.outputs(&[squashed]);
    assert_eq!(g.on_cpu(sum).parts, []);
    #[cfg(feature = "gpu")]
    assert_eq!(g.with_all(sum).activation, Activation::Sigmoid);
}

#[cfg(feature = "gpu")]
#[test]
fn scale_and_bias_come_first() {
    let mut g = Graph::new();
    let sum = g.conv(g.input);
    let (scale, bias) = (g.constant(&[1, 3, 1, 1], 2.0), g.constant(&[1, 3, 1, 1], 3.0));
    let scaled = g.wire(math::mul(), &[scale, sum]);
    let shifted = g.add(scaled, bias);
    let clamped = g.max(shifted, 0.0);
    let late = g.add(clamped, bias);
    g.outputs(&[late]);
    let steps: Vec<Step> = g.with_all(sum).parts.iter().map(|part| part.step).collect();
    let clamp = Step::Activation(Activation::Clamp(0.0, f32::INFINITY));
    assert_eq!(steps, [Step::Scale(scale), Step::Bias(bias), clamp]);
    assert_eq!(g.on_cpu(sum).parts, [], "the CPU has no constants");
}

#[cfg(feature = "gpu")]
#[test]
fn a_change_of_shape_is_passed_and_a_move_is_not() {
    let dims = |v: &[usize]| v.iter().map(|d| d.to_dim()).collect::<TVec<TDim>>();
    let mut g = Graph::new();
    let sum = g.conv(g.input);
    let flat = g.wire(AxisOp::Reshape(2, dims(&[4, 5]), dims(&[20, 1])), &[sum]);
    let clamped = g.max(flat, 0.0);
    let moved = g.wire(AxisOp::Move(1, 2), &[clamped]);
    let late = g.max(moved, 1.0);
    g.outputs(&[late]);
    assert_eq!(g.with_all(sum).last(), clamped.node);
    assert_eq!(g.on_cpu(sum).parts, []);
}

#[cfg(feature = "gpu")]
#[test]
fn an_addition_of_two_sums_becomes_part_of_the_first() {
    let mut g = Graph::new();
    let (a, b) = (g.conv(g.input), g.conv(g.input));
    let added = g.add(b, a);
    let clamped = g.max(added, 0.0);
    g.outputs(&[clamped]);
    let all = fusions(&g.model, |node| node.op_is::<Conv>(), &g.all()).unwrap();
    let mut parts: Vec<usize> = all.iter().map(|fusion| fusion.parts.len()).collect();
    parts.sort_unstable();
    assert_eq!(parts, [0, 2]);
    let by_node = by_node(all);
    assert_eq!(by_node.keys().copied().collect::<Vec<_>>(), [added.node, clamped.node]);
}

#[cfg(feature = "gpu")]
#[test]
fn given_inputs_are_constants_whatever_their_axes() {
    let mut g = Graph::new();
    let given = g.model.add_source("given", f32::fact([1, 3])).unwrap();
    let widened = g.wire(AxisOp::Add(2), &[given]);
    let widened = g.wire(AxisOp::Add(3), &[widened]);
    let sum = g.conv(g.input);
    let shifted = g.add(sum, widened);
    g.outputs(&[shifted]);
    let known = constants(&g.model, &[given]).unwrap();
    assert!(known.contains(&widened) && !known.contains(&g.input) && !known.contains(&sum));
}
