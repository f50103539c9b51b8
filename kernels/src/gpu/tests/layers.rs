//! Convolutions, products, element-wise steps, pooling, heat maps.

use super::*;
use crate::gpu::steps::{self, At};
use crate::{
    Activation, Conv, Elementwise, Epilogue, MAX_AXES, Matmul, Operation, Pool, PoolKind, Skip,
    conv, elementwise, matmul, peak, pool,
};

/// Exponentials of the device: 3 + 2·|x| units in the last place (WGSL), and their sums.
const EXP_TOLERANCE: f32 = 1e-4;

fn here(label: &str) -> At {
    At::new(Stage::Backbone, label)
}

fn any_epilogue(dice: &mut Dice) -> Epilogue {
    let activation = match dice.among(0, 8) {
        0 => Activation::None,
        1 => Activation::Clamp(0.0, 6.0),
        2 => Activation::Sigmoid,
        3 => Activation::Silu,
        4 => Activation::HardSwish,
        5 => Activation::Leaky(0.1),
        6 => Activation::HardSigmoid(0.2, 0.5),
        _ => Activation::Tanh,
    };
    Epilogue::new(activation, [Skip::None, Skip::Before, Skip::After][dice.among(0, 3)])
}

fn conv_case(dice: &mut Dice, p: Conv, batch: usize) -> Case {
    let sizes = |v: &[u32]| v.iter().map(|&v| v as usize).product::<usize>();
    let input = dice.reals(batch * sizes(&[p.in_channels, p.in_height, p.in_width]));
    let per_group = p.in_channels / p.groups;
    let weights = dice.reals(sizes(&[p.out_channels, per_group, p.kernel_height, p.kernel_width]));
    let bias = dice.reals(p.out_channels as usize);
    let len = batch * sizes(&[p.out_channels, p.out_height, p.out_width]);
    let skip = if p.epilogue.has_skip() { dice.reals(len) } else { vec![] };
    let mut want = vec![0.0; len];
    conv(&p, &input, &weights, &bias, &skip, &mut want);
    let (mut plan, out) = plan_for(len);
    let input = plan.constant(&input);
    let skip = p.epilogue.has_skip().then(|| plan.constant(&skip));
    steps::conv(&mut plan, here("conv"), p, batch, input, &weights, &bias, skip, Slot::Buffer(out));
    Case { plan, out, want, tolerance: SUM_TOLERANCE, name: format!("{p:?}") }
}

/// A convolution whose output has the size that its padding gives.
fn any_conv(dice: &mut Dice, [inputs, outputs, groups]: [usize; 3], kernel: [usize; 2]) -> Conv {
    let stride = [dice.among(1, 3), dice.among(1, 3)];
    let dilation = if groups == inputs { [1, 1] } else { [dice.among(1, 3), dice.among(1, 3)] };
    let pad = [dice.among(0, kernel[0]), dice.among(0, kernel[1])];
    let size = [dice.among(8, 21), dice.among(8, 21)];
    let out = |axis: usize| {
        (size[axis] + 2 * pad[axis] - dilation[axis] * (kernel[axis] - 1) - 1) / stride[axis] + 1
    };
    Conv {
        in_channels: inputs as u32,
        in_height: size[0] as u32,
        in_width: size[1] as u32,
        out_channels: outputs as u32,
        out_height: out(0) as u32,
        out_width: out(1) as u32,
        kernel_height: kernel[0] as u32,
        kernel_width: kernel[1] as u32,
        stride_y: stride[0] as u32,
        stride_x: stride[1] as u32,
        pad_y: pad[0] as u32,
        pad_x: pad[1] as u32,
        dilation_y: dilation[0] as u32,
        dilation_x: dilation[1] as u32,
        groups: groups as u32,
        padded_out: 0,
        epilogue: any_epilogue(dice),
    }
}

fn uses(cases: &[Case], name: &str) {
    assert!(cases.iter().flat_map(|c| c.plan.steps()).all(|s| s.kernel.name == name));
}

#[test]
fn conv_equals_its_twin() {
    let mut dice = Dice(1);
    let mut cases = vec![];
    for _ in 0..8 {
        let channels = [dice.among(8, 40), dice.among(1, 70), 1];
        let kernel = [dice.among(1, 5), dice.among(1, 5)];
        let p = any_conv(&mut dice, channels, kernel);
        cases.push(conv_case(&mut dice, p, 1 + cases.len() % 3));
    }
    uses(&cases, "conv");
    let tiles: std::collections::BTreeSet<String> =
        cases.iter().map(|c| format!("{:?}", c.plan.steps()[0].constants)).collect();
    assert_eq!(tiles.len(), 2, "both tiles are tried");
    let mutants = [
        mutant("sums[2] += w.z * v", "sums[2] += w.y * v"),
        mutant("x >= 0", "x > 0"),
        mutant("kx * p.dilation_x", "kx"),
        mutant("+ bias[row]", "- bias[row]"),
        mutant("c0 += 16u", "c0 += 32u"),
        mutant("ky * p.kernel_width + kx", "kx * p.kernel_height + ky"),
        mutant("activate(v, e) + skip", "activate(v + skip, e)"),
    ];
    check("conv", &cases, &mutants);
}

#[test]
fn grouped_equals_its_twin() {
    let mut dice = Dice(2);
    let mut cases = vec![];
    for i in 0..8 {
        let groups = [1, 2, 3, 4][i % 4];
        let channels = [groups * dice.among(1, 4), groups * dice.among(1, 9), groups];
        let kernel = [dice.among(1, 6), dice.among(1, 6)];
        let p = any_conv(&mut dice, if i == 0 { [1, 16, 1] } else { channels }, kernel);
        cases.push(conv_case(&mut dice, p, 1 + i % 2));
    }
    cases.retain(|c| c.plan.steps()[0].kernel.name == "grouped");
    assert!(cases.len() > 5);
    let mutants = [
        mutant("first / (p.out_channels / p.groups) * per_group", "0u"),
        mutant("y >= i32(p.in_height)", "y > i32(p.in_height)"),
        mutant("c * taps", "c"),
        mutant("(first + i) * per_group", "first * per_group"),
    ];
    check("grouped", &cases, &mutants);
}

#[test]
fn depthwise_equals_its_twin() {
    let mut dice = Dice(3);
    let mut cases = vec![];
    for i in 0..8 {
        let channels = dice.among(2, 20);
        let kernel = [[3, 3], [5, 5], [7, 7], [1, 4]][i % 4];
        let p = any_conv(&mut dice, [channels; 3], kernel);
        cases.push(conv_case(&mut dice, p, 1 + i % 2));
    }
    uses(&cases, "depthwise");
    let mutants = [
        mutant("segment[kx + 3u * STRIDE_X]", "segment[kx + 3u]"),
        mutant("x < i32(p.in_width)", "x < i32(p.in_width) - 1"),
        mutant("p.kernel_height + ky)", "p.kernel_height)"),
        mutant("+ bias[channel]", "- bias[channel]"),
    ];
    check("depthwise", &cases, &mutants);
}

fn matmul_case(dice: &mut Dice, [m, n, k]: [usize; 3], private: bool, batch: usize) -> Case {
    let p = Matmul::new([m, n, k], private, any_epilogue(dice));
    let matrices = if private { batch } else { 1 };
    let input = dice.reals(batch * k * n);
    let weights = dice.reals(matrices * m * k);
    let bias = dice.reals(matrices * m);
    let skip = if p.epilogue.has_skip() { dice.reals(batch * m * n) } else { vec![] };
    let mut want = vec![0.0; batch * m * n];
    matmul(&p, &input, &steps::pack_rows(&p, &weights), &bias, &skip, &mut want);
    let (mut plan, out) = plan_for(want.len());
    let input = plan.constant(&input);
    let skip = p.epilogue.has_skip().then(|| plan.constant(&skip));
    let out_slot = Slot::Buffer(out);
    steps::matmul(&mut plan, here("product"), &p, batch, input, &weights, &bias, skip, out_slot);
    Case { plan, out, want, tolerance: SUM_TOLERANCE, name: format!("{p:?}") }
}

#[test]
fn matmul_equals_its_twin() {
    for (name, step) in [("matmul_vec4", 4), ("matmul_any", 1)] {
        let mut dice = Dice(4);
        let mut cases = vec![];
        for i in 0..8 {
            let n = dice.among(1, 40) * step;
            let n = if step == 1 && n.is_multiple_of(4) { n + 1 } else { n };
            let sizes = [dice.among(1, 80), n, dice.among(1, 70)];
            cases.push(matmul_case(&mut dice, sizes, i % 2 == 1, 1 + i % 4));
        }
        uses(&cases, name);
        let mutants = [
            mutant("batch * p.weight_batch", "0u"),
            mutant("batch * p.bias_batch", "0u"),
            mutant("sums[3] += w.w * x", "sums[3] += w.z * x"),
            mutant("k < p.k", "k + 1u < p.k"),
            mutant("(batch * p.m + row) * p.n", "row * p.n"),
        ];
        check(name, &cases, &mutants);
    }
}

#[test]
fn the_twin_packs_weights_as_the_definition_has_them() {
    let p = Matmul::new([2, 1, 3], false, Epilogue::default());
    let packed = steps::pack_rows(&p, &[1.0, 2.0, 3.0, 10.0, 20.0, 30.0]);
    let mut out = [0.0; 2];
    matmul(&p, &[1.0, 1.0, 2.0], &packed, &[0.0, 0.5], &[], &mut out);
    assert_eq!(out, [9.0, 90.5]);
}

#[test]
fn elementwise_equals_its_twin() {
    let mut dice = Dice(6);
    let operations = [
        Operation::Copy,
        Operation::Add,
        Operation::Sub,
        Operation::Mul,
        Operation::Div,
        Operation::Max,
        Operation::Min,
    ];
    let mut cases = vec![];
    for operation in operations {
        let mut shape = [1; MAX_AXES];
        for axis in [2, 4, 5, 7] {
            shape[axis] = dice.among(1, 7) as u32;
        }
        let activation = if operation == Operation::Add {
            Activation::Clamp(-0.5, 0.75)
        } else {
            Activation::None
        };
        let mut p = Elementwise::new(operation, shape, Epilogue::new(activation, Skip::None));
        // Every second value of a larger tensor, the last axis repeated, one axis broadcast.
        p.offset_a = 3;
        p.a.divisor[7] = 2;
        p.b.stride[4] = 0;
        p.b.stride.swap(2, 7);
        let longest = |p: &Elementwise, stride: &[u32; MAX_AXES]| {
            (0..MAX_AXES).map(|i| (p.shape[i] - 1) * stride[i]).sum::<u32>() as usize + 4
        };
        let a = dice.reals(longest(&p, &p.a.stride));
        let b: Vec<f32> = dice.reals(longest(&p, &p.b.stride)).iter().map(|v| v + 2.5).collect();
        let mut want = vec![0.0; p.count as usize];
        elementwise(&p, &a, &b, &mut want);
        let (mut plan, out) = plan_for(want.len());
        let (a, b) = (plan.constant(&a), plan.constant(&b));
        steps::elementwise(&mut plan, here("values"), &p, a, Some(b), Slot::Buffer(out));
        cases.push(Case { plan, out, want, tolerance: 1e-6, name: format!("{p:?}") });
    }
    let mutants = [
        mutant("result = v - b[at_b]", "result = v + b[at_b]"),
        mutant("place / p.divisor_a[i][j]", "place"),
        mutant("at_b += place / p.divisor_b[i][j] * p.stride_b[i][j]", "at_b += place"),
        mutant("max(v, b[at_b])", "min(v, b[at_b])"),
        mutant("var at_a = p.offset_a", "var at_a = 0u"),
        mutant("activate(result, p.epilogue)", "result"),
    ];
    check("elementwise", &cases, &mutants);
}

#[test]
fn more_results_than_workgroups_along_one_axis() {
    let mut shape = [1; MAX_AXES];
    (shape[6], shape[7]) = (4100, 1030);
    let p = Elementwise::new(Operation::Add, shape, Epilogue::default());
    let count = p.count as usize;
    let a: Vec<f32> = (0..count).map(|i| (i % 1000) as f32).collect();
    let mut want = vec![0.0; count];
    elementwise(&p, &a, &a, &mut want);
    let (mut plan, out) = plan_for(count);
    let a = plan.constant(&a);
    steps::elementwise(&mut plan, here("many"), &p, a, Some(a), Slot::Buffer(out));
    let case = Case { plan, out, want, tolerance: 0.0, name: "many".into() };
    check("many values", &[case], &[mutant("id.y * groups.x * 64u", "id.y * 64u")]);
}

#[test]
fn pool_equals_its_twin() {
    let mut dice = Dice(7);
    let mut cases = vec![];
    for kind in [PoolKind::Max, PoolKind::Sum, PoolKind::Mean, PoolKind::MeanInside] {
        let (h, w) = (dice.among(6, 20), dice.among(6, 20));
        let p = Pool {
            in_height: h as u32,
            in_width: w as u32,
            out_height: ((h + 2 - 3) / 2 + 1) as u32,
            out_width: ((w + 2 - 3) / 2 + 1) as u32,
            kernel_height: 3,
            kernel_width: 3,
            stride_y: 2,
            stride_x: 2,
            pad_y: 1,
            pad_x: 1,
            planes: dice.among(1, 9) as u32,
            ..Pool::default()
        }
        .taking(kind);
        let input = dice.reals(p.planes as usize * h * w);
        let mut want = vec![0.0; (p.planes * p.out_height * p.out_width) as usize];
        pool(&p, &input, &mut want);
        let (mut plan, out) = plan_for(want.len());
        let input = plan.constant(&input);
        steps::pool(&mut plan, here("pool"), &p, input, Slot::Buffer(out));
        cases.push(Case { plan, out, want, tolerance: 1e-6, name: format!("{kind:?} {p:?}") });
    }
    let mutants = [
        mutant("case 1u: { result = sum; }", ""),
        mutant("f32(p.kernel_height * p.kernel_width)", "4.0"),
        mutant("(end_y - first_y) * (end_x - first_x)", "9u"),
        mutant("max(largest, v)", "v"),
    ];
    check("pool", &cases, &mutants);
}

/// A heat map as networks give it: noise and a bump.
fn heat_map(dice: &mut Dice, w: usize, h: usize) -> Vec<f32> {
    let (cx, cy) = (dice.among(0, w) as f32 + 0.3, dice.among(0, h) as f32 - 0.4);
    let sigma = 1.0 + dice.real().abs() * 3.0;
    let cell = |i: usize, noise: f32| {
        let (dx, dy) = ((i % w) as f32 - cx, (i / w) as f32 - cy);
        12.0 * (-(dx * dx + dy * dy) / (2.0 * sigma * sigma)).exp() + noise
    };
    (0..w * h).map(|i| cell(i, dice.real())).collect()
}

#[test]
fn peak_equals_its_twin() {
    let mut dice = Dice(8);
    let (mut cases, sizes) = (vec![], [[64, 64], [48, 60], [1, 1], [1, 37], [130, 90], [7, 3]]);
    for [w, h] in sizes {
        for count in [1, 19] {
            let mut maps: Vec<f32> = (0..count).flat_map(|_| heat_map(&mut dice, w, h)).collect();
            let spoilt = |map: usize, cell: usize| map * w * h + cell % (w * h);
            if count > 8 {
                // Ties, zeros of both signs, and all that is no number.
                maps[spoilt(1, 5)] = 40.0;
                maps[spoilt(1, 17)] = 40.0;
                maps[spoilt(2, 3)] = f32::NAN;
                maps[spoilt(2, 40)] = f32::NEG_INFINITY;
                maps[spoilt(3, 2)] = f32::INFINITY;
                maps[4 * w * h..5 * w * h].fill(f32::NAN);
                maps[5 * w * h..6 * w * h].fill(f32::NEG_INFINITY);
                maps[6 * w * h..7 * w * h].fill(-0.0);
                maps[spoilt(6, 9)] = 0.0;
                maps[spoilt(7, 30)] = -f32::NAN;
                maps[7 * w * h..8 * w * h].iter_mut().for_each(|v| *v -= 50.0);
            }
            let radius = dice.among(0, 6);
            let row = |map: &[f32]| match peak(map, w, h, radius) {
                None => [0.0; 8],
                Some(p) => [
                    p.x,
                    p.y,
                    p.mass,
                    p.expected_error,
                    p.covariance[0],
                    p.covariance[1],
                    p.covariance[2],
                    f32::from_bits(1),
                ],
            };
            let want: Vec<f32> = maps.chunks_exact(w * h).flat_map(row).collect();
            let (mut plan, out) = plan_for(want.len());
            let maps = plan.constant(&maps);
            steps::peak(&mut plan, here("peak"), [w, h], radius, count, maps, Slot::Buffer(out));
            let name = format!("{count} maps of {w} x {h}, radius {radius}");
            cases.push(Case { plan, out, want, tolerance: EXP_TOLERANCE, name });
        }
    }
    let mutants = [
        mutant(
            "k == keys[thread] && i < places[thread]",
            "k == keys[thread] && i > places[thread]",
        ),
        mutant("if (k > best)", "if (k >= best)"),
        mutant("> 0x7f800000u", "> 0xff800000u"),
        mutant("keys[0] < INFINITY", "keys[0] <= INFINITY"),
        mutant("if (bits == 0x80000000u)", "if (bits == 1u)"),
        mutant("sqrt(dx * dx + dy * dy)", "(dx * dx + dy * dy)"),
        mutant("min(py + p.radius + 1u, p.height)", "min(py + p.radius, p.height)"),
        mutant("near.x / sums.x", "near.x"),
        mutant("half > 0u; half /= 2u", "half > 1u; half /= 2u"),
    ];
    check("peak", &cases, &mutants);
}
