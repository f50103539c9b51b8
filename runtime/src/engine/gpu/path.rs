//! One image through the GPU: upload, one run, decoding of the read-back.

use std::time::{Duration, Instant};

use fiducia_kernels::gpu::wire::{Found as Head, Picture, Row};
use fiducia_kernels::gpu::{
    BufferId, Choice, Counters, Gpu, MeasuredPeak, Program, Running, measure_peak, steps,
};
use fiducia_kernels::{Affine, Precision};

use super::cache_key::CacheKey;
use super::pipelines::Pipelines;
use super::prepare::{HEAD_BYTES, Prepared, ROW_BYTES, prepare};
use super::self_test::ensure_tested;
use crate::engine::device::{BackendInfo, DetectorOptions};
use crate::engine::observation::{Found, Observation, Timings};
use crate::engine::search::{cell_to_px, region_unit};
use crate::error::{Error, ErrorKind};
use crate::pack::{Manifest, Pack};
use crate::preprocess::{check, full_image_frame, no_contrast, reduction};
use crate::radiograph::Radiograph;
use crate::radiograph::grey_window::tail;
use crate::shape::Pose;

/// Time limit of a profile, and largest number of its runs.
const PROFILED: (Duration, usize) = (Duration::from_millis(500), 30);

/// Time and work of one step of the GPU path.
#[derive(Clone, Debug, serde::Serialize)]
pub struct StepTime {
    /// Name of the shader.
    pub kernel: &'static str,
    /// The graph node that it computes, or the step between the graphs.
    pub label: String,
    /// Time on the device, ms; the median of several runs.
    pub ms: f64,
    /// Multiplications and additions of convolutions and matrix products.
    pub flops: u64,
    /// Least number of bytes to read and write.
    pub bytes: u64,
}

/// An image in progress on a device.
#[derive(Debug)]
pub(crate) struct OnDevice {
    running: Running,
    start: Instant,
}

/// A pack on a GPU, ready for one image after another.
#[derive(Debug)]
pub(crate) struct GpuPath {
    program: Program,
    precision: Precision,
    picture: BufferId,
    planes: [BufferId; 2],
    reductions: [usize; 2],
    /// Header and packed pixels of the current image.
    upload: Vec<u8>,
}

impl GpuPath {
    /// Opens the device that `wanted` describes and prepares the landmarks with the numbers `chosen` of `pack` on it.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::NoGpu`] where there is none or a layer is not supported,
    /// [`crate::error::ErrorKind::Unreadable`] where a graph does not fit the manifest.
    pub(crate) fn new(
        pack: &Pack,
        manifest: &Manifest,
        chosen: &[usize],
        wanted: &DetectorOptions,
    ) -> Result<Self, Error> {
        let precision = wanted.precision;
        let gpu = Gpu::open(&match &wanted.adapter {
            None => Choice::Real,
            Some(name) => Choice::Named(name.clone()),
        })?;
        has_form(&gpu, precision)?;
        let subject = CacheKey::of(&gpu, pack, wanted);
        ensure_tested(&gpu, &subject, wanted)?;
        let prepared = prepare(pack, manifest, chosen, gpu.plan(precision))?;
        let Prepared { plan, read_back, picture, planes, reductions } = prepared;
        let pipelines = Pipelines::find(&subject, wanted);
        let program = Program::new(pipelines.lend(gpu), plan, read_back)?;
        pipelines.keep(&program);
        Ok(Self { program, precision, picture, planes, reductions, upload: Vec::new() })
    }

    /// The device that runs, for reports.
    pub(crate) fn backend(&self) -> BackendInfo {
        let adapter = self.program.gpu().adapter();
        BackendInfo {
            kind: "gpu",
            device: adapter.name.clone(),
            driver: format!("{} through {}", adapter.driver, adapter.interface),
            precision: self.precision.name(),
            chosen_because: None,
        }
    }

    /// Destroys the device, as a driver reset would.
    pub(crate) fn lose(&self) {
        self.program.gpu().lose();
    }

    /// Number of submits, uploads and read-backs so far.
    pub(crate) fn counters(&self) -> Counters {
        self.program.counters()
    }

    /// Hands `radiograph` to the device, without waiting.
    ///
    /// # Errors
    /// As [`crate::detector::Detector::observe`].
    pub(crate) fn start(
        &mut self,
        manifest: &Manifest,
        radiograph: &Radiograph,
    ) -> Result<OnDevice, Error> {
        let start = Instant::now();
        check(radiograph)?;
        let at = |e: Error| e.at(&radiograph.name);
        let picture = self.fit(manifest, radiograph).map_err(at)?;
        self.pack(picture, radiograph);
        let running = self.program.start(self.picture, &self.upload).map_err(|e| at(e.into()))?;
        Ok(OnDevice { running, start })
    }

    /// Waits for the result of `radiograph`.
    ///
    /// # Errors
    /// As [`crate::detector::Detector::observe`].
    pub(crate) fn finish(
        &mut self,
        manifest: &Manifest,
        radiograph: &Radiograph,
        OnDevice { running, start }: OnDevice,
    ) -> Result<Observation, Error> {
        let read = self.program.finish(running, <[u8]>::to_vec);
        let read = read.map_err(|e| Error::from(e).at(&radiograph.name))?;
        let head: Head = bytemuck::pod_read_unaligned(&read[..HEAD_BYTES]);
        if head.low == head.high {
            return Err(no_contrast(radiograph, head.low as u16));
        }
        let rows = read[HEAD_BYTES..].chunks_exact(ROW_BYTES).take(manifest.landmarks.len());
        let found =
            rows.map(|row| decode(bytemuck::pod_read_unaligned(row), &head, manifest, radiograph));
        let mut seen = observation(&head, found.collect(), manifest, radiograph);
        seen.timings_ms = self.timings(&read);
        seen.timings_ms.total = start.elapsed().as_secs_f64() * 1e3;
        Ok(seen)
    }

    /// Times every step by itself on the last image; `None` if the device has no timestamp queries.
    ///
    /// # Errors
    /// As [`crate::detector::Detector::observe`].
    pub(crate) fn profile(&mut self) -> Result<Option<Vec<StepTime>>, Error> {
        let (start, (patience, most)) = (Instant::now(), PROFILED);
        let mut runs: Vec<Vec<f64>> = Vec::new();
        while runs.is_empty() || runs.len() < most && start.elapsed() < patience {
            let Some(times) = self.program.profile()? else { return Ok(None) };
            runs.push(times);
        }
        let median = |at: usize| {
            let mut all: Vec<f64> = runs.iter().map(|times| times[at]).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let times: Vec<f64> = (0..self.program.steps().len()).map(median).collect();
        let step = |(i, ms): (usize, f64)| {
            let step = &self.program.steps()[i];
            let (flops, bytes) = (step.flops, self.program.traffic(i));
            StepTime { kernel: step.kernel.name, label: step.label.clone(), ms, flops, bytes }
        };
        Ok(Some(times.into_iter().enumerate().map(step).collect()))
    }

    /// As [`crate::detector::Detector::measured_peak`].
    pub(crate) fn measured_peak(&self) -> Result<MeasuredPeak, Error> {
        Ok(measure_peak(self.program.gpu())?)
    }

    /// Device memory in use, bytes.
    pub(crate) fn device_bytes(&self) -> u64 {
        self.program.device_bytes()
    }

    /// The header with the maps between image, planes and heat maps; enlarges the buffers if necessary.
    fn fit(&mut self, manifest: &Manifest, radiograph: &Radiograph) -> Result<Picture, Error> {
        let (whole, size) = (&manifest.whole, [radiograph.width, radiograph.height]);
        let unit_per_px = manifest.unit_per_px(radiograph.height, radiograph.spacing_mm);
        let units = [whole.unit_per_px, manifest.refine.unit_per_px];
        let reductions = units.map(|unit| reduction(size, unit, unit_per_px));
        let frame = full_image_frame(whole, size, unit_per_px);
        let to_plane = reductions[0].to_input().inverse().unwrap_or(Affine::IDENTITY).after(&frame);
        let to_units = Affine::scale(unit_per_px[0], unit_per_px[1])
            .after(&frame)
            .after(&cell_to_px(whole.stride));
        // Neither map has a rotation.
        let diagonal = |map: &Affine| {
            let m = &map.m;
            [m[0][0], m[1][1], m[0][2], m[1][2]].map(|v| v as f32)
        };
        let mut picture = Picture::new(size[0], size[1], tail(radiograph.pixels.len()), reductions);
        picture.input_to_plane = diagonal(&to_plane);
        picture.cell_to_units = diagonal(&to_units);
        picture.unit_per_px = unit_per_px.map(|v| v as f32);
        picture.measure(&radiograph.pixels);
        let bytes = |[w, h]: [usize; 2]| 4 * w * h;
        let outputs = reductions.map(|r| r.output());
        self.program.reserve(&[
            (self.picture, HEAD_BYTES + 4 * picture.words as usize),
            (self.planes[0], bytes(outputs[0])),
            (self.planes[1], bytes(outputs[1])),
        ])?;
        for (step, output) in self.reductions.into_iter().zip(outputs) {
            self.program.set_groups(step, steps::box_mean_groups(output));
        }
        Ok(picture)
    }

    fn pack(&mut self, picture: Picture, radiograph: &Radiograph) {
        self.upload.resize(HEAD_BYTES + 4 * picture.words as usize, 0);
        let (head, pixels) = self.upload.split_at_mut(HEAD_BYTES);
        head.copy_from_slice(bytemuck::bytes_of(&picture));
        picture.pack(&radiograph.pixels, pixels);
    }

    /// Times of the stages on the device; NaN if it has no timestamp queries.
    fn timings(&self, read: &[u8]) -> Timings {
        let [preprocess, backbone, crop, refine, decode] =
            self.program.stage_ms(read).unwrap_or([f64::NAN; 5]);
        Timings { preprocess, backbone, crop, refine, decode, total: 0.0 }
    }
}

fn has_form(gpu: &Gpu, precision: Precision) -> Result<(), Error> {
    if gpu.runs(precision) {
        return Ok(());
    }
    let message = format!("{} has no 16-bit floats; leave out --precision f16", gpu.adapter().name);
    Err(Error::new(ErrorKind::NoGpu, message))
}

/// One landmark from its 16 bytes.
fn decode(row: Row, head: &Head, manifest: &Manifest, radiograph: &Radiograph) -> Found {
    let refine = &manifest.refine;
    let unit_per_px = manifest.unit_per_px(radiograph.height, radiograph.spacing_mm);
    let fine = row.decode([radiograph.width, radiograph.height], refine.size / refine.stride);
    let pose = pose(head);
    let cell = region_unit(refine, &pose) * refine.stride as f64;
    let to_units = Affine::similarity(pose.angle, cell, [0.0; 2], [0.0; 2]);
    let to_px = Affine::scale(1.0 / unit_per_px[0], 1.0 / unit_per_px[1]);
    Found {
        point: [fine.px[0] * unit_per_px[0], fine.px[1] * unit_per_px[1]],
        px: fine.px,
        covariance_px2: to_px.after(&to_units).apply_covariance(fine.covariance_cells2),
        spread: fine.spread,
        residual: fine.residual,
    }
}

fn pose(head: &Head) -> Pose {
    let (along, across) = (f64::from(head.along), f64::from(head.across));
    let (angle, scale) = (across.atan2(along), along.hypot(across));
    let to_image = Affine::similarity(angle, scale, [0.0; 2], head.shift.map(f64::from));
    Pose { to_image, angle, scale }
}

fn observation(
    head: &Head,
    found: Vec<Found>,
    manifest: &Manifest,
    radiograph: &Radiograph,
) -> Observation {
    Observation {
        found,
        coarse_mass: head.coarse_mass.into(),
        pose_residual: head.pose_residual.into(),
        side: manifest.plausibility.min_side.map(|_| head.side.into()),
        pose: pose(head),
        amounts: Vec::new(),
        shape_residual: head.shape_residual.into(),
        grey_levels: head.levels as usize,
        white_fraction: f64::from(head.white) / radiograph.pixels.len() as f64,
        timings_ms: Timings::default(),
    }
}
