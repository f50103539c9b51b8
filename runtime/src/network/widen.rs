//! 8-bit weights of a graph, widened before the graph is compiled.
//!
//! They stand in it as integers behind a `DequantizeLinear` with one scale per output channel. tract would widen them too,
//! but walks tensors of unequal shape value by value: that was more than half of the time that a model takes to load.

use std::collections::BTreeMap;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

/// Replaces every `DequantizeLinear` whose inputs are signed 8-bit integers of the graph itself, symmetric around zero, by
/// its values. Whatever is otherwise, or does not fit, is left to the engine, which judges it.
pub(super) fn widen(graph: &mut GraphProto) {
    let names: BTreeMap<String, usize> =
        graph.initializer.iter().enumerate().map(|(i, t)| (t.name.clone(), i)).collect();
    let mut wide = Vec::new();
    graph.node.retain(|node| match widened(node, &graph.initializer, &names) {
        Some(tensor) => {
            wide.push(tensor);
            false
        }
        None => true,
    });
    graph.initializer.extend(wide);
}

/// The values of `node` under the name of its output.
fn widened(
    node: &NodeProto,
    constants: &[TensorProto],
    names: &BTreeMap<String, usize>,
) -> Option<TensorProto> {
    let ([codes, scales, zeros @ ..], [output]) = (&node.input[..], &node.output[..]) else {
        return None;
    };
    let first_axis = node.attribute.iter().all(|a| a.name == "axis" && a.i == 0);
    if node.op_type != "DequantizeLinear" || node.attribute.is_empty() || !first_axis {
        return None;
    }
    let constant = |name: &String| names.get(name).map(|&i| &constants[i]);
    let (codes, scales) = (constant(codes)?, constant(scales)?);
    let kinds = [codes.data_type, scales.data_type];
    // An empty `raw_data` means values elsewhere, which need not be zero.
    let symmetric = zeros.iter().all(|name| {
        constant(name).is_some_and(|z| !z.raw_data.is_empty() && z.raw_data.iter().all(|b| *b == 0))
    });
    if kinds != [DataType::Int8 as i32, DataType::Float as i32] || !symmetric {
        return None;
    }
    let channels = scales.raw_data.len() / 4;
    let len =
        codes.dims.iter().try_fold(1usize, |n, &d| n.checked_mul(usize::try_from(d).ok()?))?;
    let fit = channels > 0
        && codes.dims.first() == Some(&(channels as i64))
        && codes.raw_data.len() == len
        && scales.raw_data.len() == 4 * channels;
    if !fit || len == 0 {
        return None;
    }
    let scales =
        scales.raw_data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let mut raw_data = Vec::with_capacity(4 * len);
    for (codes, scale) in codes.raw_data.chunks_exact(len / channels).zip(scales) {
        for &code in codes {
            raw_data.extend((f32::from(code as i8) * scale).to_le_bytes());
        }
    }
    Some(TensorProto {
        dims: codes.dims.clone(),
        data_type: DataType::Float as i32,
        name: output.clone(),
        raw_data,
        ..TensorProto::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::AttributeProto;

    fn tensor(name: &str, kind: DataType, dims: &[i64], raw_data: Vec<u8>) -> TensorProto {
        let (name, dims, data_type) = (name.to_owned(), dims.to_vec(), kind as i32);
        TensorProto { name, dims, data_type, raw_data, ..TensorProto::default() }
    }

    /// Two channels of three codes, scales 0.5 and -2.
    fn graph(zero: u8) -> GraphProto {
        let scales = [0.5f32, -2.0].iter().flat_map(|s| s.to_le_bytes()).collect();
        let axis = AttributeProto { name: "axis".to_owned(), ..AttributeProto::default() };
        let input = ["codes", "scales", "zeros"].map(str::to_owned).to_vec();
        let node = NodeProto {
            op_type: "DequantizeLinear".to_owned(),
            input,
            output: vec!["weights".to_owned()],
            attribute: vec![axis],
            ..NodeProto::default()
        };
        let codes = [1i8, -127, 0, 2, 3, -4].iter().map(|c| *c as u8).collect();
        GraphProto {
            node: vec![node],
            initializer: vec![
                tensor("codes", DataType::Int8, &[2, 3], codes),
                tensor("scales", DataType::Float, &[2], scales),
                tensor("zeros", DataType::Int8, &[2], vec![0, zero]),
            ],
            ..GraphProto::default()
        }
    }

    #[test]
    fn codes_become_numbers_of_their_channel() {
        let mut graph = graph(0);
        widen(&mut graph);
        assert!(graph.node.is_empty());
        let weights = graph.initializer.last().unwrap();
        let wanted = [0.5f32, -63.5, 0.0, -4.0, -6.0, 8.0].map(f32::to_le_bytes);
        assert_eq!((&weights.name[..], &weights.dims[..]), ("weights", &[2, 3][..]));
        assert_eq!(weights.raw_data, wanted.as_flattened());
    }

    #[test]
    fn what_is_otherwise_is_left_to_the_engine() {
        let changes: [fn(&mut GraphProto); 6] = [
            |g| g.node[0].attribute[0].i = 1,
            |g| g.node[0].attribute.clear(),
            |g| g.initializer[0].data_type = DataType::Uint8 as i32,
            |g| g.initializer[0].dims = vec![3, 2],
            |g| g.initializer[0].raw_data.truncate(5),
            |g| g.node[0].input[1] = "elsewhere".to_owned(),
        ];
        for (i, change) in changes.iter().enumerate() {
            let mut other = graph(0);
            change(&mut other);
            widen(&mut other);
            assert_eq!((other.node.len(), other.initializer.len()), (1, 3), "change {i}");
        }
        let mut shifted = graph(7);
        widen(&mut shifted);
        assert_eq!(shifted.node.len(), 1);
    }
}
