//! One image through the CPU: preprocessing, backbone, regions of interest, refine network, peaks.

use std::time::Instant;

use fiducia_kernels::simd::peak;
use fiducia_kernels::{Affine, Peak, Precision};
use rayon::prelude::*;

use super::backbone::Backbone;
use super::refine::{Refine, threads};
use crate::engine::device::BackendInfo;
use crate::engine::observation::{Found, Observation, Timings};
use crate::engine::search::{COARSE_OUTLIER_UNITS, SearchPoint, cell_to_px, region_unit};
use crate::error::Error;
use crate::pack::{FullImageInput, Manifest, Pack, RefineFrame};
use crate::preprocess::{Grey, Plane, crop, full_image_frame, full_image_input};
use crate::radiograph::Radiograph;
use crate::shape::{Pose, ShapeModel, distance, rms};

/// A model on the CPU with all its buffers.
#[derive(Debug)]
pub(crate) struct CpuPath {
    backbone: Backbone,
    refine: Refine,
    shape: ShapeModel,
    search_points: Vec<SearchPoint>,
    /// The image, reduced.
    plane: Plane,
    /// Input of the backbone `[1, 1, height, width]`.
    input: Vec<f32>,
    /// Of the local normalisation.
    scratch: Vec<f64>,
    /// Input of the refine network `[landmarks, 1, size, size]`.
    regions: Vec<f32>,
}

/// The coarse points and the shape fitted to them.
struct CoarseShape {
    /// Peaks of the coarse heat maps, units.
    points: Vec<[f64; 2]>,
    /// Probability in each peak.
    masses: Vec<f64>,
    pose: Pose,
    /// Of each mode of the shape model, units.
    amounts: Vec<f64>,
    /// The points, gross outliers replaced by those of the shape.
    corrected: Vec<[f64; 2]>,
}

impl CpuPath {
    /// Compiles the graphs of `pack` for the landmarks with the numbers `chosen`.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`](crate::error::ErrorKind::Unreadable) where a graph does not fit the manifest.
    pub(crate) fn new(pack: &Pack, manifest: &Manifest, chosen: &[usize]) -> Result<Self, Error> {
        let (backbone, refine) = rayon::join(|| Backbone::new(pack), || Refine::new(pack, chosen));
        let (whole, size) = (&manifest.whole, manifest.refine.size);
        Ok(Self {
            backbone: backbone?,
            refine: refine?,
            shape: pack.shape(),
            search_points: chosen.iter().map(|&l| SearchPoint::new(pack, l)).collect(),
            plane: Plane::default(),
            input: vec![0.0; whole.width * whole.height],
            scratch: Vec::new(),
            regions: vec![0.0; chosen.len() * size * size],
        })
    }

    /// The processor, for reports.
    pub(crate) fn backend() -> BackendInfo {
        let device = format!("{} with {} threads", std::env::consts::ARCH, threads());
        let (driver, precision) = ("tract 0.23.9".to_owned(), Precision::F32.name());
        BackendInfo { kind: "cpu", device, driver, precision, chosen_because: None }
    }

    /// Runs the networks on `radiograph`.
    ///
    /// # Errors
    /// As [`Detector::observe`](crate::detector::Detector::observe).
    pub(crate) fn start(
        &mut self,
        manifest: &Manifest,
        radiograph: &Radiograph,
    ) -> Result<Observation, Error> {
        let mut clock = Clock::new();
        let mut timings_ms = Timings::default();
        let unit_per_px = manifest.unit_per_px(radiograph.height, radiograph.spacing_mm);
        let to_units = Affine::scale(unit_per_px[0], unit_per_px[1]);
        let grey = Grey::new(radiograph)?;

        let (whole, size) = (&manifest.whole, [radiograph.width, radiograph.height]);
        let frame = full_image_frame(whole, size, unit_per_px);
        grey.reduce(whole.unit_per_px, unit_per_px, &mut self.plane);
        full_image_input(whole, &self.plane, &frame, &mut self.input, &mut self.scratch);
        timings_ms.preprocess = clock.lap();
        let seen = self.backbone.run(&self.input)?;
        timings_ms.backbone = clock.lap();
        let coarse = self.coarse_shape(whole, &seen.maps, &to_units.after(&frame));

        grey.reduce(manifest.refine.unit_per_px, unit_per_px, &mut self.plane);
        let frames = self.cut(&manifest.refine, &coarse, &to_units);
        timings_ms.crop = clock.lap();
        let maps = self.refine.run(&self.regions)?;
        timings_ms.refine = clock.lap();
        let mut found = fine_points(&manifest.refine, &maps, &frames, &to_units);
        self.compare_with_shape(&mut found, &coarse.corrected);
        let pose_residual = self.pose_residual(&coarse);
        let shape_residual = self.shape_residual(&found);
        (timings_ms.decode, timings_ms.total) = (clock.lap(), clock.total());
        Ok(Observation {
            found,
            coarse_mass: coarse.masses.iter().sum::<f64>() / coarse.masses.len().max(1) as f64,
            pose_residual,
            side: seen.side.map(f64::from),
            pose: coarse.pose,
            amounts: coarse.amounts,
            shape_residual,
            grey_levels: grey.levels(),
            white_fraction: grey.white_fraction(),
            timings_ms,
        })
    }

    /// The regions of interest `[landmarks, 1, size, size]` of the last image.
    pub(crate) fn regions(&self) -> &[f32] {
        &self.regions
    }

    /// Decodes the coarse heat maps `[landmarks, h, w]` and fits the shape to their peaks.
    fn coarse_shape(
        &self,
        whole: &FullImageInput,
        maps: &[f32],
        input_to_units: &Affine,
    ) -> CoarseShape {
        let (points, masses) = coarse_points(whole, maps, input_to_units);
        let pose = self.shape.pose(&points, &masses);
        let amounts = self.shape.amounts(&pose, &points, &masses);
        let fitted = self.shape.place(&pose, &amounts);
        let pick = |(&c, f)| if distance(c, f) > COARSE_OUTLIER_UNITS { f } else { c };
        let corrected = points.iter().zip(fitted).map(pick).collect();
        CoarseShape { points, masses, pose, amounts, corrected }
    }

    /// Cuts all regions of interest, upright and at one size; returns region px to units for each.
    fn cut(
        &mut self,
        refine: &RefineFrame,
        coarse: &CoarseShape,
        to_units: &Affine,
    ) -> Vec<Affine> {
        let middle = (refine.size as f64 - 1.0) / 2.0;
        let scale = region_unit(refine, &coarse.pose);
        let to_px = to_units.inverse().unwrap_or(Affine::IDENTITY);
        let cut = |(point, out): (&SearchPoint, &mut [f32])| {
            let centre = point.position(&coarse.corrected, &coarse.pose, &coarse.amounts);
            let frame = Affine::similarity(coarse.pose.angle, scale, [middle, middle], centre);
            crop(refine, &self.plane, &to_px.after(&frame), out);
            frame
        };
        let regions = self.regions.par_chunks_exact_mut(refine.size * refine.size);
        self.search_points.par_iter().zip(regions).map(cut).collect()
    }

    /// Sets the residual of each of `found`: its distance to the shape fitted to them. The coarse points `corrected`
    /// stand for the model landmarks that are not among them.
    fn compare_with_shape(&self, found: &mut [Found], corrected: &[[f64; 2]]) {
        let mut points = corrected.to_vec();
        for (f, at) in found.iter().zip(&self.search_points) {
            if let SearchPoint::ModelLandmark(number) = at {
                points[*number] = f.point;
            }
        }
        let weights = vec![1.0; points.len()];
        let pose = self.shape.pose(&points, &weights);
        let amounts = self.shape.amounts(&pose, &points, &weights);
        let fitted = self.shape.place(&pose, &amounts);
        for (f, at) in found.iter_mut().zip(&self.search_points) {
            f.residual = distance(f.point, at.position(&fitted, &pose, &amounts));
        }
    }

    /// Root mean square distance of the coarse points to the posed mean shape, units.
    fn pose_residual(&self, coarse: &CoarseShape) -> f64 {
        let posed = self.shape.mean.iter().map(|&p| coarse.pose.to_image.apply(p));
        rms(coarse.points.iter().zip(posed.collect::<Vec<_>>()).map(|(&c, p)| distance(c, p)))
    }

    /// Root mean square distance of the model landmarks to the fitted shape, units.
    fn shape_residual(&self, found: &[Found]) -> f64 {
        let all = found.iter().zip(&self.search_points);
        let own = all.filter(|(_, at)| at.is_model_landmark()).map(|(f, _)| f.residual);
        rms(own.collect::<Vec<_>>().into_iter())
    }
}

/// Peaks of the coarse heat maps in units, and the probability in each peak.
fn coarse_points(
    whole: &FullImageInput,
    maps: &[f32],
    input_to_units: &Affine,
) -> (Vec<[f64; 2]>, Vec<f64>) {
    let cells = [whole.width / whole.stride, whole.height / whole.stride];
    let to_units = input_to_units.after(&cell_to_px(whole.stride));
    let decode = |map| match peak(map, cells[0], cells[1], whole.peak_radius) {
        Some(p) => (to_units.apply([p.x.into(), p.y.into()]), f64::from(p.mass)),
        None => (to_units.apply([cells[0] as f64 / 2.0, cells[1] as f64 / 2.0]), 0.0),
    };
    maps.par_chunks_exact(cells[0] * cells[1]).map(decode).unzip()
}

/// Peaks of the fine heat maps `[landmarks, h, w]`, without residuals; `frames` are region px to units for each.
fn fine_points(
    refine: &RefineFrame,
    maps: &[f32],
    frames: &[Affine],
    to_units: &Affine,
) -> Vec<Found> {
    let cells = refine.size / refine.stride;
    let to_px = to_units.inverse().unwrap_or(Affine::IDENTITY);
    let decode = |(map, frame): (&[f32], &Affine)| {
        let p = peak(map, cells, cells, refine.peak_radius).unwrap_or_else(|| no_peak(cells));
        let cell_to_units = frame.after(&cell_to_px(refine.stride));
        let point = cell_to_units.apply([p.x.into(), p.y.into()]);
        Found {
            point,
            px: to_px.apply(point),
            covariance_px2: to_px
                .after(&cell_to_units)
                .apply_covariance(p.covariance.map(f64::from)),
            spread: f64::from(p.expected_error) * cell_to_units.determinant().abs().sqrt(),
            residual: 0.0,
        }
    };
    maps.par_chunks_exact(cells * cells).zip(frames).map(decode).collect()
}

/// The peak of a heat map without a finite value: its middle, as uncertain as the region is wide.
fn no_peak(cells: usize) -> Peak {
    let middle = (cells as f32 - 1.0) / 2.0;
    let variance = middle * middle;
    Peak {
        x: middle,
        y: middle,
        mass: 0.0,
        expected_error: middle,
        covariance: [variance, 0.0, variance],
    }
}

/// Wall time of consecutive stages, ms.
struct Clock {
    start: Instant,
    last: Instant,
}

impl Clock {
    fn new() -> Self {
        let now = Instant::now();
        Self { start: now, last: now }
    }

    fn lap(&mut self) -> f64 {
        let now = Instant::now();
        let ms = (now - self.last).as_secs_f64() * 1e3;
        self.last = now;
        ms
    }

    fn total(&self) -> f64 {
        self.start.elapsed().as_secs_f64() * 1e3
    }
}
