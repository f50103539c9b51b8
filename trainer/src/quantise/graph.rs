//! Quantises the weights of a graph to 8-bit integers with one scale per output channel, followed by
//! `DequantizeLinear`: a quarter of the size, and readable by any ONNX runtime.

use fiducia::{Error, ErrorKind};
use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, attribute_proto::AttributeType,
    tensor_proto::DataType,
};

/// Largest code; −128 is not used, so that the range is symmetric.
const LARGEST: f32 = 127.0;

/// The graph `onnx` with 8-bit convolution weights.
///
/// # Errors
/// [`ErrorKind::Unreadable`] where `onnx` is not an ONNX graph.
pub(super) fn quantised(onnx: &[u8], name: &str) -> Result<Vec<u8>, Error> {
    let unreadable = |what: String| Error::new(ErrorKind::Unreadable, format!("{name}: {what}"));
    let mut model = ModelProto::decode(onnx).map_err(|e| unreadable(e.to_string()))?;
    let graph = model.graph.as_mut().ok_or_else(|| unreadable("no graph".into()))?;
    let weights: Vec<String> = graph
        .node
        .iter()
        .filter(|node| node.op_type == "Conv")
        .filter_map(|node| node.input.get(1).cloned())
        .collect();
    let mut widened = Vec::new();
    for weight in weights {
        widened.extend(replace(graph, &weight));
    }
    // Nodes are in order of execution.
    graph.node.splice(0..0, widened);
    Ok(model.encode_to_vec())
}

/// Replaces the initialiser `weight`, if it is one, by integers and scales; returns the node that dequantises
/// them.
fn replace(graph: &mut GraphProto, weight: &str) -> Option<NodeProto> {
    let at = graph.initializer.iter().position(|t| t.name == weight)?;
    let tensor = &graph.initializer[at];
    let channels = usize::try_from(*tensor.dims.first()?).ok().filter(|&n| n > 0)?;
    if tensor.data_type != DataType::Float as i32 || tensor.raw_data.is_empty() {
        return None;
    }
    let values: Vec<f32> = tensor
        .raw_data
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect();
    let (mut codes, mut scales) = (Vec::with_capacity(values.len()), Vec::new());
    for row in values.chunks_exact(values.len() / channels) {
        let largest = row.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        let scale = if largest > 0.0 { largest / LARGEST } else { 1.0 };
        scales.push(scale);
        codes.extend(row.iter().map(|v| (v / scale).round().clamp(-LARGEST, LARGEST) as i8 as u8));
    }
    let [integers, scale, zero] = ["int8", "scale", "zero"].map(|part| format!("{weight}_{part}"));
    let dims = tensor.dims.clone();
    let initialiser = |name: &str, dims: Vec<i64>, kind: DataType, raw_data: Vec<u8>| TensorProto {
        name: name.to_owned(),
        dims,
        data_type: kind as i32,
        raw_data,
        ..TensorProto::default()
    };
    let scale_bytes = scales.iter().flat_map(|s| s.to_le_bytes()).collect();
    let per_channel = vec![channels as i64];
    graph.initializer[at] = initialiser(&integers, dims, DataType::Int8, codes);
    graph.initializer.push(initialiser(&scale, per_channel.clone(), DataType::Float, scale_bytes));
    graph.initializer.push(initialiser(&zero, per_channel, DataType::Int8, vec![0; channels]));
    Some(NodeProto {
        name: format!("widen_{weight}"),
        op_type: "DequantizeLinear".to_owned(),
        input: vec![integers, scale, zero],
        output: vec![weight.to_owned()],
        attribute: vec![AttributeProto {
            name: "axis".to_owned(),
            r#type: AttributeType::Int as i32,
            i: 0,
            ..AttributeProto::default()
        }],
        ..NodeProto::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::onnx::{ConvShape, GraphBuilder, Weights};

    /// Three output channels of very different magnitude, two input channels.
    fn weights() -> Vec<f32> {
        (0..3 * 2 * 9).map(|i| (i as f32 * 0.7).sin() * [0.01, 1.0, 30.0][i / 18]).collect()
    }

    fn graph() -> Vec<u8> {
        let mut g = GraphBuilder::new("one");
        let x = g.input("x", &[Some(1), Some(2), Some(6), Some(6)]);
        let weight = Weights { shape: vec![3, 2, 3, 3], values: weights() };
        let y = g.conv(&x, weight, vec![0.5, -1.0, 2.0], ConvShape::same(3, 1));
        g.output(&y, "y", &[Some(1), Some(3), Some(6), Some(6)]);
        g.finish()
    }

    fn run(bytes: &[u8]) -> Vec<f32> {
        use tract_onnx::prelude::*;
        let model = tract_onnx::onnx().model_for_read(&mut &*bytes).unwrap();
        let plan = model.into_optimized().unwrap().into_runnable().unwrap();
        let x: Vec<f32> = (0..72).map(|i| (i as f32 * 0.37).cos()).collect();
        let x = Tensor::from_shape(&[1, 2, 6, 6], &x).unwrap();
        let y = plan.run(tvec![x.into()]).unwrap();
        y[0].try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec()
    }

    #[test]
    fn every_channel_keeps_its_precision() {
        let (whole, quantised) = (run(&graph()), run(&quantised(&graph(), "one").unwrap()));
        for (channel, largest) in [0.01f32, 1.0, 30.0].into_iter().enumerate() {
            let part = channel * 36..(channel + 1) * 36;
            let off = whole[part.clone()].iter().zip(&quantised[part]).map(|(a, b)| (a - b).abs());
            // Sum of 18 products of weights with rounding error and inputs of at most 1.
            let worst = off.fold(0.0, f32::max);
            assert!(worst > 0.0 && worst <= 18.0 * largest / LARGEST / 2.0, "{channel}: {worst}");
        }
    }

    #[test]
    fn what_is_no_graph_is_an_error() {
        assert!(quantised(b"\xff\xff", "backbone").unwrap_err().to_string().contains("backbone"));
    }
}
