//! The table of all shaders.

extern crate std;
use std::{format, string::String};

use crate::Precision;

/// One compute shader: its text in pieces, and the function that is run.
#[derive(Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Name, by which plans, profiles and errors call it.
    pub name: &'static str,
    /// Entry point.
    pub entry: &'static str,
    /// The text, piece after piece.
    pub pieces: &'static [&'static str],
    /// Types of values that the text leaves open, each with the binding that has it.
    pub open: &'static [(&'static str, u32)],
    /// Whether it needs a device with subgroup operations.
    pub subgroups: bool,
    /// Whether only networks in `int8` take it.
    pub int8: bool,
}

impl Kernel {
    /// What stands before the text: the open types, `f16` where `is_half` says so of a binding.
    pub fn head(&self, is_half: impl Fn(u32) -> bool) -> String {
        let mut head = String::new();
        if self.open.iter().any(|&(_, binding)| is_half(binding)) {
            head += "enable f16;\n";
        }
        for &(name, binding) in self.open {
            let form = if is_half(binding) { Precision::F16 } else { Precision::F32 };
            head += &format!("alias {name} = {};\n", form.name());
        }
        head
    }
}

const EPILOGUE: &str = include_str!("../epilogue.wgsl");
const BILINEAR: &str = include_str!("../bilinear.wgsl");
const CONVOLUTION: &str = include_str!("../convolution.wgsl");
const FOUND_PEAK: &str = include_str!("../found_peak.wgsl");
const PICTURE: &str = include_str!("../picture.wgsl");
const MATMUL: &str = include_str!("../matmul.wgsl");
const MATMUL_STORE: &str = include_str!("../matmul_store.wgsl");
const MATMUL_VEC4: &str = include_str!("../matmul_vec4.wgsl");
const MATMUL_ANY: &str = include_str!("../matmul_any.wgsl");
const MATMUL_DEPTHWISE: &str = include_str!("../matmul_depthwise.wgsl");
const INT8: &str = include_str!("../int8.wgsl");
const MATMUL_INT8: &str = include_str!("../matmul_int8.wgsl");
const LOCAL_NORM: &str = include_str!("../local_norm.wgsl");
const PEAK: &str = include_str!("../peak.wgsl");
const POSE: &str = include_str!("../pose.wgsl");

const SUMS: &[(&str, u32)] = &[("Input", 1), ("Skip", 4), ("Output", 5)];

const fn same(name: &'static str, pieces: &'static [&'static str]) -> Kernel {
    Kernel { name, entry: name, pieces, open: &[], subgroups: false, int8: false }
}

/// A layer of a network.
const fn layer(
    name: &'static str,
    open: &'static [(&'static str, u32)],
    pieces: &'static [&'static str],
) -> Kernel {
    Kernel { open, ..same(name, pieces) }
}

/// A product of 8-bit whole numbers; the values between layers are open as in the others.
const fn whole(name: &'static str, pieces: &'static [&'static str]) -> Kernel {
    Kernel { entry: "matmul", int8: true, ..layer(name, SUMS, pieces) }
}

/// All shaders, in the order of the data's way.
pub const KERNELS: &[Kernel] = &[
    same("histogram", &[PICTURE, include_str!("../histogram.wgsl")]),
    same("grey_window", &[PICTURE, include_str!("../grey_window.wgsl")]),
    same("box_mean", &[PICTURE, include_str!("../box_mean.wgsl")]),
    same("warp", &[PICTURE, BILINEAR, include_str!("../warp.wgsl")]),
    same("local_norm_rows", &[LOCAL_NORM]),
    same("local_norm", &[LOCAL_NORM]),
    layer("conv", SUMS, &[EPILOGUE, CONVOLUTION, include_str!("../conv.wgsl")]),
    layer("grouped", SUMS, &[EPILOGUE, CONVOLUTION, include_str!("../grouped.wgsl")]),
    layer("depthwise", SUMS, &[EPILOGUE, CONVOLUTION, include_str!("../depthwise.wgsl")]),
    layer("transposed", SUMS, &[EPILOGUE, CONVOLUTION, include_str!("../transposed.wgsl")]),
    Kernel { entry: "matmul", ..layer("matmul_vec4", SUMS, &[EPILOGUE, MATMUL_VEC4, MATMUL]) },
    Kernel {
        entry: "matmul",
        ..layer("matmul_any", SUMS, &[EPILOGUE, MATMUL_ANY, MATMUL_STORE, MATMUL])
    },
    Kernel {
        entry: "matmul",
        ..layer("matmul_depthwise", SUMS, &[EPILOGUE, MATMUL_DEPTHWISE, MATMUL_STORE, MATMUL])
    },
    Kernel {
        entry: "conv",
        ..whole("conv_int8", &[EPILOGUE, CONVOLUTION, INT8, include_str!("../conv_int8.wgsl")])
    },
    whole("matmul_vec4_int8", &[EPILOGUE, MATMUL_VEC4, INT8, MATMUL_INT8]),
    whole("matmul_any_int8", &[EPILOGUE, MATMUL_ANY, MATMUL_STORE, INT8, MATMUL_INT8]),
    layer(
        "elementwise",
        &[("A", 1), ("B", 2), ("Output", 3)],
        &[EPILOGUE, include_str!("../elementwise.wgsl")],
    ),
    layer("pool", &[("Input", 1), ("Output", 2)], &[include_str!("../pool.wgsl")]),
    layer("resample", &[("Input", 1), ("Output", 4)], &[include_str!("../resample.wgsl")]),
    same("peak", &[FOUND_PEAK, include_str!("../peak_tree.wgsl"), PEAK]),
    Kernel {
        name: "peak_subgroup",
        entry: "peak",
        pieces: &[FOUND_PEAK, include_str!("../peak_subgroup.wgsl"), PEAK],
        open: &[],
        subgroups: true,
        int8: false,
    },
    Kernel { entry: "coarse", ..same("pose_coarse", &[PICTURE, FOUND_PEAK, POSE]) },
    same("crop", &[PICTURE, BILINEAR, include_str!("../crop.wgsl")]),
    Kernel { entry: "fine", ..same("pose_fine", &[PICTURE, FOUND_PEAK, POSE]) },
];

/// The shader of that name.
pub fn kernel(name: &str) -> Option<&'static Kernel> {
    KERNELS.iter().find(|kernel| kernel.name == name)
}
