//! Networks that nobody here designed, with the weights that their makers published, against onnxruntime.
//! Skipped by name where Python, onnxruntime or the package that brings the networks is missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use fiducia_kernels::Precision;
use fiducia_test_support::{gpu_or_skip, skip};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster};
use tract_onnx::prelude::*;

use super::layer_tests::{largest_difference, on_device};
use super::tests::device;

/// Some hundred layers behind each other, relative to the largest value of the result.
const TOLERANCE: f32 = 2e-4;

/// Says where the package lies that brings the networks.
const PACKAGE: &str = "
import importlib.util, numpy, onnxruntime, os
print(os.path.dirname(importlib.util.find_spec('rapidocr_onnxruntime').origin))
";

/// Reads a graph, an input and its shape, writes the first output; values are raw little-endian f32.
const JUDGE: &str = "
import sys, json
import numpy, onnxruntime
graph, folder, shape = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
session = onnxruntime.InferenceSession(graph, providers=['CPUExecutionProvider'])
image = numpy.fromfile(folder + '/in.bin', '<f4').reshape(shape)
result = session.run(None, {session.get_inputs()[0].name: image})[0]
result.astype('<f4').tofile(folder + '/out.bin')
";

/// File in the package, and the input's shape.
const NETWORKS: &[(&str, [usize; 4])] = &[
    // MobileNetV3, a third as wide: is a line of text upside down?
    ("ch_ppocr_mobile_v2.0_cls_infer.onnx", [1, 3, 48, 192]),
    ("ch_ppocr_mobile_v2.0_cls_infer.onnx", [3, 3, 48, 100]),
    // PP-LCNetV3, a feature pyramid and transposed convolutions: which pixels are text?
    ("ch_PP-OCRv4_det_infer.onnx", [1, 3, 96, 160]),
];

fn python(script: &str, arguments: &[&str]) -> Result<String, String> {
    let run = Command::new("python3").args(["-c", script]).args(arguments).output();
    let run = run.map_err(|e| e.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if run.status.success() { Ok(text(&run.stdout)) } else { Err(text(&run.stderr)) }
}

/// What onnxruntime gives for `input`.
fn judged(graph: &Path, shape: &[usize], input: &[f32]) -> Vec<f32> {
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = input.iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(folder.path().join("in.bin"), bytes).unwrap();
    let shape = serde_json::to_string(shape).unwrap();
    let paths = [graph, folder.path()].map(|path| path.to_str().unwrap());
    python(JUDGE, &[paths[0], paths[1], &shape]).unwrap();
    let bytes = std::fs::read(folder.path().join("out.bin")).unwrap();
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// Dark letters on light, noisy paper, from −1 to 1: what these networks look for.
fn picture(shape: &[usize]) -> Vec<f32> {
    let noise = |i: usize| ((i as u64).wrapping_mul(2_654_435_761) % 1009) as f32 / 1009.0;
    let (height, width) = (shape[2], shape[3]);
    let mut plane: Vec<f32> = (0..height * width).map(|i| 0.7 + 0.2 * noise(i)).collect();
    for (place, letter) in "landmarks found".chars().enumerate() {
        let Some(raster) = get_raster(letter, FontWeight::Bold, RasterHeight::Size32) else {
            continue;
        };
        for (y, row) in raster.rows().enumerate() {
            for (x, ink) in row.iter().enumerate() {
                let (x, y) = (8 + raster.width() * place + x, 8 + y);
                if x < width && y < height {
                    plane[y * width + x] -= f32::from(*ink) / 170.0;
                }
            }
        }
    }
    plane.repeat(shape[0] * shape[1])
}

#[test]
fn networks_of_others_equal_onnxruntime() {
    let gpu = gpu_or_skip!(device());
    let Ok(folder) = python(PACKAGE, &[]) else {
        skip!("pip install onnxruntime; pip install --no-deps rapidocr-onnxruntime");
    };
    let package = PathBuf::from(folder);
    for (name, shape) in NETWORKS {
        let graph = package.join("models").join(name);
        let input = picture(shape);
        let wanted = judged(&graph, shape, &input);
        let mut model = tract_onnx::onnx().model_for_path(&graph).unwrap();
        model.set_input_fact(0, f32::fact(shape).into()).unwrap();
        let model = model.into_typed().unwrap().into_decluttered().unwrap();
        let got = on_device(&gpu, Precision::F32, &model, &input);
        let largest = wanted.iter().fold(0f32, |m, v| m.max(v.abs()));
        let worst = largest_difference(&got, &wanted);
        println!("{name}, {shape:?}: {worst:e} of {largest}");
        assert!(largest > 0.1, "{name} sees nothing");
        assert!(worst <= TOLERANCE * largest, "{name}: {worst} of {largest}");
        // A comparison of the same values in another order fails.
        let turned: Vec<f32> = wanted.iter().rev().copied().collect();
        assert!(largest_difference(&got, &turned) > TOLERANCE * largest, "{name} proves nothing");
    }
}
