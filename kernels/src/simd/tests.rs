//! Against the reference implementation, over random sizes, strides, paddings, dilations and epilogues.

use std::vec;
use std::vec::Vec;

use fiducia_test_support::Rng;

use super::*;
use crate::epilogue::{Activation, Epilogue, Skip};

/// Sums are taken in another order and multiplied and added in one rounding.
const TOLERANCE: f32 = 2e-5;

/// Random layers.
#[derive(Clone)]
struct Draw(Rng);

impl Draw {
    fn new(seed: u64) -> Self {
        Self(Rng::new(seed))
    }

    fn next(&mut self, below: u32) -> u32 {
        self.0.below(below as usize) as u32
    }

    fn values(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.next(2001) as f32 / 1000.0 - 1.0).collect()
    }

    fn epilogue(&mut self) -> Epilogue {
        let skip = [Skip::None, Skip::Before, Skip::After][self.next(3) as usize];
        // Errors of a sum are compared as they are; squares would multiply them by twice the sum.
        let activations = Activation::SAMPLES.map(|a| match a {
            Activation::Square => Activation::None,
            other => other,
        });
        Epilogue::new(activations[self.next(activations.len() as u32) as usize], skip)
    }

    fn sizes(&mut self) -> Conv {
        let depthwise = self.next(3) == 0;
        // Up to several vectors now and then.
        let most = [20, 90][self.next(8) as usize / 7];
        let [in_channels, out_channels] = if depthwise {
            [1 + self.next(most); 2]
        } else {
            [1 + self.next(20), 1 + self.next(most)]
        };
        let mut p = Conv {
            in_channels,
            out_channels,
            in_height: 1 + self.next(30),
            in_width: 1 + self.next(70),
            kernel_height: 1 + self.next(5),
            kernel_width: 1 + self.next(5),
            stride_y: 1 + self.next(3),
            stride_x: 1 + self.next(3),
            dilation_y: 1 + self.next(2),
            dilation_x: 1 + self.next(2),
            pad_y: self.next(4),
            pad_x: self.next(4),
            groups: if depthwise { in_channels } else { 1 },
            epilogue: self.epilogue(),
            ..Conv::default()
        };
        // Zeros below and right of the input make up for what is missing there.
        let out = |input: u32, stride: u32| input.div_ceil(stride);
        (p.out_height, p.out_width) = (out(p.in_height, p.stride_y), out(p.in_width, p.stride_x));
        p
    }
}

/// The results of the reference implementation and of the fast one for the same `images` images.
fn both(p: &Conv, draw: &mut Draw, images: usize) -> [Vec<f32>; 2] {
    let area = |channels: u32, height: u32, width: u32| (channels * height * width) as usize;
    let taps = area(p.in_channels / p.groups, p.kernel_height, p.kernel_width);
    let weights = draw.values(p.out_channels as usize * taps);
    let bias = draw.values(p.out_channels as usize);
    let input = draw.values(images * area(p.in_channels, p.in_height, p.in_width));
    let out = images * area(p.out_channels, p.out_height, p.out_width);
    let skip = if p.epilogue.has_skip() { draw.values(out) } else { Vec::new() };
    let mut outs = [vec![0.0; out], vec![f32::NAN; out]];
    crate::conv(p, &input, &weights, &bias, &skip, &mut outs[0]);
    outs[0] = channels_last(&outs[0], p.out_channels, area(1, p.out_height, p.out_width));
    let input = channels_last(&input, p.in_channels, area(1, p.in_height, p.in_width));
    let skip = channels_last(&skip, p.out_channels, area(1, p.out_height, p.out_width));
    let fast = Convolution::new(p, &weights, &bias).expect("dense or depthwise");
    fast.run(&input, &skip, &mut outs[1]);
    outs
}

/// `[images, channels, area]` as `[images, area, channels]`.
fn channels_last(values: &[f32], channels: u32, area: usize) -> Vec<f32> {
    let channels = channels as usize;
    let of = |i: usize| {
        let (image, at, channel) = (i / channels / area, i / channels % area, i % channels);
        values[(image * channels + channel) * area + at]
    };
    (0..values.len()).map(of).collect()
}

fn apart([a, b]: &[Vec<f32>; 2]) -> f32 {
    // NaN counts: a value that was not written is infinitely far off.
    let off = |(a, b): (&f32, &f32)| if b.is_nan() { f32::INFINITY } else { (a - b).abs() };
    a.iter().zip(b).map(off).fold(0.0, f32::max)
}

#[test]
fn sums_are_those_of_the_reference() {
    let mut draw = Draw::new(1);
    for case in 0..400 {
        let p = draw.sizes();
        let off = apart(&both(&p, &mut draw, 1 + case % 3));
        let sums = p.in_channels / p.groups * p.kernel_height * p.kernel_width;
        assert!(off <= TOLERANCE * (1.0 + sums as f32).sqrt(), "case {case}: {off}, {p:?}");
    }
}

#[test]
fn one_tap_reads_the_input_in_place() {
    let mut draw = Draw::new(3);
    for case in 0..100 {
        let mut p = draw.sizes();
        (p.kernel_height, p.kernel_width, p.groups) = (1, 1, 1);
        (p.stride_y, p.stride_x, p.pad_y, p.pad_x) = (1, 1, 0, 0);
        (p.out_height, p.out_width) = (p.in_height, p.in_width);
        let off = apart(&both(&p, &mut draw, 1 + case % 3));
        assert!(
            off <= TOLERANCE * (1.0 + p.in_channels as f32).sqrt(),
            "case {case}: {off}, {p:?}"
        );
    }
}

#[test]
fn squares_of_three_by_three_taps_are_sums_too() {
    let mut draw = Draw::new(6);
    for case in 0..200 {
        let mut p = draw.sizes();
        (p.kernel_height, p.kernel_width, p.groups) = (3, 3, 1);
        (p.stride_y, p.stride_x, p.dilation_y, p.dilation_x) = (1, 1, 1, 1);
        (p.in_channels, p.out_channels) = (16 * (1 + draw.next(4)), 16 + draw.next(40));
        // As many rows and columns fewer as the padding is short of "same", or more.
        let out = |size: u32, pad: u32| (size + 2 * pad).saturating_sub(2).max(1);
        (p.out_height, p.out_width) = (out(p.in_height, p.pad_y), out(p.in_width, p.pad_x));
        let layer = Convolution::new(
            &p,
            &vec![0.0; (9 * p.in_channels * p.out_channels) as usize],
            &vec![0.0; p.out_channels as usize],
        );
        assert!(matches!(layer.unwrap().form, Form::Winograd(_)));
        let off = apart(&both(&p, &mut draw, 1 + case % 5));
        let sums = 9 * p.in_channels;
        assert!(off <= 2.0 * TOLERANCE * (1.0 + sums as f32).sqrt(), "case {case}: {off}, {p:?}");
    }
}

#[test]
fn rows_are_those_of_the_whole_output() {
    let mut draw = Draw::new(8);
    for case in 0..200 {
        let p = draw.sizes();
        let taps = (p.in_channels / p.groups * p.kernel_height * p.kernel_width) as usize;
        let weights = draw.values(p.out_channels as usize * taps);
        let bias = draw.values(p.out_channels as usize);
        let layer = Convolution::new(&p, &weights, &bias).unwrap();
        let (line, row) = ((p.in_width * p.in_channels) as usize, layer.row);
        let input = draw.values(p.in_height as usize * line);
        let height = p.out_height as usize;
        let skip = if p.epilogue.has_skip() { draw.values(height * row) } else { Vec::new() };
        let mut all = vec![0.0; height * row];
        layer.run(&input, &skip, &mut all);
        let first = draw.next(p.out_height) as usize;
        let rows = first..first + 1 + draw.next((height - first) as u32) as usize;
        let Some(seen) = layer.seen(rows.clone()) else {
            assert!(matches!(layer.form, Form::Winograd(_)));
            continue;
        };
        // Nothing but what they see.
        let values = &input[seen.start * line..seen.end * line];
        let mut out = vec![f32::NAN; rows.len() * row];
        let of = rows.start * row..rows.end * row;
        let skip = skip.get(of.clone()).unwrap_or(&[]);
        layer.run_rows(rows, Slab { first: seen.start, values }, skip, &mut out);
        assert_eq!(out, all[of], "case {case}: {p:?}");
    }
}

#[test]
fn no_image_gives_no_output() {
    let mut draw = Draw::new(10);
    for case in 0..50 {
        let mut p = draw.sizes();
        if case % 2 == 0 {
            (p.kernel_height, p.kernel_width, p.groups) = (3, 3, 1);
            (p.stride_y, p.stride_x, p.dilation_y, p.dilation_x) = (1, 1, 1, 1);
            (p.in_channels, p.out_channels) = (16, 16);
        }
        assert_eq!(both(&p, &mut draw, 0), [Vec::<f32>::new(), Vec::new()]);
    }
}

#[test]
fn a_kernel_may_be_as_large_as_its_input() {
    let mut draw = Draw::new(9);
    let [height, width] = [150, 130];
    let p = Conv {
        in_channels: 1,
        out_channels: 2,
        in_height: height,
        in_width: width,
        kernel_height: height,
        kernel_width: width,
        stride_y: 1,
        stride_x: 1,
        dilation_y: 1,
        dilation_x: 1,
        groups: 1,
        out_height: 1,
        out_width: 1,
        ..Conv::default()
    };
    let off = apart(&both(&p, &mut draw, 1));
    assert!(off <= TOLERANCE * ((height * width) as f32).sqrt(), "{off}");
}

#[test]
fn several_threads_give_what_one_gives() {
    let mut draw = Draw::new(5);
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let (one, five) = (pool(1), pool(5));
    for _ in 0..50 {
        let p = Conv { in_height: 40, in_width: 90, ..draw.sizes() };
        let threes = draw.next(2) == 0 && p.groups == 1;
        let p = if threes {
            let [kernel_height, kernel_width, stride_y, stride_x] = [3, 3, 1, 1];
            let (dilation_y, dilation_x, in_channels, out_channels) = (1, 1, 32, 30);
            Conv {
                kernel_height,
                kernel_width,
                stride_y,
                stride_x,
                dilation_y,
                dilation_x,
                in_channels,
                out_channels,
                ..p
            }
        } else {
            p
        };
        let p = Conv {
            out_height: p.in_height.div_ceil(p.stride_y),
            out_width: p.in_width.div_ceil(p.stride_x),
            ..p
        };
        let same = draw.clone();
        let [_, a] = one.install(|| both(&p, &mut same.clone(), 2));
        let [_, b] = five.install(|| both(&p, &mut same.clone(), 2));
        assert_eq!(a, b, "{p:?}");
        draw.next(2);
    }
}

#[test]
fn a_wrong_size_is_noticed() {
    let mut draw = Draw::new(2);
    let mut noticed = 0;
    for _ in 0..100 {
        let p = draw.sizes();
        let changes: [fn(&mut Conv); 4] =
            [|p| p.pad_x += 1, |p| p.pad_y += 1, |p| p.dilation_x += 1, |p| p.stride_y += 1];
        let mut wrong = p;
        changes[draw.next(4) as usize](&mut wrong);
        let same = draw.clone();
        let [right, _] = both(&p, &mut same.clone(), 1);
        let [_, fast] = both(&wrong, &mut same.clone(), 1);
        noticed += usize::from(apart(&[right, fast]) > 1e-3);
    }
    assert!(noticed > 60, "{noticed} of 100 wrong sizes show");
}

#[test]
fn groups_in_between_are_left_to_the_reference() {
    let p = Conv {
        in_channels: 4,
        out_channels: 4,
        groups: 2,
        in_height: 3,
        in_width: 3,
        out_height: 3,
        out_width: 3,
        kernel_height: 1,
        kernel_width: 1,
        stride_y: 1,
        stride_x: 1,
        dilation_y: 1,
        dilation_x: 1,
        ..Conv::default()
    };
    assert!(Convolution::new(&p, &[0.0; 8], &[0.0; 4]).is_none());
    assert!(Convolution::new(&Conv { groups: 1, ..p }, &[0.0; 15], &[0.0; 4]).is_none());
    assert!(
        Convolution::new(&Conv { groups: 1, out_width: 0, ..p }, &[0.0; 16], &[0.0; 4]).is_none()
    );
}

/// Largest difference of a position, in cells, and of everything else, relative to the value plus one.
const PEAK_TOLERANCE: f32 = 2e-5;

#[test]
fn decoding_is_that_of_the_reference() {
    let mut draw = Draw::new(7);
    for case in 0..500 {
        let (w, h, radius) =
            (1 + draw.next(70) as usize, 1 + draw.next(70) as usize, draw.next(9) as usize);
        let sharp = [0.1, 1.0, 10.0, 100.0][draw.next(4) as usize];
        let mut map: Vec<f32> = draw.values(w * h).iter().map(|v| v * sharp).collect();
        for odd in [f32::NAN, f32::NEG_INFINITY] {
            for _ in 0..draw.next(3) {
                map[draw.next((w * h) as u32) as usize] = odd;
            }
        }
        let (Some(a), Some(b)) = (crate::peak(&map, w, h, radius), peak(&map, w, h, radius)) else {
            assert_eq!(crate::peak(&map, w, h, radius), peak(&map, w, h, radius), "case {case}");
            continue;
        };
        // The sums of a covariance may cancel: its size is that of the variances.
        let values = |p: crate::peak::Peak, [xx, xy, yy]: [f32; 3]| {
            [p.x, p.y, p.mass, p.expected_error, xx, xy, yy]
        };
        let [xx, _, yy] = a.covariance;
        let sizes = values(a, [xx, xx + yy, yy]);
        for ((a, b), size) in values(a, a.covariance).iter().zip(values(b, b.covariance)).zip(sizes)
        {
            assert!((a - b).abs() <= PEAK_TOLERANCE * (1.0 + size), "case {case}: {a}, {b}");
        }
    }
    for undefined in [[f32::NAN; 4], [f32::NEG_INFINITY; 4], [0.0, 1.0, f32::INFINITY, 2.0]] {
        assert_eq!(peak(&undefined, 2, 2, 1), None);
    }
    assert_eq!(peak(&[], 0, 0, 1), None);
}
