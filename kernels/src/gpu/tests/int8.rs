//! Products and convolutions with 8-bit integers.

use super::*;
use crate::epilogue::Epilogue;
use crate::gpu::probes::int8::{conv_int8_probe, matmul_int8_probe};
use crate::gpu::probes::layers::any_conv;
use crate::gpu::steps;
use crate::matmul::Matmul;
use crate::matmul_int8::Int8;
use crate::{matmul, matmul_int8};

/// All run on this shader, and on both of its tiles.
fn uses(cases: &[Probe], name: &str) {
    assert!(cases.iter().all(|c| c.plan.steps()[0].kernel.name == name));
    let tile = |c: &Probe| format!("{:?}", c.plan.steps()[0].constants[0]);
    let tiles: std::collections::BTreeSet<String> = cases.iter().map(tile).collect();
    assert_eq!(tiles.len(), 2, "{name}: {tiles:?}");
}

/// Of all shaders with 8-bit integers.
const INT8: [Mutant; 4] = [
    mutant("round(scaled)", "scaled"),
    mutant("dot4I8Packed(w, v.z)", "dot4I8Packed(w, v.y)"),
    mutant("dot4I8Packed(w, v.x)", "i32(dot4U8Packed(w, v.x))"),
    mutant("first < fours; first += ", "first < fours; first += 2u * "),
];

#[test]
fn matmul_int8_equals_its_reference() {
    let mut rng = Rng(12);
    let (mut fours, mut any) = (vec![], vec![]);
    for i in 0..20 {
        let n = 4 * rng.among(1, 40) + if i < 10 { 0 } else { rng.among(1, 4) };
        let sizes = [rng.among(1, 80), n, rng.among(8, 90)];
        let case = matmul_int8_probe(&mut rng, sizes, i % 2 == 1, 1 + i % 3);
        if i < 10 { fours.push(case) } else { any.push(case) }
    }
    uses(&fours, "matmul_vec4_int8");
    uses(&any, "matmul_any_int8");
    let mut mutants = vec![
        mutant("batch * p.bias_batch", "0u"),
        mutant("block[2] += dots(w.z, v)", "block[2] += dots(w.y, v)"),
        mutant("4u * (first + ty) + i", "4u * (first + ty)"),
        mutant("k < p.k", "k + 1u < p.k"),
        mutant("i * ACROSS + tx", "tx"),
        mutant("top / 127.0", "top / 128.0"),
        mutant("* inverse.z", "* inverse.y"),
        mutant("* finishing.y", "* rows[0].y"),
        mutant("(batch * p.m + row) * p.n", "row * p.n"),
        mutant("min(down, fours - first)", "min(down, fours - first) - 1u"),
    ];
    mutants.extend(INT8);
    check("matmul of fours in 8 bits", &fours, &mutants);
    check("matmul in 8 bits", &any, &mutants);
}

#[test]
fn conv_int8_equals_its_reference() {
    let mut rng = Rng(14);
    let mut cases = vec![];
    for i in 0..10 {
        let channels = [rng.among(8, 70), rng.among(1, 70), 1];
        let kernel = [rng.among(1, 5), rng.among(1, 5)];
        let p = any_conv(&mut rng, channels, kernel);
        cases.push(conv_int8_probe(&mut rng, p, 1 + i % 3));
    }
    uses(&cases, "conv_int8");
    let mut mutants = vec![
        mutant("block[1] += dots(w.y, x)", "block[1] += dots(w.x, x)"),
        mutant("x >= 0", "x > 0"),
        mutant("tap % p.kernel_width * p.dilation_x", "tap % p.kernel_width"),
        mutant("tap * fours + four", "four"),
        mutant("16u * part", "0u"),
        mutant("other = t.lane;", "other = thread;"),
        mutant("scales[4u * t.tx + 1u]", "scales[4u * t.tx]"),
        mutant("top / 127.0", "top / 128.0"),
        mutant("rows[row]", "rows[0]"),
        mutant("sums[i][j] * finishing.y + finishing.x", "sums[i][j] * finishing.y"),
        mutant("from_tile + 2u", "from_tile"),
    ];
    mutants.extend(INT8);
    check("conv in 8 bits", &cases, &mutants);
}

#[test]
fn eight_bits_are_near_the_product_itself() {
    let mut rng = Rng(15);
    let sizes = [40, 64, 96];
    let p = Matmul::new(sizes, false, Epilogue::default());
    let (input, weights) = (rng.reals(64 * 96), rng.reals(40 * 96));
    let bias = rng.reals(40);
    let quantised = steps::Quantised::of(p.m, &weights);
    let rows = quantised.rows(&bias);
    let int8 = Int8 { levels: &quantised.levels, rows: &rows, block: 32 };
    let (mut exact, mut near) = (vec![0.0; 40 * 64], vec![0.0; 40 * 64]);
    matmul(&p, &input, &steps::pack_rows(&p, &weights), &bias, &[], &mut exact);
    matmul_int8(&p, &input, int8, &[], &mut near);
    // Half a step of 1/127 on either side of each product, which add up as their root.
    let off = exact.iter().zip(&near).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off > 0.0 && off < 0.15, "{off}");
}
