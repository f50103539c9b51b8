//! Convolutions, products, element-wise steps, pooling, heat maps.

use super::*;
use crate::elementwise::{Elementwise, MAX_AXES, Operation};
use crate::epilogue::Epilogue;
use crate::gpu::probes::layers::{
    any_conv, conv_probe, elementwise_probe, here, matmul_depthwise_probe, matmul_probe,
    peak_probe, pool_probe, resample_probe, transposed_probe,
};
use crate::gpu::steps;
use crate::matmul::Matmul;
use crate::pool::PoolKind;
use crate::{elementwise, matmul};

fn uses(cases: &[Probe], name: &str) {
    assert!(cases.iter().all(|c| c.plan.steps()[0].kernel.name == name));
}

#[test]
fn conv_equals_its_reference() {
    FORMS.into_iter().for_each(conv_in);
}

fn conv_in(form: Precision) {
    let mut rng = Rng(1);
    let mut cases = vec![];
    for _ in 0..8 {
        let channels = [rng.among(8, 40), rng.among(1, 70), 1];
        let kernel = [rng.among(1, 5), rng.among(1, 5)];
        let p = any_conv(&mut rng, channels, kernel);
        cases.push(conv_probe(form, &mut rng, p, 1 + cases.len() % 3));
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
fn grouped_equals_its_reference() {
    FORMS.into_iter().for_each(grouped_in);
}

fn grouped_in(form: Precision) {
    let mut rng = Rng(2);
    let mut cases = vec![];
    for i in 0..8 {
        let groups = [1, 2, 3, 4][i % 4];
        let channels = [groups * rng.among(1, 4), groups * rng.among(1, 9), groups];
        let kernel = [rng.among(1, 6), rng.among(1, 6)];
        let p = any_conv(&mut rng, if i == 0 { [1, 16, 1] } else { channels }, kernel);
        cases.push(conv_probe(form, &mut rng, p, 1 + i % 2));
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
fn depthwise_equals_its_reference() {
    FORMS.into_iter().for_each(depthwise_in);
}

fn depthwise_in(form: Precision) {
    let mut rng = Rng(3);
    let mut cases = vec![];
    for i in 0..8 {
        let channels = rng.among(2, 20);
        let kernel = [[3, 3], [5, 5], [7, 7], [1, 4]][i % 4];
        let p = any_conv(&mut rng, [channels; 3], kernel);
        cases.push(conv_probe(form, &mut rng, p, 1 + i % 2));
    }
    uses(&cases, "depthwise");
    let mutants = [
        mutant("segment[kx + 3u * STRIDE_X]", "segment[kx + 3u]"),
        mutant("x < i32(in_size.x)", "x < i32(in_size.x) - 1"),
        mutant("first_tap + ky * KERNEL_WIDTH", "first_tap"),
        mutant("+ bias[channel]", "- bias[channel]"),
    ];
    check("depthwise", &cases, &mutants);
}

#[test]
fn transposed_equals_its_reference() {
    FORMS.into_iter().for_each(transposed_in);
}

fn transposed_in(form: Precision) {
    let mut rng = Rng(9);
    let mut cases = vec![];
    for i in 0..8 {
        let groups = [1, 3, 2, 1][i % 4];
        let channels = [groups * rng.among(1, 9), groups * rng.among(1, 5), groups];
        let kernel = [rng.among(1, 5), rng.among(1, 5)];
        cases.push(transposed_probe(form, &mut rng, channels, kernel, 1 + i % 2));
    }
    uses(&cases, "transposed");
    let mutants = [
        mutant("row / (p.out_channels / p.groups) * per_group", "0u"),
        mutant("at + pad >= shift", "at >= shift"),
        mutant("shifted % stride == 0u", "true"),
        mutant("shifted / stride < size", "true"),
        mutant("tap + c * taps", "tap + c"),
        mutant("kx * p.dilation_x", "kx"),
        mutant("+ bias[row]", "- bias[row]"),
    ];
    check("transposed", &cases, &mutants);
}

#[test]
fn resample_equals_its_reference() {
    FORMS.into_iter().for_each(resample_in);
}

fn resample_in(form: Precision) {
    let mut rng = Rng(10);
    let cases: Vec<Probe> = (0..6).map(|_| resample_probe(form, &mut rng)).collect();
    let mutants = [
        mutant("index / p.inner % p.out_size", "index % p.out_size"),
        mutant("(p.inner * p.out_size) * p.in_size", "(p.inner * p.out_size) * p.out_size"),
        mutant("+ index % p.inner", ""),
        mutant("(place + 1u) * p.taps", "(place + 1u) * p.taps - 1u"),
        mutant("weight != 0.0", "true"),
    ];
    check("resample", &cases, &mutants);
}

#[test]
fn matmul_equals_its_reference() {
    FORMS.into_iter().for_each(matmul_in);
}

fn matmul_in(form: Precision) {
    for (name, step) in [("matmul_vec4", 4), ("matmul_any", 1)] {
        let mut rng = Rng(4);
        let mut cases = vec![];
        for i in 0..8 {
            let n = rng.among(1, 40) * step;
            let n = if step == 1 && n.is_multiple_of(4) { n + 1 } else { n };
            let sizes = [rng.among(1, 80), n, rng.among(1, 70)];
            cases.push(matmul_probe(form, &mut rng, sizes, i % 2 == 1, 1 + i % 4));
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
fn matmul_depthwise_equals_its_references() {
    FORMS.into_iter().for_each(matmul_depthwise_in);
}

fn matmul_depthwise_in(form: Precision) {
    let mut rng = Rng(11);
    let mut cases = vec![];
    for i in 0..8 {
        let sizes = [rng.among(1, 80), rng.among(1, 40)];
        let kernel = [[3, 3], [5, 5], [1, 4], [7, 7]][i % 4];
        cases.push(matmul_depthwise_probe(form, &mut rng, sizes, kernel, 1 + i % 2));
    }
    uses(&cases, "matmul_depthwise");
    let mutants = [
        mutant("plane % p.k", "plane"),
        mutant("segment[kx + 3u * STRIDE_X]", "segment[kx + 3u]"),
        mutant("column / before.out_width * before.stride_y", "column / before.out_width"),
        mutant("x < i32(in_size.x)", "x < i32(in_size.x) - 1"),
        mutant("first_tap + ky * KERNEL_WIDTH", "first_tap"),
        mutant("vec2<u32>(before.in_width, before.in_height)", "vec2<u32>(before.in_height)"),
        mutant("taps_bias[channel],", "2.0 * taps_bias[channel],"),
        mutant("activate(sums.z, before.epilogue)", "sums.z"),
        mutant("+ bias[batch", "- bias[batch"),
    ];
    check("matmul after depthwise", &cases, &mutants);
}

#[test]
fn the_reference_packs_weights_as_the_definition_has_them() {
    let p = Matmul::new([2, 1, 3], false, Epilogue::default());
    let packed = steps::pack_rows(&p, &[1.0, 2.0, 3.0, 10.0, 20.0, 30.0]);
    let mut out = [0.0; 2];
    matmul(&p, &[1.0, 1.0, 2.0], &packed, &[0.0, 0.5], &[], &mut out);
    assert_eq!(out, [9.0, 90.5]);
}

#[test]
fn elementwise_equals_its_reference() {
    FORMS.into_iter().for_each(elementwise_in);
}

fn elementwise_in(form: Precision) {
    let mut rng = Rng(6);
    let operations = [
        Operation::Copy,
        Operation::Add,
        Operation::Sub,
        Operation::Mul,
        Operation::Div,
        Operation::Max,
        Operation::Min,
    ];
    let cases: Vec<Probe> = operations
        .into_iter()
        .map(|operation| elementwise_probe(form, &mut rng, operation))
        .collect();
    let mutants = [
        mutant("result = v - f32(b[at_b])", "result = v + f32(b[at_b])"),
        mutant("place / p.divisor_a[i][j]", "place"),
        mutant("at_b += place / p.divisor_b[i][j] * p.stride_b[i][j]", "at_b += place"),
        mutant("max(v, f32(b[at_b]))", "min(v, f32(b[at_b]))"),
        mutant("var at_a = p.offset_a", "var at_a = 0u"),
        mutant("Output(activate(result, p.epilogue))", "Output(result)"),
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
    let case = Probe::new(plan, out, want, 0.0, "many".into());
    check("many values", &[case], &[mutant("id.y * groups.x * 64u", "id.y * 64u")]);
}

#[test]
fn pool_equals_its_reference() {
    FORMS.into_iter().for_each(pool_in);
}

fn pool_in(form: Precision) {
    let mut rng = Rng(7);
    let kinds = [PoolKind::Max, PoolKind::Sum, PoolKind::Mean, PoolKind::MeanInside];
    let cases: Vec<Probe> =
        kinds.into_iter().map(|kind| pool_probe(form, &mut rng, kind)).collect();
    let mutants = [
        mutant("case 1u: { result = sum; }", ""),
        mutant("f32(p.kernel_height * p.kernel_width)", "4.0"),
        mutant("(end_y - first_y) * (end_x - first_x)", "9u"),
        mutant("max(largest, v)", "v"),
    ];
    check("pool", &cases, &mutants);
}

#[test]
fn peak_equals_its_reference() {
    peak_by(
        false,
        &[
            mutant(
                "k == keys[thread] && i < places[thread]",
                "k == keys[thread] && i > places[thread]",
            ),
            mutant("half > 0u; half /= 2u", "half > 1u; half /= 2u"),
        ],
    );
}

#[test]
fn peak_by_subgroups_equals_its_reference() {
    peak_by(
        true,
        &[
            mutant("select(0u, ~place, key == top)", "select(0u, place, key == top)"),
            mutant("select(0u, ~place, key == top)", "~place"),
            mutant("let near_key = subgroupMax(key)", "let near_key = subgroupMin(key)"),
            mutant("atomicMax(&top_key, near_key)", "atomicMin(&top_key, near_key)"),
        ],
    );
}

fn peak_cases(subgroups: bool) -> Vec<Probe> {
    let mut rng = Rng(8);
    let mut cases = vec![];
    for size in [[64, 64], [48, 60], [1, 1], [1, 37], [130, 90], [7, 3]] {
        for count in [1, 19] {
            cases.push(peak_probe(subgroups, &mut rng, size, count));
        }
    }
    cases
}

fn peak_by(subgroups: bool, own: &[Mutant]) {
    let cases = peak_cases(subgroups);
    uses(&cases, if subgroups { "peak_subgroup" } else { "peak" });
    let mut mutants = vec![
        mutant("if (k > best)", "if (k >= best)"),
        mutant("> 0x7f800000u", "> 0xff800000u"),
        mutant("found.x < INFINITY", "found.x <= INFINITY"),
        mutant("if (bits == 0x80000000u)", "if (bits == 1u)"),
        mutant("sqrt(dx * dx + dy * dy)", "(dx * dx + dy * dy)"),
        mutant("min(py + p.radius + 1u, p.height)", "min(py + p.radius, p.height)"),
        mutant("sums.z / sums.x", "sums.z"),
        mutant("MOVES: u32 = 8u", "MOVES: u32 = 7u"),
        mutant("3u * p.radius + 1u", "3u * p.radius + 2u"),
        mutant("* bell * bell", "* bell"),
        mutant("vec2<i32>(middle + support) + 1", "vec2<i32>(middle + support)"),
        mutant("max(vec2<i32>(middle - support), vec2<i32>(0))", "vec2<i32>(middle)"),
    ];
    mutants.extend_from_slice(own);
    check(if subgroups { "peak by subgroups" } else { "peak" }, &cases, &mutants);
}

#[test]
fn both_ways_to_the_largest_give_the_same_bits() {
    let gpu = gpu_or_skip!(device());
    if !gpu.has_subgroups() {
        skip!("the device has no subgroup operations");
    }
    for (a, b) in peak_cases(false).iter().zip(&peak_cases(true)) {
        let [a, b] = [a, b].map(|case| case.run(&gpu, &|k| text(k, None)).unwrap());
        assert!(a.iter().zip(&b).all(|(a, b)| a.to_bits() == b.to_bits()), "{a:?} {b:?}");
    }
}
