//! The table of all shaders.

/// One compute shader: its text in pieces, and the function that is run.
#[derive(Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Name, by which plans, profiles and errors call it.
    pub name: &'static str,
    /// Entry point.
    pub entry: &'static str,
    /// The text, piece after piece.
    pub pieces: &'static [&'static str],
}

const EPILOGUE: &str = include_str!("../epilogue.wgsl");
const BILINEAR: &str = include_str!("../bilinear.wgsl");
const CONVOLUTION: &str = include_str!("../convolution.wgsl");
const FOUND_PEAK: &str = include_str!("../found_peak.wgsl");
const PICTURE: &str = include_str!("../picture.wgsl");
const MATMUL: &str = include_str!("../matmul.wgsl");
const LOCAL_NORM: &str = include_str!("../local_norm.wgsl");
const POSE: &str = include_str!("../pose.wgsl");

const fn same(name: &'static str, pieces: &'static [&'static str]) -> Kernel {
    Kernel { name, entry: name, pieces }
}

/// All shaders, in the order of the data's way.
pub const KERNELS: &[Kernel] = &[
    same("histogram", &[PICTURE, include_str!("../histogram.wgsl")]),
    same("grey_window", &[PICTURE, include_str!("../grey_window.wgsl")]),
    same("box_mean", &[PICTURE, include_str!("../box_mean.wgsl")]),
    same("warp", &[PICTURE, BILINEAR, include_str!("../warp.wgsl")]),
    same("local_norm_rows", &[LOCAL_NORM]),
    same("local_norm", &[LOCAL_NORM]),
    same("conv", &[EPILOGUE, CONVOLUTION, include_str!("../conv.wgsl")]),
    same("grouped", &[EPILOGUE, CONVOLUTION, include_str!("../grouped.wgsl")]),
    same("depthwise", &[EPILOGUE, CONVOLUTION, include_str!("../depthwise.wgsl")]),
    same("transposed", &[EPILOGUE, CONVOLUTION, include_str!("../transposed.wgsl")]),
    Kernel {
        name: "matmul_vec4",
        entry: "matmul",
        pieces: &[EPILOGUE, include_str!("../matmul_vec4.wgsl"), MATMUL],
    },
    Kernel {
        name: "matmul_any",
        entry: "matmul",
        pieces: &[EPILOGUE, include_str!("../matmul_any.wgsl"), MATMUL],
    },
    same("elementwise", &[EPILOGUE, include_str!("../elementwise.wgsl")]),
    same("pool", &[include_str!("../pool.wgsl")]),
    same("resample", &[include_str!("../resample.wgsl")]),
    same("peak", &[FOUND_PEAK, include_str!("../peak.wgsl")]),
    Kernel { name: "pose_coarse", entry: "coarse", pieces: &[PICTURE, FOUND_PEAK, POSE] },
    same("crop", &[PICTURE, BILINEAR, include_str!("../crop.wgsl")]),
    Kernel { name: "pose_fine", entry: "fine", pieces: &[PICTURE, FOUND_PEAK, POSE] },
];

/// The shader of that name.
pub fn kernel(name: &str) -> Option<&'static Kernel> {
    KERNELS.iter().find(|kernel| kernel.name == name)
}
