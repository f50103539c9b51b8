//! 8-bit weights of a graph, removed before tract reads it.
//!
//! The graph has them as integers before a `DequantizeLinear` with one scale per output channel. tract would dequantise
//! them value by value and copy the result several times, which took more than half of a model's loading time. Instead
//! they become inputs of the graph, and convolutions get their values when they are packed for the processor.

use std::collections::{BTreeMap, BTreeSet};

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::type_proto::{self, Value};
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto, TypeProto, ValueInfoProto};

/// By name of the value.
#[derive(Debug, Default)]
pub(crate) struct Weights(BTreeMap<String, Codes>);

/// The weights of one layer.
#[derive(Debug)]
struct Codes {
    dims: Vec<i64>,
    /// Signed, a channel after the other.
    codes: Vec<u8>,
    /// One per channel.
    scales: Vec<f32>,
    /// Whether convolutions read them, as their weights, and whether others do.
    by_convolutions: bool,
    by_others: bool,
}

impl Codes {
    fn widened(&self) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.codes.len());
        let channels = self.codes.chunks_exact(self.codes.len() / self.scales.len());
        for (codes, scale) in channels.zip(&self.scales) {
            values.extend(codes.iter().map(|&code| f32::from(code as i8) * scale));
        }
        values
    }
}

impl Weights {
    /// Takes every `DequantizeLinear` out of `graph` whose inputs are signed 8-bit integers of the graph itself, symmetric around
    /// zero. Whatever is otherwise, or does not fit, is left to the engine, which judges it.
    pub(crate) fn take(graph: &mut GraphProto) -> Self {
        let names: BTreeMap<String, usize> =
            graph.initializer.iter().enumerate().map(|(i, t)| (t.name.clone(), i)).collect();
        let mut taken = Self::default();
        let constants = &graph.initializer;
        graph.node.retain(|node| match codes(node, constants, &names) {
            Some(codes) => {
                taken.0.insert(node.output[0].clone(), codes);
                false
            }
            None => true,
        });
        drop_unread(graph);
        for output in &graph.output {
            taken.read(&output.name, false);
        }
        for node in &graph.node {
            for (i, input) in node.input.iter().enumerate() {
                taken.read(input, (&node.op_type[..], i) == ("Conv", 1));
            }
        }
        taken.0.retain(|_, codes| codes.by_convolutions || codes.by_others);
        taken
    }

    fn read(&mut self, name: &str, by_convolution: bool) {
        if let Some(codes) = self.0.get_mut(name) {
            codes.by_convolutions |= by_convolution;
            codes.by_others |= !by_convolution;
        }
    }

    /// Gives `graph` the weights that others than convolutions read; the others become its last inputs, and stay here.
    pub(crate) fn ask_for(&mut self, graph: &mut GraphProto) {
        self.put_back(graph, |codes| codes.by_others);
        for name in self.0.keys() {
            let elem_type = DataType::Float as i32;
            let value = Some(Value::TensorType(type_proto::Tensor { elem_type, shape: None }));
            let kind = Some(TypeProto { value, ..TypeProto::default() });
            let (name, doc_string) = (name.clone(), String::new());
            graph.input.push(ValueInfoProto { name, r#type: kind, doc_string });
        }
    }

    /// Shapes of what the graph is asked for, in the order of its inputs.
    pub(crate) fn shapes(&self) -> impl Iterator<Item = Vec<usize>> {
        self.0.values().map(|codes| codes.dims.iter().map(|&d| d as usize).collect())
    }

    /// Gives `graph` all weights, widened.
    #[cfg(feature = "gpu")]
    pub(crate) fn put_all_back(mut self, graph: &mut GraphProto) {
        self.put_back(graph, |_| true);
    }

    fn put_back(&mut self, graph: &mut GraphProto, wanted: impl Fn(&Codes) -> bool) {
        self.0.retain(|name, codes| {
            if wanted(codes) {
                let raw_data = codes.widened().into_iter().flat_map(f32::to_le_bytes).collect();
                let dims = codes.dims.clone();
                graph.initializer.push(tensor(name.clone(), DataType::Float, dims, raw_data));
            }
            !wanted(codes)
        });
    }

    /// The weights that the graph calls `name`.
    pub(crate) fn get(&self, name: &str) -> Option<Vec<f32>> {
        self.0.get(name).map(Codes::widened)
    }
}

/// What only the taken nodes read is not read any more.
fn drop_unread(graph: &mut GraphProto) {
    let mut read: BTreeSet<&str> = BTreeSet::new();
    read.extend(graph.node.iter().flat_map(|node| &node.input).map(String::as_str));
    read.extend(graph.output.iter().chain(&graph.input).map(|value| &value.name[..]));
    graph.initializer.retain(|tensor| read.contains(&tensor.name[..]));
}

fn tensor(name: String, kind: DataType, dims: Vec<i64>, raw_data: Vec<u8>) -> TensorProto {
    TensorProto { name, data_type: kind as i32, dims, raw_data, ..TensorProto::default() }
}

/// What `node` widens.
fn codes(
    node: &NodeProto,
    constants: &[TensorProto],
    names: &BTreeMap<String, usize>,
) -> Option<Codes> {
    let ([codes, scales, zeros @ ..], [_]) = (&node.input[..], &node.output[..]) else {
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
    let scales = scales.raw_data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    let (dims, codes) = (codes.dims.clone(), codes.raw_data.clone());
    Some(Codes { dims, codes, scales, by_convolutions: false, by_others: false })
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

    /// As a layer reads them, which is the one node that is left.
    fn read_by(kind: &str, graph: &mut GraphProto) {
        let input = ["image", "weights"].map(str::to_owned).to_vec();
        let (op_type, output) = (kind.to_owned(), vec!["out".to_owned()]);
        graph.node.push(NodeProto { op_type, input, output, ..NodeProto::default() });
    }

    const WANTED: [f32; 6] = [0.5, -63.5, 0.0, -4.0, -6.0, 8.0];

    #[test]
    fn a_convolution_gets_codes_as_numbers_of_their_channel() {
        let mut graph = graph(0);
        read_by("Conv", &mut graph);
        let mut weights = Weights::take(&mut graph);
        weights.ask_for(&mut graph);
        assert_eq!(weights.get("weights"), Some(WANTED.to_vec()));
        assert_eq!(weights.shapes().collect::<Vec<_>>(), [vec![2, 3]]);
        let names: Vec<&str> = graph.input.iter().map(|input| &input.name[..]).collect();
        assert_eq!((names, graph.node.len(), graph.initializer.len()), (vec!["weights"], 1, 0));
    }

    #[test]
    fn others_get_the_numbers_themselves() {
        let mut graph = graph(0);
        read_by("Add", &mut graph);
        let mut weights = Weights::take(&mut graph);
        weights.ask_for(&mut graph);
        assert_eq!((weights.get("weights"), graph.node.len()), (None, 1));
        assert!(graph.input.is_empty());
        let weights = graph.initializer.last().unwrap();
        assert_eq!((&weights.name[..], &weights.dims[..]), ("weights", &[2, 3][..]));
        assert_eq!(weights.raw_data, WANTED.map(f32::to_le_bytes).as_flattened());
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
            assert!(Weights::take(&mut other).0.is_empty(), "change {i}");
            assert_eq!(other.node.len(), 1, "change {i}");
        }
        let mut shifted = graph(7);
        assert!(Weights::take(&mut shifted).0.is_empty());
        assert_eq!(shifted.node.len(), 1);
    }
}
