//! Builds ONNX graphs from the few operators that fiducia's networks need.

use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto::AttributeType,
    tensor_proto::DataType, tensor_shape_proto, type_proto,
};

/// Operator set of the graphs; all common runtimes support it.
const OPSET: i64 = 17;
/// Version of the ONNX file format that belongs to [`OPSET`].
const IR_VERSION: i64 = 8;

/// A constant tensor: shape and values in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// Shape; for a convolution `[out, in / groups, height, width]`.
    pub shape: Vec<usize>,
    /// Values, row-major.
    pub values: Vec<f32>,
}

/// Stride, zero padding `[top, left, bottom, right]` and groups of a convolution.
#[derive(Clone, Copy, Debug)]
pub struct ConvShape {
    /// Step in x and y.
    pub stride: usize,
    /// Zero pixels added at the top, left, bottom and right.
    pub padding: [usize; 4],
    /// Channel groups.
    pub groups: usize,
}

impl ConvShape {
    /// "Same" padding of an odd kernel: output size `ceil(size / stride)`, equal padding on all sides.
    pub fn same(kernel: usize, stride: usize) -> Self {
        Self { stride, padding: [kernel / 2; 4], groups: 1 }
    }
}

/// Builds a graph node by node; every method returns the name of its output.
#[derive(Debug, Default)]
pub struct GraphBuilder {
    graph: GraphProto,
    nodes: usize,
}

impl GraphBuilder {
    /// An empty graph called `name`.
    pub fn new(name: &str) -> Self {
        Self { graph: GraphProto { name: name.to_owned(), ..GraphProto::default() }, nodes: 0 }
    }

    /// Declares an `f32` input; `None` marks a dynamic axis.
    pub fn input(&mut self, name: &str, shape: &[Option<usize>]) -> String {
        self.graph.input.push(value_info(name, shape));
        name.to_owned()
    }

    /// Declares `value` an output of this shape.
    pub fn output(&mut self, value: &str, name: &str, shape: &[Option<usize>]) {
        self.graph.node.push(NodeProto {
            input: vec![value.to_owned()],
            output: vec![name.to_owned()],
            name: name.to_owned(),
            op_type: "Identity".to_owned(),
            ..NodeProto::default()
        });
        self.graph.output.push(value_info(name, shape));
    }

    /// Two-dimensional convolution with a bias.
    pub fn conv(&mut self, x: &str, weight: Weights, bias: Vec<f32>, shape: ConvShape) -> String {
        let kernel = [weight.shape[2] as i64, weight.shape[3] as i64];
        let bias = Weights { shape: vec![bias.len()], values: bias };
        let (w, b) = (self.constant(weight), self.constant(bias));
        let attributes = vec![
            ints("kernel_shape", &kernel),
            ints("strides", &[shape.stride as i64; 2]),
            ints("pads", &shape.padding.map(|p| p as i64)),
            int("group", shape.groups as i64),
        ];
        self.node("Conv", &[x, &w, &b], attributes)
    }

    /// ReLU: `max(x, 0)`.
    pub fn relu(&mut self, x: &str) -> String {
        self.node("Relu", &[x], vec![])
    }

    /// ReLU6: `x` clamped to 0 … 6.
    pub fn relu6(&mut self, x: &str) -> String {
        let (low, high) = (self.scalar(0.0), self.scalar(6.0));
        self.node("Clip", &[x, &low, &high], vec![])
    }

    /// Sum of two values with broadcasting.
    pub fn add(&mut self, a: &str, b: &str) -> String {
        self.node("Add", &[a, b], vec![])
    }

    /// Product of two values with broadcasting.
    pub fn mul(&mut self, a: &str, b: &str) -> String {
        self.node("Mul", &[a, b], vec![])
    }

    /// Matrix product over the last two axes.
    pub fn matmul(&mut self, a: &str, b: &str) -> String {
        self.node("MatMul", &[a, b], vec![])
    }

    /// Doubles height and width by repeating each pixel (nearest neighbour).
    pub fn upsample2(&mut self, x: &str) -> String {
        let scales = self.constant(Weights { shape: vec![4], values: vec![1.0, 1.0, 2.0, 2.0] });
        let attributes = vec![
            text("mode", "nearest"),
            text("coordinate_transformation_mode", "asymmetric"),
            text("nearest_mode", "floor"),
        ];
        self.node("Resize", &[x, "", &scales], attributes)
    }

    /// Average pooling over adjacent blocks of `size` × `size`; an incomplete block at the right or bottom is
    /// ignored.
    pub fn mean_pool(&mut self, x: &str, size: usize) -> String {
        let sizes = [size as i64; 2];
        let attributes = vec![ints("kernel_shape", &sizes), ints("strides", &sizes)];
        self.node("AveragePool", &[x], attributes)
    }

    /// Zero padding of the last two of four axes.
    pub fn pad(&mut self, x: &str, by: i64) -> String {
        let pads = self.integers(&[0, 0, by, by, 0, 0, by, by]);
        self.node("Pad", &[x, &pads], vec![text("mode", "constant")])
    }

    /// `length` entries of axis `axis`, starting at `start`.
    pub fn slice(&mut self, x: &str, axis: usize, start: usize, length: usize) -> String {
        let starts = self.integers(&[start as i64]);
        let ends = self.integers(&[(start + length) as i64]);
        let axes = self.integers(&[axis as i64]);
        self.node("Slice", &[x, &starts, &ends, &axes], vec![])
    }

    /// Reshapes the value; `0` keeps an axis, `-1` is inferred.
    pub fn reshape(&mut self, x: &str, shape: &[i64]) -> String {
        let shape = self.integers(shape);
        self.node("Reshape", &[x, &shape], vec![])
    }

    /// `[n, c · b · b, h, w]` to `[n, c, h · b, w · b]`, channel `c · b · b + i · b + j` at `(i, j)` of each block.
    pub fn depth_to_space(&mut self, x: &str, block: usize) -> String {
        self.node("DepthToSpace", &[x], vec![int("blocksize", block as i64), text("mode", "CRD")])
    }

    /// The finished model, serialised.
    pub fn finish(self) -> Vec<u8> {
        let model = ModelProto {
            ir_version: IR_VERSION,
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
            producer_name: "fiducia".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(self.graph),
            ..ModelProto::default()
        };
        model.encode_to_vec()
    }

    fn integers(&mut self, values: &[i64]) -> String {
        let name = format!("i{}", self.graph.initializer.len());
        self.graph.initializer.push(TensorProto {
            dims: vec![values.len() as i64],
            data_type: DataType::Int64 as i32,
            name: name.clone(),
            raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            ..TensorProto::default()
        });
        name
    }

    fn constant(&mut self, weights: Weights) -> String {
        let name = format!("w{}", self.graph.initializer.len());
        self.graph.initializer.push(TensorProto {
            dims: weights.shape.iter().map(|&d| d as i64).collect(),
            data_type: DataType::Float as i32,
            name: name.clone(),
            raw_data: weights.values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            ..TensorProto::default()
        });
        name
    }

    fn scalar(&mut self, value: f32) -> String {
        self.constant(Weights { shape: vec![], values: vec![value] })
    }

    fn node(&mut self, op: &str, inputs: &[&str], attribute: Vec<AttributeProto>) -> String {
        self.nodes += 1;
        let name = format!("{}{}", op.to_lowercase(), self.nodes);
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|&s| s.to_owned()).collect(),
            output: vec![name.clone()],
            name: name.clone(),
            op_type: op.to_owned(),
            attribute,
            ..NodeProto::default()
        });
        name
    }
}

fn value_info(name: &str, shape: &[Option<usize>]) -> ValueInfoProto {
    use tensor_shape_proto::{Dimension, dimension::Value};
    let axis = |length: &Option<usize>| Dimension {
        value: Some(
            length.map_or_else(|| Value::DimParam("n".to_owned()), |l| Value::DimValue(l as i64)),
        ),
        ..Dimension::default()
    };
    let tensor = type_proto::Tensor {
        elem_type: DataType::Float as i32,
        shape: Some(TensorShapeProto { dim: shape.iter().map(axis).collect() }),
    };
    let r#type =
        TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() };
    ValueInfoProto { name: name.to_owned(), r#type: Some(r#type), ..ValueInfoProto::default() }
}

fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Int as i32,
        i,
        ..AttributeProto::default()
    }
}

fn ints(name: &str, values: &[i64]) -> AttributeProto {
    let ints = values.to_vec();
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Ints as i32,
        ints,
        ..AttributeProto::default()
    }
}

fn text(name: &str, value: &str) -> AttributeProto {
    let s = value.as_bytes().to_vec();
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::String as i32,
        s,
        ..AttributeProto::default()
    }
}
