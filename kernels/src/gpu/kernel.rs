//! The table of all shaders.

extern crate std;
use std::{format, string::String};

use crate::precision::Precision;

/// One compute shader: its text in pieces, and its entry point.
#[derive(Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Name in plans, profiles and errors.
    pub name: &'static str,
    /// Entry point.
    pub entry: &'static str,
    /// The text, piece after piece.
    pub pieces: &'static [&'static str],
    /// Types of values that the text leaves open, each with the binding that decides it.
    pub open: &'static [(&'static str, u32)],
    /// Whether it needs a device with subgroup operations.
    pub subgroups: bool,
    /// Whether only networks in `int8` use it.
    pub int8: bool,
}

impl Kernel {
    /// The lines before the text: the open types, `f16` for the bindings for which `is_half` says so.
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

    /// A shader with fixed types, whose entry point has its name.
    const fn new(name: &'static str, pieces: &'static [&'static str]) -> Self {
        Self { name, entry: name, pieces, open: &[], subgroups: false, int8: false }
    }

    /// A layer that sums products: inputs, skip connection and outputs are `f32` or `f16`.
    const fn sums(name: &'static str, pieces: &'static [&'static str]) -> Self {
        let open = &[("Input", 1), ("Skip", 4), ("Output", 5)];
        Self { open, ..Self::new(name, pieces) }
    }

    const fn entry(self, entry: &'static str) -> Self {
        Self { entry, ..self }
    }

    const fn open(self, open: &'static [(&'static str, u32)]) -> Self {
        Self { open, ..self }
    }

    const fn int8(self) -> Self {
        Self { int8: true, ..self }
    }

    const fn subgroups(self) -> Self {
        Self { subgroups: true, ..self }
    }
}

/// The text of a file beside the reference kernels.
macro_rules! wgsl {
    ($name:literal) => {
        include_str!(concat!("../", $name, ".wgsl"))
    };
}

// Pieces that several shaders share.
const BILINEAR: &str = wgsl!("bilinear");
const CONVOLUTION: &str = wgsl!("convolution");
const CONVOLUTION_SIZES: &str = wgsl!("convolution_sizes");
const CONV_TILE: &str = wgsl!("conv_tile");
const DEPTHWISE_ROW: &str = wgsl!("depthwise_row");
const EPILOGUE: &str = wgsl!("epilogue");
const FOUND_PEAK: &str = wgsl!("found_peak");
const INT8: &str = wgsl!("int8");
const LOCAL_NORM_TEXT: &str = wgsl!("local_norm");
const MATMUL: &str = wgsl!("matmul");
const MATMUL_ANY_LOAD: &str = wgsl!("matmul_any");
const MATMUL_INT8: &str = wgsl!("matmul_int8");
const MATMUL_PARAMS: &str = wgsl!("matmul_params");
const MATMUL_STORE: &str = wgsl!("matmul_store");
const MATMUL_VEC4_ACCESS: &str = wgsl!("matmul_vec4");
const PEAK_TEXT: &str = wgsl!("peak");
const PICTURE: &str = wgsl!("picture");
const POSE: &str = wgsl!("pose");
const STORE: &str = wgsl!("store");
const TOTAL: &str = wgsl!("total");

/// Counts of the grey levels of the picture.
pub static HISTOGRAM: Kernel = Kernel::new("histogram", &[PICTURE, wgsl!("histogram")]);
/// The grey window out of these counts.
pub static GREY_WINDOW: Kernel = Kernel::new("grey_window", &[PICTURE, wgsl!("grey_window")]);
/// Reduction of the picture by integer factors.
pub static BOX_MEAN: Kernel = Kernel::new("box_mean", &[PICTURE, wgsl!("box_mean")]);
/// Resampling onto the input of the backbone.
pub static WARP: Kernel = Kernel::new("warp", &[PICTURE, BILINEAR, wgsl!("warp")]);
/// Local contrast normalisation, along rows.
pub static LOCAL_NORM_ROWS: Kernel = Kernel::new("local_norm_rows", &[LOCAL_NORM_TEXT]);
/// Local contrast normalisation, along columns.
pub static LOCAL_NORM: Kernel = Kernel::new("local_norm", &[LOCAL_NORM_TEXT]);
/// Convolution of many input channels.
pub static CONV: Kernel = Kernel::sums(
    "conv",
    &[EPILOGUE, CONVOLUTION_SIZES, CONVOLUTION, STORE, CONV_TILE, wgsl!("conv")],
);
/// Convolution of few input channels, or of groups.
pub static GROUPED: Kernel =
    Kernel::sums("grouped", &[EPILOGUE, CONVOLUTION_SIZES, CONVOLUTION, STORE, wgsl!("grouped")]);
/// Convolution of each channel by itself.
pub static DEPTHWISE: Kernel = Kernel::sums(
    "depthwise",
    &[EPILOGUE, CONVOLUTION_SIZES, CONVOLUTION, STORE, DEPTHWISE_ROW, wgsl!("depthwise")],
);
/// Transposed convolution.
pub static TRANSPOSED: Kernel = Kernel::sums(
    "transposed",
    &[EPILOGUE, CONVOLUTION_SIZES, CONVOLUTION, STORE, wgsl!("transposed")],
);
/// Matrix product with a multiple of 4 columns.
pub static MATMUL_VEC4: Kernel =
    Kernel::sums("matmul_vec4", &[EPILOGUE, MATMUL_PARAMS, MATMUL_VEC4_ACCESS, MATMUL])
        .entry("matmul");
/// Matrix product with any number of columns.
pub static MATMUL_ANY: Kernel = Kernel::sums(
    "matmul_any",
    &[EPILOGUE, MATMUL_PARAMS, MATMUL_ANY_LOAD, STORE, MATMUL_STORE, MATMUL],
)
.entry("matmul");
/// Matrix product with the result of a depthwise convolution.
pub static MATMUL_DEPTHWISE: Kernel = Kernel::sums(
    "matmul_depthwise",
    &[
        EPILOGUE,
        CONVOLUTION_SIZES,
        MATMUL_PARAMS,
        DEPTHWISE_ROW,
        wgsl!("matmul_depthwise"),
        STORE,
        MATMUL_STORE,
        MATMUL,
    ],
)
.entry("matmul");
/// [`CONV`] with 8-bit integers.
pub static CONV_INT8: Kernel = Kernel::sums(
    "conv_int8",
    &[EPILOGUE, CONVOLUTION_SIZES, CONVOLUTION, STORE, CONV_TILE, INT8, wgsl!("conv_int8")],
)
.entry("conv")
.int8();
/// [`MATMUL_VEC4`] with 8-bit integers.
pub static MATMUL_VEC4_INT8: Kernel = Kernel::sums(
    "matmul_vec4_int8",
    &[EPILOGUE, MATMUL_PARAMS, MATMUL_VEC4_ACCESS, INT8, MATMUL_INT8],
)
.entry("matmul")
.int8();
/// [`MATMUL_ANY`] with 8-bit integers.
pub static MATMUL_ANY_INT8: Kernel = Kernel::sums(
    "matmul_any_int8",
    &[EPILOGUE, MATMUL_PARAMS, MATMUL_ANY_LOAD, STORE, MATMUL_STORE, INT8, MATMUL_INT8],
)
.entry("matmul")
.int8();
/// One operation on one or two values, through views.
pub static ELEMENTWISE: Kernel = Kernel::new("elementwise", &[EPILOGUE, wgsl!("elementwise")])
    .open(&[("A", 1), ("B", 2), ("Output", 3)]);
/// Pooling.
pub static POOL: Kernel =
    Kernel::new("pool", &[wgsl!("pool")]).open(&[("Input", 1), ("Output", 2)]);
/// Resampling along one axis.
pub static RESAMPLE: Kernel =
    Kernel::new("resample", &[wgsl!("resample")]).open(&[("Input", 1), ("Output", 4)]);
/// Decoding of heat maps.
pub static PEAK: Kernel = Kernel::new("peak", &[FOUND_PEAK, wgsl!("peak_tree"), TOTAL, PEAK_TEXT]);
/// [`PEAK`] with subgroup operations.
pub static PEAK_SUBGROUP: Kernel =
    Kernel::new("peak_subgroup", &[FOUND_PEAK, wgsl!("peak_subgroup"), TOTAL, PEAK_TEXT])
        .entry("peak")
        .subgroups();
/// From coarse peaks to the places of regions.
pub static POSE_COARSE: Kernel =
    Kernel::new("pose_coarse", &[PICTURE, FOUND_PEAK, TOTAL, POSE]).entry("coarse");
/// Cutting and normalising of regions.
pub static CROP: Kernel = Kernel::new("crop", &[PICTURE, BILINEAR, TOTAL, wgsl!("crop")]);
/// From fine peaks to the values that are read back.
pub static POSE_FINE: Kernel =
    Kernel::new("pose_fine", &[PICTURE, FOUND_PEAK, TOTAL, POSE]).entry("fine");

/// All shaders, in the order of the data flow.
pub static KERNELS: &[&Kernel] = &[
    &HISTOGRAM,
    &GREY_WINDOW,
    &BOX_MEAN,
    &WARP,
    &LOCAL_NORM_ROWS,
    &LOCAL_NORM,
    &CONV,
    &GROUPED,
    &DEPTHWISE,
    &TRANSPOSED,
    &MATMUL_VEC4,
    &MATMUL_ANY,
    &MATMUL_DEPTHWISE,
    &CONV_INT8,
    &MATMUL_VEC4_INT8,
    &MATMUL_ANY_INT8,
    &ELEMENTWISE,
    &POOL,
    &RESAMPLE,
    &PEAK,
    &PEAK_SUBGROUP,
    &POSE_COARSE,
    &CROP,
    &POSE_FINE,
];
