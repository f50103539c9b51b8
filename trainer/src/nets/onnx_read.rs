//! Reads back the weights of graphs that [`super::onnx`] wrote and `quantise` may have quantised.

use prost::Message;
use tract_onnx::pb::{GraphProto, ModelProto, TensorProto, tensor_proto::DataType};

use super::onnx::Weights;

/// Weights and bias of a convolution.
#[derive(Clone, Debug, PartialEq)]
pub struct Convolution {
    /// `[out, in, height, width]`.
    pub weight: Weights,
    /// One value per output map.
    pub bias: Vec<f32>,
}

/// The convolutions of the graph `onnx` in order of execution, 8-bit weights dequantised.
///
/// # Errors
/// A message that says what is wrong with the graph.
pub fn convolutions(onnx: &[u8]) -> Result<Vec<Convolution>, String> {
    let model = ModelProto::decode(onnx).map_err(|e| e.to_string())?;
    let graph = model.graph.ok_or("no graph")?;
    let of_node = |inputs: &[String]| match inputs {
        [_, weight, bias] => Ok(Convolution {
            weight: widened(&graph, weight)?,
            bias: floats(tensor(&graph, bias)?)?,
        }),
        _ => Err("a convolution without weights or bias".to_owned()),
    };
    graph.node.iter().filter(|n| n.op_type == "Conv").map(|n| of_node(&n.input)).collect()
}

/// The weights called `name`: floats, or 8-bit integers with one scale per output channel.
fn widened(graph: &GraphProto, name: &str) -> Result<Weights, String> {
    let makes_it = |n: &&tract_onnx::pb::NodeProto| n.output.iter().any(|o| o == name);
    let Some(node) = graph.node.iter().find(makes_it) else {
        let tensor = tensor(graph, name)?;
        return Ok(Weights { shape: shape(tensor)?, values: floats(tensor)? });
    };
    let ("DequantizeLinear", [codes, scales, _]) = (&*node.op_type, &node.input[..]) else {
        return Err(format!("weights {name} are computed by {}", node.op_type));
    };
    let (codes, scales) = (tensor(graph, codes)?, floats(tensor(graph, scales)?)?);
    let shape = shape(codes)?;
    let count: usize = shape.iter().product();
    if codes.data_type != DataType::Int8 as i32
        || codes.raw_data.len() != count
        || scales.len() != shape.first().copied().unwrap_or(0)
        || count == 0
    {
        return Err(format!("weights {name} are not 8-bit integers with one scale per channel"));
    }
    let per_channel = count / scales.len();
    let value = |(i, &code): (usize, &u8)| f32::from(code as i8) * scales[i / per_channel];
    Ok(Weights { values: codes.raw_data.iter().enumerate().map(value).collect(), shape })
}

fn tensor<'a>(graph: &'a GraphProto, name: &str) -> Result<&'a TensorProto, String> {
    let found = graph.initializer.iter().find(|t| t.name == name);
    found.ok_or_else(|| format!("no constant {name}"))
}

fn shape(tensor: &TensorProto) -> Result<Vec<usize>, String> {
    let axis = |&d: &i64| usize::try_from(d).map_err(|e| format!("{}: {e}", tensor.name));
    tensor.dims.iter().map(axis).collect()
}

fn floats(tensor: &TensorProto) -> Result<Vec<f32>, String> {
    let count: usize = shape(tensor)?.iter().product();
    if tensor.data_type != DataType::Float as i32 || tensor.raw_data.len() != 4 * count {
        return Err(format!("{} does not hold plain floats", tensor.name));
    }
    let value = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    Ok(tensor.raw_data.chunks_exact(4).map(value).collect())
}
