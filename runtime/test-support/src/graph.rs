//! Writes the few ONNX nodes that the toy model needs.

use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, tensor_shape_proto, type_proto,
};

/// `TensorProto.DataType.FLOAT` of the ONNX standard.
const FLOAT: i32 = 1;
/// `AttributeProto.AttributeType.INTS`.
const INTS: i32 = 7;
/// The ONNX operator set of tract and the trainer.
const OPSET: i64 = 17;

/// The bytes of an ONNX model with these outputs.
pub fn model(
    inputs: &[(&str, &[usize])],
    constants: Vec<TensorProto>,
    nodes: Vec<NodeProto>,
    outputs: &[&str],
) -> Vec<u8> {
    let output = |name: &&str| ValueInfoProto { name: (*name).into(), ..Default::default() };
    let graph = GraphProto {
        name: "toy".into(),
        node: nodes,
        initializer: constants,
        input: inputs.iter().map(|(name, shape)| value(name, shape)).collect(),
        output: outputs.iter().map(output).collect(),
        ..Default::default()
    };
    ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        graph: Some(graph),
        ..Default::default()
    }
    .encode_to_vec()
}

/// An initialiser in f32.
pub fn constant(name: &str, shape: &[usize], values: &[f32]) -> TensorProto {
    assert_eq!(shape.iter().product::<usize>(), values.len());
    TensorProto {
        name: name.into(),
        dims: shape.iter().map(|&d| d as i64).collect(),
        data_type: FLOAT,
        raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..Default::default()
    }
}

/// A node without attributes.
pub fn node(op: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: op.into(),
        name: output.into(),
        input: inputs.iter().map(|&i| i.into()).collect(),
        output: vec![output.into()],
        ..Default::default()
    }
}

/// A convolution with the same stride and padding all around.
pub fn conv(inputs: &[&str], output: &str, stride: i64, pad: i64) -> NodeProto {
    let ints = |name: &str, ints: Vec<i64>| AttributeProto {
        name: name.into(),
        r#type: INTS,
        ints,
        ..Default::default()
    };
    let attribute = vec![ints("strides", vec![stride; 2]), ints("pads", vec![pad; 4])];
    NodeProto { attribute, ..node("Conv", inputs, output) }
}

fn value(name: &str, shape: &[usize]) -> ValueInfoProto {
    let dim = |&d: &usize| tensor_shape_proto::Dimension {
        value: Some(tensor_shape_proto::dimension::Value::DimValue(d as i64)),
        ..Default::default()
    };
    let tensor = type_proto::Tensor {
        elem_type: FLOAT,
        shape: Some(TensorShapeProto { dim: shape.iter().map(dim).collect() }),
    };
    let value = Some(type_proto::Value::TensorType(tensor));
    let r#type = Some(TypeProto { value, ..Default::default() });
    ValueInfoProto { name: name.into(), r#type, ..Default::default() }
}
