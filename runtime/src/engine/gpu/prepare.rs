//! The plan of a pack: every step from packed pixels to sixteen bytes per landmark.

use std::sync::Arc;

use fiducia_kernels::LocalNorm;
use fiducia_kernels::gpu::steps::{self, At, PoseBuffers};
use fiducia_kernels::gpu::wire::PoseStep;
use fiducia_kernels::gpu::{BufferId, Plan, ReadBack, Slot, Stage};
use fiducia_kernels::pose::Place;
use tract_onnx::prelude::*;

use super::lower::lower;
use crate::engine::graph::{backbone_shapes, typed};
use crate::engine::search::{COARSE_OUTLIER_UNITS, CROP_SCALES, SearchPoint};
use crate::error::{Error, ErrorKind};
use crate::pack::{Manifest, Pack, SectionKind};
use crate::preprocess::{CROP_FLOOR, NORM_FLOOR, NORM_GAIN};

/// Bytes read back beside the landmarks.
pub(super) const HEAD_BYTES: usize = 256;
/// Bytes read back per landmark.
pub(super) const ROW_BYTES: usize = 16;
/// Where device times lie in the head.
const TICKS_AT: usize = 128;
/// Bytes of a decoded heat map in device memory.
const PEAK_BYTES: usize = 32;
/// Grey levels of 16 bits.
const LEVELS: usize = 1 << 16;

/// A plan, and what of it depends on the image.
pub(super) struct Prepared {
    pub(super) plan: Plan,
    pub(super) read_back: ReadBack,
    pub(super) picture: BufferId,
    /// Reduced planes of the whole image and of the regions.
    pub(super) planes: [BufferId; 2],
    /// The steps that fill them.
    pub(super) reductions: [usize; 2],
}

/// Plans the inference of the landmarks number `chosen` of `pack` in the empty `plan`; `manifest` names only these.
///
/// # Errors
/// [`ErrorKind::Unreadable`] where a graph does not fit the manifest, [`ErrorKind::NoGpu`] where a layer is not
/// supported.
pub(super) fn prepare(
    pack: &Pack,
    manifest: &Manifest,
    chosen: &[usize],
    mut plan: Plan,
) -> Result<Prepared, Error> {
    let (whole, refine) = (&manifest.whole, &manifest.refine);
    let (points, landmarks) = (manifest.model_landmarks().len(), manifest.landmarks.len());
    let shape = pack.shape();
    let pose = pose_step(manifest, shape.modes.len());
    let results = plan.buffer("results", HEAD_BYTES + ROW_BYTES * landmarks);
    // They grow with the first image.
    let picture = plan.buffer("picture", HEAD_BYTES + 16);
    let planes = [plan.buffer("whole plane", 4), plan.buffer("region plane", 4)];
    let bins = plan.cleared_buffer("grey levels", 4 * LEVELS);
    let on = PoseBuffers {
        picture,
        work: plan.buffer("pose", 4 * pose.work()),
        regions: plan.buffer("regions", 8 * (1 + landmarks)),
        results,
    };

    steps::histogram(&mut plan, picture, bins);
    steps::grey_window(&mut plan, picture, bins, results);
    let reductions =
        [0, 1].map(|number| steps::box_mean(&mut plan, number, picture, results, planes[number]));
    let size = [whole.width, whole.height];
    let [raw, input] = [0; 2].map(|_| plan.tensor(size[0] * size[1]));
    steps::warp(&mut plan, size, picture, planes[0], raw);
    let norm = LocalNorm {
        width: whole.width,
        height: whole.height,
        radius: whole.norm_radius,
        floor: NORM_FLOOR,
        gain: NORM_GAIN,
    };
    steps::local_norm(&mut plan, &norm, raw, input);

    let cells = [whole.width / whole.stride, whole.height / whole.stride];
    let seen = backbone(pack, &mut plan, input)?;
    let peaks = plan.tensor(PEAK_BYTES / 4 * points);
    let at = At::new(Stage::Crop, "coarse peaks");
    steps::peak(&mut plan, at, cells, whole.peak_radius, points, seen[0], peaks);
    let places: Vec<SearchPoint> = chosen.iter().map(|&l| SearchPoint::new(pack, l)).collect();
    let expected: Vec<Place<'_>> = places.iter().map(expected).collect();
    let model = plan.constant(&steps::pack_shape(&shape.shape(), &expected));
    steps::pose_coarse(&mut plan, &pose, on, model, peaks);
    if let Some(&side) = seen.get(1) {
        steps::side(&mut plan, side, results);
    }
    let regions = plan.tensor(landmarks * refine.size * refine.size);
    steps::crop(&mut plan, [refine.size, landmarks], CROP_FLOOR, on, planes[1], regions);

    let maps = refined(pack, manifest, chosen, &mut plan, regions)?;
    let peaks = plan.tensor(PEAK_BYTES / 4 * landmarks);
    let at = At::new(Stage::Decode, "fine peaks");
    let cells = [refine.size / refine.stride; 2];
    steps::peak(&mut plan, at, cells, refine.peak_radius, landmarks, maps, peaks);
    steps::pose_fine(&mut plan, &pose, on, model, peaks);

    let bytes = HEAD_BYTES + ROW_BYTES * landmarks;
    let read_back = ReadBack { buffer: results, bytes, ticks_at: TICKS_AT };
    Ok(Prepared { plan, read_back, picture, planes, reductions })
}

/// The heat maps and, where the model knows it, the side.
fn backbone(pack: &Pack, plan: &mut Plan, input: Slot) -> Result<Vec<Slot>, Error> {
    let (shape, outputs) = backbone_shapes(pack.manifest());
    let model = typed(pack.section(SectionKind::Backbone), &[shape], &outputs);
    model
        .and_then(|model| lowered(&model, plan, Stage::Backbone, input, &[]))
        .map_err(|e| e.at("backbone graph"))
}

fn refined(
    pack: &Pack,
    manifest: &Manifest,
    chosen: &[usize],
    plan: &mut Plan,
    regions: Slot,
) -> Result<Slot, Error> {
    let (size, count) = (manifest.refine.size, chosen.len());
    let cells = size / manifest.refine.stride;
    let adapters = pack.adapters(chosen);
    let inputs = manifest.refine_inputs(count);
    let tensors: TractResult<Vec<Arc<Tensor>>> = adapters
        .iter()
        .map(|(shape, values)| Ok(Arc::new(Tensor::from_shape(shape, values)?)))
        .collect();
    let engine = |e: TractError| Error::new(ErrorKind::Engine, format!("adapters: {e:#}"));
    let tensors = tensors.map_err(engine)?;
    let outputs = [vec![count, 1, cells, cells]];
    let model = typed(pack.section(SectionKind::Refine), &inputs, &outputs);
    model
        .and_then(|model| lowered(&model, plan, Stage::Refine, regions, &tensors))
        .map(|results| results[0])
        .map_err(|e| e.at("refine graph"))
}

/// The graph comes from outside: what it trips in the lowering is an error like any other.
fn lowered(
    model: &TypedModel,
    plan: &mut Plan,
    stage: Stage,
    input: Slot,
    constants: &[Arc<Tensor>],
) -> Result<Vec<Slot>, Error> {
    let lower = std::panic::AssertUnwindSafe(|| lower(model, plan, stage, input, constants));
    std::panic::catch_unwind(lower).unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::NoGpu, "the GPU path cannot run it; use --backend cpu"))
    })
}

fn pose_step(manifest: &Manifest, modes: usize) -> PoseStep {
    let (whole, refine) = (&manifest.whole, &manifest.refine);
    let cells = |edge: usize| (edge / whole.stride) as f32;
    PoseStep {
        model_landmarks: manifest.model_landmarks().len() as u32,
        landmarks: manifest.landmarks.len() as u32,
        modes: modes as u32,
        fine_cells: (refine.size / refine.stride) as u32,
        fine_stride: refine.stride as f32,
        region_size: refine.size as f32,
        region_unit: refine.unit_per_px as f32,
        outlier: COARSE_OUTLIER_UNITS as f32,
        scale_low: CROP_SCALES[0] as f32,
        scale_high: CROP_SCALES[1] as f32,
        coarse_middle: [cells(whole.width) / 2.0, cells(whole.height) / 2.0],
    }
}

/// The expected position of a landmark, as the kernels read it.
fn expected(place: &SearchPoint) -> Place<'_> {
    match place {
        SearchPoint::ModelLandmark(model_landmark) => Place::ModelLandmark(*model_landmark),
        SearchPoint::Derived(derived) => derived.expected(),
    }
}
