//! The exported graphs in another runtime: onnxruntime (a Python package) must agree with tract on the shipped
//! models, quantised graphs included. Skipped where Python or onnxruntime is missing.

use std::path::Path;
use std::process::Command;

use fiducia::Pack;
use fiducia::pack::SectionKind;
use fiducia_test_support::skip;
use tract_onnx::prelude::*;

/// Largest difference of logits between two runtimes, f32.
const TOLERANCE: f32 = 2e-3;

/// Reads a graph and inputs of known shape, writes the first output; all as raw little-endian f32.
const SCRIPT: &str = "
import sys, json
import numpy, onnxruntime
folder, shapes = sys.argv[1], json.loads(sys.argv[2])
session = onnxruntime.InferenceSession(folder + '/graph.onnx', providers=['CPUExecutionProvider'])
feeds = {i.name: numpy.fromfile(f'{folder}/{k}.bin', '<f4').reshape(shapes[k])
         for k, i in enumerate(session.get_inputs())}
session.run(None, feeds)[0].astype('<f4').tofile(folder + '/out.bin')
";

fn floats(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

fn with_onnxruntime(graph: &[u8], inputs: &[(Vec<usize>, Vec<f32>)]) -> Vec<f32> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("graph.onnx"), graph).unwrap();
    for (k, (_, values)) in inputs.iter().enumerate() {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        std::fs::write(folder.path().join(format!("{k}.bin")), bytes).unwrap();
    }
    let shapes: Vec<&Vec<usize>> = inputs.iter().map(|(shape, _)| shape).collect();
    let shapes = serde_json::to_string(&shapes).unwrap();
    let run = Command::new("python3").args(["-c", SCRIPT]).arg(folder.path()).arg(shapes).output();
    let run = run.unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    floats(&folder.path().join("out.bin"))
}

fn with_tract(graph: &[u8], inputs: &[(Vec<usize>, Vec<f32>)]) -> Vec<f32> {
    let mut model = tract_onnx::onnx().model_for_read(&mut &*graph).unwrap();
    for (i, (shape, _)) in inputs.iter().enumerate() {
        model.set_input_fact(i, f32::fact(shape).into()).unwrap();
    }
    let plan = model.into_optimized().unwrap().into_runnable().unwrap();
    let tensors = inputs.iter().map(|(s, v)| Tensor::from_shape(s, v).unwrap().into()).collect();
    plan.run(tensors).unwrap()[0].try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec()
}

/// Pseudo-random values with the range of a normalised image.
fn noise(shape: Vec<usize>) -> (Vec<usize>, Vec<f32>) {
    let values = (0..shape.iter().product::<usize>())
        .map(|i| ((i as u64).wrapping_mul(2_654_435_761) % 1009) as f32 / 504.5 - 1.0)
        .collect();
    (shape, values)
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
}

#[test]
fn shipped_graphs_give_the_same_in_onnxruntime() {
    let there = Command::new("python3").args(["-c", "import numpy, onnxruntime"]).output();
    if !there.is_ok_and(|run| run.status.success()) {
        skip!("Python with onnxruntime is missing: pip install onnxruntime");
    }
    for name in ["head", "chest", "spine"] {
        let path = format!("{}/../models/{name}.fid", env!("CARGO_MANIFEST_DIR"));
        let pack = Pack::open(path.as_ref()).unwrap();
        let manifest = pack.manifest();
        let image = noise(vec![1, 1, manifest.whole.height, manifest.whole.width]);
        let landmarks = manifest.landmarks.len();
        let mut regions =
            vec![noise(vec![landmarks, 1, manifest.refine.size, manifest.refine.size])];
        regions.extend(pack.adapters(&(0..landmarks).collect::<Vec<_>>()));
        for (kind, inputs) in [(SectionKind::Backbone, vec![image]), (SectionKind::Refine, regions)]
        {
            let graph = pack.section(kind);
            let [a, b] = [with_onnxruntime(graph, &inputs), with_tract(graph, &inputs)];
            let difference = largest_difference(&a, &b);
            let largest = b.iter().fold(0.0f32, |m, v| m.max(v.abs()));
            assert!(difference <= TOLERANCE * largest.max(1.0), "{name}, {kind}: {difference}");
        }
    }
}
