//! The types and bindings that naga reads from the shaders against the Rust types, without a device.

use super::*;
use crate::conv::Conv;
use crate::elementwise::Elementwise;
use crate::epilogue::Epilogue;
use crate::gpu::wire::{Found, Picture, PoseStep, Row};
use crate::matmul::Matmul;
use crate::pool::Pool;
use crate::resample::Resample;
use naga::{AddressSpace, Module, StorageAccess, TypeInner};

fn parse(kernel: &Kernel) -> Module {
    parse_text(kernel, &kernel.head(|_| false))
}

fn parse_text(kernel: &Kernel, head: &str) -> Module {
    let text = format!("{head}{}", kernel.pieces.concat());
    naga::front::wgsl::parse_str(&text).unwrap_or_else(|e| panic!("{}: {e}", kernel.name))
}

/// Size of a struct of the shader, bytes.
fn span(module: &Module, name: &str) -> Option<u32> {
    module.types.iter().find(|(_, t)| t.name.as_deref() == Some(name)).and_then(|(_, t)| {
        match t.inner {
            TypeInner::Struct { span, .. } => Some(span),
            _ => None,
        }
    })
}

/// Where a member of a struct of the shader lies, bytes.
fn offset(module: &Module, name: &str, member: &str) -> Option<u32> {
    module.types.iter().find(|(_, t)| t.name.as_deref() == Some(name)).and_then(|(_, t)| {
        match &t.inner {
            TypeInner::Struct { members, .. } => {
                members.iter().find(|m| m.name.as_deref() == Some(member)).map(|m| m.offset)
            }
            _ => None,
        }
    })
}

/// The type of the uniform.
fn params(kernel: &Kernel) -> &'static str {
    let is_convolution = kernel.pieces.concat().contains("var<uniform> p: Convolution");
    if is_convolution { "Convolution" } else { "Params" }
}

#[test]
fn uniforms_are_as_long_as_their_rust_types() {
    let size = |name: &str| match name {
        "conv" | "conv_int8" | "grouped" | "depthwise" | "transposed" => size_of::<Conv>(),
        "matmul_vec4" | "matmul_any" | "matmul_depthwise" => size_of::<Matmul>(),
        "matmul_vec4_int8" | "matmul_any_int8" => size_of::<Matmul>(),
        "elementwise" => size_of::<Elementwise>(),
        "pool" => size_of::<Pool>(),
        "resample" => size_of::<Resample>(),
        "pose_coarse" | "pose_fine" => size_of::<PoseStep>(),
        "local_norm" | "local_norm_rows" => size_of::<steps::NormParams>(),
        "crop" => size_of::<steps::CropParams>(),
        "warp" | "peak" | "peak_subgroup" => 16,
        "histogram" | "grey_window" | "box_mean" => 0,
        other => panic!("{other} is not in this list"),
    };
    for kernel in KERNELS {
        let module = parse(kernel);
        let found = span(&module, params(kernel)).unwrap_or(0);
        assert_eq!(found as usize, size(kernel.name), "{}", kernel.name);
        if let Some(epilogue) = span(&module, "Epilogue") {
            assert_eq!(epilogue as usize, size_of::<Epilogue>());
        }
    }
}

#[test]
fn shared_records_have_the_same_places() {
    use core::mem::offset_of;
    let module = parse(&kernel::POSE_FINE);
    assert_eq!(offset(&module, "Picture", "pixels"), Some(size_of::<Picture>() as u32));
    assert_eq!(span(&module, "Found"), Some(size_of::<Found>() as u32));
    assert_eq!(offset(&module, "Results", "rows"), Some(256));
    assert_eq!(size_of::<Found>(), 256);
    assert_eq!(size_of::<Row>(), 16);
    macro_rules! same {
        ($module:ident, $rust:ident . $($member:ident).+ = $shader:literal $name:literal) => {
            let place = offset_of!($rust, $($member).+) as u32;
            assert_eq!(offset(&$module, $shader, $name), Some(place), $name);
        };
    }
    same!(module, Picture.width = "Picture" "width");
    same!(module, Picture.per_word = "Picture" "per_word");
    same!(module, Picture.tail = "Picture" "tail");
    same!(module, Picture.plane_width = "Picture" "plane_width");
    same!(module, Picture.factor_y = "Picture" "factor_y");
    same!(module, Picture.input_to_plane = "Picture" "input_to_plane");
    same!(module, Picture.cell_to_units = "Picture" "cell_to_units");
    same!(module, Picture.unit_per_px = "Picture" "unit_per_px");
    same!(module, Found.gain = "Found" "gain");
    same!(module, Found.coarse_mass = "Found" "coarse_mass");
    same!(module, Found.along = "Found" "along");
    same!(module, Found.shift = "Found" "shift_x");
    same!(module, Found.shape_residual = "Found" "shape_residual");
    same!(module, Found.side = "Found" "side");
    same!(module, PoseStep.fine_cells = "Params" "fine_cells");
    same!(module, PoseStep.outlier = "Params" "outlier");
    same!(module, PoseStep.coarse_middle = "Params" "coarse_middle_x");
    let module = parse(&kernel::CONV);
    same!(module, Conv.out_channels = "Convolution" "out_channels");
    same!(module, Conv.stride_y = "Convolution" "stride_y");
    same!(module, Conv.padded_out = "Convolution" "padded_out");
    same!(module, Conv.epilogue = "Convolution" "epilogue");
    let module = parse(&kernel::MATMUL_ANY);
    same!(module, Matmul.padded_m = "Params" "padded_m");
    same!(module, Matmul.epilogue = "Params" "epilogue");
    let module = parse(&kernel::MATMUL_DEPTHWISE);
    assert_eq!(span(&module, "Convolution"), Some(size_of::<Conv>() as u32));
    same!(module, Conv.out_width = "Convolution" "out_width");
    same!(module, Conv.pad_y = "Convolution" "pad_y");
    same!(module, Conv.epilogue = "Convolution" "epilogue");
    let module = parse(&kernel::CONV_INT8);
    same!(module, Conv.padded_out = "Convolution" "padded_out");
    let module = parse(&kernel::MATMUL_ANY_INT8);
    same!(module, Matmul.padded_m = "Params" "padded_m");
    same!(module, Matmul.bias_batch = "Params" "bias_batch");
    same!(module, Matmul.epilogue = "Params" "epilogue");
    let module = parse(&kernel::ELEMENTWISE);
    same!(module, Elementwise.shape = "Params" "shape");
    same!(module, Elementwise.a.divisor = "Params" "divisor_a");
    same!(module, Elementwise.b.stride = "Params" "stride_b");
    same!(module, Elementwise.stride_out = "Params" "stride_out");
    same!(module, Elementwise.epilogue = "Params" "epilogue");
    let module = parse(&kernel::POOL);
    same!(module, Pool.stride_y = "Params" "stride_y");
    same!(module, Pool.planes = "Params" "planes");
    let module = parse(&kernel::RESAMPLE);
    same!(module, Resample.out_size = "Params" "out_size");
    same!(module, Resample.taps = "Params" "taps");
}

fn validated(module: &Module) -> naga::valid::ModuleInfo {
    use naga::valid::{Capabilities, ValidationFlags, Validator};
    Validator::new(ValidationFlags::all(), Capabilities::all()).validate(module).unwrap()
}

#[test]
fn steps_bind_what_the_shaders_declare() {
    use crate::gpu::steps::{self, At, Layer, PoseBuffers};
    let mut plan = Plan::default();
    let (a, b) = (plan.buffer("a", 1024), plan.buffer("b", 1024));
    let on = PoseBuffers { picture: a, work: b, regions: b, results: b };
    let (x, y) = (plan.tensor(64), plan.tensor(64));
    let at = || At::new(Stage::Backbone, "step");
    let layer = || Layer {
        at: at(),
        batch: 1,
        input: x,
        weights: &[0.0],
        bias: &[0.0],
        skip: None,
        out: y,
    };
    steps::histogram(&mut plan, a, b);
    steps::grey_window(&mut plan, a, a, b);
    steps::box_mean(&mut plan, 0, a, a, b);
    steps::warp(&mut plan, [8, 8], a, a, y);
    let norm =
        crate::local_norm::LocalNorm { width: 8, height: 8, radius: 1, floor: 1.0, gain: 1.0 };
    steps::local_norm(&mut plan, &norm, x, y);
    for (channels, groups) in [(8, 1), (2, 1), (8, 8)] {
        let p = Conv {
            in_channels: channels,
            out_channels: channels,
            groups,
            kernel_height: 1,
            kernel_width: 1,
            stride_x: 1,
            dilation_x: 1,
            dilation_y: 1,
            ..Conv::default()
        };
        let weights = vec![0.0; (channels * channels / groups) as usize];
        let layer = Layer { weights: &weights, bias: &[0.0; 8], ..layer() };
        steps::conv(&mut plan, p, layer.clone());
        if steps::takes_conv_int8(&p) {
            steps::conv_int8(&mut plan, p, layer);
        }
    }
    let p: Conv = bytemuck::Zeroable::zeroed();
    let p = Conv { groups: 1, ..p };
    steps::transposed(&mut plan, &p, layer());
    for n in [4, 5] {
        let p = Matmul::new([1, n, 1], false, Epilogue::default());
        steps::matmul(&mut plan, &p, layer());
        steps::matmul_int8(&mut plan, &p, layer());
    }
    let p = Matmul::new([1; 3], false, Epilogue::default());
    let sizes: Conv = bytemuck::Zeroable::zeroed();
    let before = steps::Depthwise { sizes, weights: vec![0.0], bias: vec![0.0] };
    steps::matmul_depthwise(&mut plan, &p, &before, layer());
    let p = Elementwise::new(crate::elementwise::Operation::Copy, [1; 8], Epilogue::default());
    steps::elementwise(&mut plan, at(), &p, x, None, y);
    steps::pool(&mut plan, at(), &Pool::default(), x, y);
    steps::resample(&mut plan, at(), &Resample::default(), x, &[0], &[0.0], y);
    steps::peak(&mut plan, at(), [8, 8], 1, 1, x, y);
    let mut plan = plan.with_subgroups(true);
    steps::peak(&mut plan, at(), [8, 8], 1, 1, x, y);
    let p: PoseStep = bytemuck::Zeroable::zeroed();
    steps::pose_coarse(&mut plan, &p, on, x, x);
    steps::crop(&mut plan, [8, 1], 1.0, on, a, y);
    steps::pose_fine(&mut plan, &p, on, x, x);

    let names: std::collections::BTreeSet<_> = plan.steps().iter().map(|s| s.kernel.name).collect();
    assert_eq!(names.len(), KERNELS.len(), "every kernel has a step: {names:?}");
    for step in plan.steps() {
        let halves = parse_text(step.kernel, &step.kernel.head(|_| true));
        validated(&halves);
        let module = parse(step.kernel);
        let info = validated(&module);
        let place = module.entry_points.iter().position(|e| e.name == step.kernel.entry).unwrap();
        let used = info.get_entry_point(place);
        let mut declared = vec![];
        for (handle, global) in module.global_variables.iter() {
            let Some(binding) = &global.binding else { continue };
            if used[handle].is_empty() {
                continue;
            }
            let kind = match global.space {
                AddressSpace::Uniform => 'u',
                AddressSpace::Storage { access } if access.contains(StorageAccess::STORE) => 'w',
                _ => 'r',
            };
            declared.push((binding.binding, kind));
        }
        let mut bound: Vec<(u32, char)> = step.reads.iter().map(|(b, _)| (*b, 'r')).collect();
        bound.extend(step.writes.iter().map(|(b, _)| (*b, 'w')));
        if !step.params.is_empty() {
            bound.push((0, 'u'));
        }
        declared.sort_unstable();
        bound.sort_unstable();
        assert_eq!(bound, declared, "{}", step.kernel.name);
    }
}
