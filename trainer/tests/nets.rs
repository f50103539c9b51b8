//! The exported graphs compute the same as the trained networks.

use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Distribution, Int, Tensor, TensorData};
use fiducia_trainer::nets::{AdapterForm, CoarseDecoder, RefineNet, Side, Trunk, values};
use tract_onnx::prelude::*;

/// Largest difference of logits between burn and tract, both f32.
const TOLERANCE: f32 = 2e-4;

fn run(onnx: &[u8], inputs: Vec<tract_onnx::prelude::Tensor>) -> Vec<f32> {
    run_all(onnx, inputs).remove(0)
}

fn run_all(onnx: &[u8], inputs: Vec<tract_onnx::prelude::Tensor>) -> Vec<Vec<f32>> {
    let mut model = tract_onnx::onnx().model_for_read(&mut &*onnx).unwrap();
    for (i, input) in inputs.iter().enumerate() {
        model.set_input_fact(i, f32::fact(input.shape()).into()).unwrap();
    }
    let plan = model.into_optimized().unwrap().into_runnable().unwrap();
    let outputs = plan.run(inputs.into_iter().map(Into::into).collect()).unwrap();
    let values = |t: &TValue| t.try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec();
    outputs.iter().map(values).collect()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
}

const FORMS: [AdapterForm; 4] =
    [AdapterForm::Head, AdapterForm::Gate, AdapterForm::LowRank(3), AdapterForm::Depthwise];

/// Ranks of the three landmarks: the full rank of the form, one, two.
fn budget(form: AdapterForm) -> [usize; 3] {
    [usize::MAX, 1, 2].map(|rank| rank.min(form.rank()))
}

/// A network after a few training steps, so that batch-norm statistics and private parts are not neutral.
fn trained(form: AdapterForm, device: &Device) -> RefineNet {
    device.seed(7);
    let mut network = RefineNet::new(3, form, device).adapted(form, &budget(form), device);
    let mut optimiser = AdamWConfig::new().init();
    for _ in 0..12 {
        let seen = Tensor::<4>::random([3, 1, 32, 32], Distribution::Normal(0.3, 2.0), device);
        let loss = network.forward(seen, which(device)).powi_scalar(2).mean();
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        network = optimiser.step(1e-2, network, gradients);
    }
    network
}

fn which(device: &Device) -> Tensor<1, Int> {
    Tensor::from_data(TensorData::new(vec![0i64, 1, 2], [3]), device)
}

/// A trained network, regions, and burn's output for them.
fn refine_case(form: AdapterForm) -> (RefineNet, Vec<f32>, Vec<f32>) {
    let device = Device::flex().autodiff();
    let network = trained(form, &device);
    let plain = device.clone().inner();
    let regions = Tensor::<4>::random([3, 1, 32, 32], Distribution::Normal(0.0, 1.0), &plain);
    let logits = values(&network.valid().forward(regions.clone(), which(&plain)));
    (network, values(&regions), logits)
}

fn refine_inputs(
    network: &RefineNet,
    regions: &[f32],
    adapters: &[Vec<f32>],
) -> Vec<tract_onnx::prelude::Tensor> {
    let mut inputs =
        vec![tract_onnx::prelude::Tensor::from_shape(&[3, 1, 32, 32], regions).unwrap()];
    let mut start = 0;
    for input in network.adapter_inputs() {
        let shape: Vec<usize> = std::iter::once(3).chain(input.shape.iter().copied()).collect();
        let part: Vec<f32> =
            adapters.iter().flat_map(|a| a[start..start + input.len()].to_vec()).collect();
        inputs.push(tract_onnx::prelude::Tensor::from_shape(&shape, &part).unwrap());
        start += input.len();
    }
    inputs
}

#[test]
fn refine_graph_equals_the_network() {
    for form in FORMS {
        let (network, regions, logits) = refine_case(form);
        let inputs = refine_inputs(&network, &regions, &network.adapters());
        let got = run(&network.export(32), inputs);
        let difference = largest_difference(&got, &logits);
        assert!(difference < TOLERANCE, "{form}: {difference}");
    }
}

#[test]
fn a_network_for_one_landmark_sees_what_the_shared_one_sees_of_it() {
    let device = Device::flex().autodiff();
    for form in FORMS {
        let network = trained(form, &device);
        let plain = device.clone().inner();
        let regions = Tensor::<4>::random([3, 1, 32, 32], Distribution::Normal(0.0, 1.0), &plain);
        let all = values(&network.valid().forward(regions.clone(), which(&plain)));
        let first = Tensor::<1, Int>::from_data(TensorData::new(vec![0i64], [1]), &plain);
        for l in 0..3 {
            let region = regions.clone().narrow(0, l, 1);
            let one = values(&network.only(l).valid().forward(region, first.clone()));
            let same = largest_difference(&one, &all[l * 1024..(l + 1) * 1024]);
            assert!(same < TOLERANCE, "{form}, landmark {l}: {same}");
        }
    }
}

#[test]
fn a_network_read_back_from_its_graph_computes_the_same() {
    for form in FORMS {
        let (network, regions, logits) = refine_case(form);
        let device = Device::flex().autodiff();
        let (graph, inputs) = (network.export(32), network.adapter_inputs());
        let again = RefineNet::frozen(&graph, &inputs, &network.adapters(), &device).unwrap();
        assert_eq!(again.adapters(), network.adapters(), "{form}");
        let seen = Tensor::from_data(TensorData::new(regions, [3, 1, 32, 32]), &device);
        let got = values(&again.forward(seen, which(&device)));
        let difference = largest_difference(&got, &logits);
        assert!(difference < TOLERANCE, "{form}: {difference}");
    }
}

#[test]
fn of_a_network_read_back_the_adapters_alone_learn() {
    let device = Device::flex().autodiff();
    for form in FORMS {
        let network = trained(form, &device).valid();
        let (graph, inputs) = (network.export(32), network.adapter_inputs());
        let start = RefineNet::frozen(&graph, &inputs, &network.adapters(), &device).unwrap();
        // Trainings do this with a network before they start.
        let mut after = start.valid().train();
        let mut optimiser = AdamWConfig::new().init();
        for _ in 0..3 {
            let seen = Tensor::<4>::random([3, 1, 32, 32], Distribution::Normal(0.3, 2.0), &device);
            let loss = after.forward(seen, which(&device)).powi_scalar(2).mean().backward();
            let flows = after.adapter_gradients(&loss);
            assert!(flows.iter().flatten().any(|g| *g != 0.0), "{form}");
            let gradients = GradientsParams::from_grads(loss, &after);
            after = optimiser.step(1e-2, after, gradients);
        }
        assert!(changed(&start, &after).contains(&true), "{form}");
        assert_eq!(start.export(32), after.export(32), "{form}: shared weights moved");
    }
}

#[test]
fn a_graph_of_another_making_is_refused() {
    let device = Device::flex().autodiff();
    let network = trained(AdapterForm::Gate, &device);
    let (graph, inputs, adapters) =
        (network.export(32), network.adapter_inputs(), network.adapters());
    let refusal = |graph: &[u8], inputs: &[fiducia::pack::AdapterInput]| {
        RefineNet::frozen(graph, inputs, &adapters, &device).unwrap_err().to_string()
    };
    assert!(refusal(b"\xff\xff", &inputs).contains("cannot be trained"));
    assert!(refusal(&graph, &inputs[1..]).contains("have a form"));
    let mut g = fiducia_trainer::nets::onnx::GraphBuilder::new("other");
    let x = g.input("x", &[None, Some(1), Some(32), Some(32)]);
    g.output(&x, "y", &[None, Some(1), Some(32), Some(32)]);
    assert!(refusal(&g.finish(), &inputs).contains("0 convolutions"));
}

/// Which values of the first adapter slice differ.
fn changed(before: &RefineNet, after: &RefineNet) -> Vec<bool> {
    let [a, b] = [before, after].map(|n| n.adapters().swap_remove(0));
    a.iter().zip(&b).map(|(x, y)| x != y).collect()
}

#[test]
fn every_private_part_of_a_network_for_one_landmark_learns() {
    let device = Device::flex().autodiff();
    for form in FORMS {
        // In inference form, as trained networks are stored.
        let start = trained(form, &device).valid().only(0).valid().train();
        let first = Tensor::<1, Int>::from_data(TensorData::new(vec![0i64], [1]), &device);
        let region = Tensor::<4>::random([1, 1, 32, 32], Distribution::Normal(0.0, 1.0), &device);
        let loss = start.forward(region, first).powi_scalar(2).mean();
        let gradients = GradientsParams::from_grads(loss.backward(), &start);
        let next = AdamWConfig::new().init().step(1e-2, start.clone(), gradients);
        let changed = changed(&start, &next);
        let still: Vec<usize> = (0..changed.len()).filter(|&i| !changed[i]).collect();
        assert!(still.is_empty(), "{form}: {still:?} of {}", changed.len());
    }
}

#[test]
fn ranks_beyond_the_budget_stay_empty() {
    let device = Device::flex().autodiff();
    let adapters = trained(AdapterForm::LowRank(3), &device).adapters();
    // Slice order: gate (2 x 64), down [3][64], up [64][3], head.
    let (down, up) = (128..128 + 3 * 64, 128 + 3 * 64..128 + 6 * 64);
    for (slice, rank) in adapters.iter().zip([3, 1, 2]) {
        for r in 0..3 {
            let row = &slice[down.clone()][r * 64..(r + 1) * 64];
            let column = slice[up.clone()].iter().skip(r).step_by(3);
            let used = row.iter().chain(column).any(|v| *v != 0.0);
            assert_eq!(used, r < rank, "rank {r} of a budget of {rank}");
        }
    }
}

#[test]
fn the_comparison_notices_swapped_adapters_and_a_wrong_weight() {
    for form in FORMS {
        let (network, regions, logits) = refine_case(form);
        let mut swapped = network.adapters();
        swapped.swap(0, 1);
        let got = run(&network.export(32), refine_inputs(&network, &regions, &swapped));
        assert!(largest_difference(&got, &logits) > 10.0 * TOLERANCE, "{form}");
        let mut wrong = network.adapters();
        // The bias of the head is last. Other weights may have zero gradient behind inactive feature maps.
        *wrong[2].last_mut().unwrap() += 0.1;
        let got = run(&network.export(32), refine_inputs(&network, &regions, &wrong));
        assert!(largest_difference(&got, &logits) > 10.0 * TOLERANCE, "{form}");
    }
}

#[test]
fn backbone_graph_equals_trunk_and_decoder() {
    let weights =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../models/efficientnet-lite0-f16.safetensors");
    let trunk = Trunk::open(weights.as_ref()).unwrap();
    let frame = fiducia::pack::FullImageInput {
        width: 64,
        height: 96,
        unit_per_px: 1.0,
        stride: 4,
        norm_radius: 9,
        peak_radius: 2,
    };
    let device = Device::flex().autodiff();
    device.seed(3);
    let decoder = CoarseDecoder::new(5, &device);
    let image: Vec<f32> =
        (0..64 * 96).map(|i| ((i * 37 % 101) as f32 / 50.0 - 1.0) * 0.5).collect();
    let features = trunk.runner(64, 96).unwrap().run(&image).unwrap();
    assert_eq!(features.shape, [[24, 24, 16], [40, 12, 8], [112, 6, 4]]);
    for _ in 0..20 {
        decoder.forward(CoarseDecoder::tensors(std::slice::from_ref(&features), &device));
    }
    let plain = device.clone().inner();
    let means = Side::means(&features);
    let logits = values(&decoder.valid().forward(CoarseDecoder::tensors(&[features], &plain)));
    let input = || vec![tract_onnx::prelude::Tensor::from_shape(&[1, 1, 96, 64], &image).unwrap()];
    let got = run(&decoder.export(&trunk, &frame, None), input());
    assert!(largest_difference(&got, &logits) < TOLERANCE, "{}", largest_difference(&got, &logits));

    let size = Side::size(frame.width, frame.height);
    let weights: Vec<f32> = (0..means.len()).map(|i| (i * 29 % 17) as f32 / 40.0 - 0.2).collect();
    let side = Side { weights, size, bias: 0.25 };
    let outputs = run_all(&decoder.export(&trunk, &frame, Some(&side)), input());
    assert!(largest_difference(&outputs[0], &logits) < TOLERANCE);
    let (got, expected) = (f64::from(outputs[1][0]), side.of(&means));
    assert!((got - expected).abs() < 1e-3 * expected.abs().max(1.0), "{got} {expected}");
}
