//! The main path: one radiograph in, one report out.

mod choose;
mod plausibility;
mod looked_for;
mod presentation;

pub use choose::Wanted;
pub(crate) use looked_for::LookedFor;
pub use presentation::Presentation;

use std::time::Instant;

use fiducia_kernels::simd::peak;
use fiducia_kernels::{Affine, Peak};
use rayon::prelude::*;

use crate::shape::{distance, rms};
use crate::{
    Backbone, BackendInfo, Calibration, Error, ErrorKind, Grey, Landmark, Manifest, ModelInfo,
    Pack, Plane, Pose, Radiograph, Reading, Refine, RefineFrame, Report, ShapeModel, Timings, crop,
    measures, whole_frame, whole_input,
};

/// A coarse point farther than this from the fitted shape is replaced by the shape's point, units.
pub(crate) const COARSE_OUTLIER_UNITS: f64 = 8.0;
/// Sizes outside this range are clamped before regions are cut; such images are refused anyway.
pub(crate) const CROP_SCALES: [f64; 2] = [0.6, 1.6];

/// What should run the networks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// A real GPU where there is one, else the CPU; the report says which and why.
    #[default]
    Auto,
    /// The CPU (tract).
    Cpu,
    /// A GPU, or an error.
    Gpu,
}

/// A loaded model with all its buffers, ready for one image after another.
#[derive(Debug)]
pub struct Detector {
    manifest: Manifest,
    model: ModelInfo,
    backend: BackendInfo,
    shape: ShapeModel,
    calibration: Vec<Calibration>,
    /// Where each landmark is looked for.
    looked_for: Vec<LookedFor>,
    networks: Networks,
    plane: Plane,
    input: Vec<f32>,
    scratch: Vec<f64>,
    regions: Vec<f32>,
}

/// What runs the graphs.
#[derive(Debug)]
enum Networks {
    Cpu(Box<(Backbone, Refine)>),
    #[cfg(feature = "gpu")]
    Gpu(Box<crate::gpu::GpuPath>),
}

/// An image that is under way ([`Detector::start`]).
#[derive(Debug)]
pub struct Started {
    radiograph: Radiograph,
    seen: Seen,
}

#[derive(Debug)]
enum Seen {
    Done(Box<Observation>),
    #[cfg(feature = "gpu")]
    OnGpu(crate::gpu::OnDevice),
}

impl Started {
    /// Whether the networks have run already, so that waiting for another image first gains nothing.
    pub fn is_done(&self) -> bool {
        matches!(self.seen, Seen::Done(_))
    }
}

/// One landmark as the heat map shows it, before calibration.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Position, units of the model ([`Manifest::scale`]).
    pub point: [f64; 2],
    /// Position, px of the image.
    pub px: [f64; 2],
    /// Covariance of the heat map `[xx, xy, yy]`, px².
    pub covariance_px2: [f64; 3],
    /// Mean distance of the heat map's probability from the position, units.
    pub spread: f64,
    /// Distance to the likely shape, units.
    pub residual: f64,
}

/// All that the networks saw on one image, before limits and calibration are applied.
#[derive(Clone, Debug)]
pub struct Observation {
    /// One entry per landmark, in the order of the pack.
    pub found: Vec<Found>,
    /// Mean peak mass of the coarse heat maps, 0 to 1.
    pub coarse_mass: f64,
    /// Root mean square distance of the coarse points to the posed mean shape, units.
    pub pose_residual: f64,
    /// About 1 where left and right are as in the training set, about -1 where they are exchanged; `None` where the
    /// model does not tell.
    pub side: Option<f64>,
    /// Where the mean shape lies in the image.
    pub pose: Pose,
    /// How much of each mode of the shape model the coarse points show, units; empty on a GPU, from which
    /// the coarse points are not read back.
    pub amounts: Vec<f64>,
    /// Root mean square distance of the fine points to the shape model, units.
    pub shape_residual: f64,
    /// Number of grey levels that occur in the image ([`Grey::levels`]).
    pub grey_levels: usize,
    /// Share of the pixels that are as good as white, 0 to 1 ([`Grey::white_share`]).
    pub white_share: f64,
    /// Wall time per stage.
    pub timings_ms: Timings,
}

impl Detector {
    /// Compiles the graphs of `pack` for `backend`.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] where a graph does not fit the manifest, [`ErrorKind::NoGpu`] where
    /// a GPU is asked for and there is none, or none that can run the graphs.
    pub fn new(pack: &Pack, backend: Backend) -> Result<Self, Error> {
        Self::for_landmarks(pack, backend, &pack.manifest().landmarks)
    }

    /// As [`Detector::new`], but looks closely at some of the landmarks only. All of them guide it, so
    /// that these come out as they do among all.
    ///
    /// # Errors
    /// As [`Detector::new`]; [`ErrorKind::Usage`] for a name that the pack does not have.
    pub fn for_landmarks(pack: &Pack, backend: Backend, names: &[String]) -> Result<Self, Error> {
        Self::on(pack, &Wanted { backend, ..Wanted::default() }, names)
    }

    /// As [`Detector::new`], on the first adapter whose name contains `adapter`, software rasterisers among
    /// them; `fiducia devices` lists them.
    ///
    /// # Errors
    /// As [`Detector::new`].
    pub fn on_adapter(pack: &Pack, adapter: &str) -> Result<Self, Error> {
        Self::on_adapter_for(pack, adapter, &pack.manifest().landmarks)
    }

    /// As [`Detector::for_landmarks`], on an adapter as [`Detector::on_adapter`] takes it.
    ///
    /// # Errors
    /// As [`Detector::for_landmarks`].
    pub fn on_adapter_for(pack: &Pack, adapter: &str, names: &[String]) -> Result<Self, Error> {
        let adapter = Some(adapter.to_owned());
        Self::on(pack, &Wanted { adapter, ..Wanted::default() }, names)
    }

    /// The landmarks `names` of `pack` on what is `wanted`.
    ///
    /// # Errors
    /// As [`Detector::for_landmarks`]; [`ErrorKind::Usage`] where the CPU shall be what only a GPU is.
    pub fn on(pack: &Pack, wanted: &Wanted, names: &[String]) -> Result<Self, Error> {
        let chosen = pack.manifest().places(names)?;
        let mut manifest = pack.manifest().clone();
        if names != manifest.landmarks {
            manifest.guides = manifest.guides().to_vec();
            manifest.landmarks = names.to_vec();
        }
        let landmarks = manifest.landmarks.len();
        let calibration = pack.calibration();
        let (networks, backend) = choose::networks(pack, &manifest, &chosen, wanted)?;
        Ok(Self {
            model: ModelInfo { name: manifest.name.clone(), sha256: pack.sha256().to_owned() },
            backend,
            shape: pack.shape(),
            calibration: chosen.iter().map(|&l| calibration[l]).collect(),
            looked_for: chosen.iter().map(|&l| LookedFor::new(pack, l)).collect(),
            networks,
            plane: Plane::default(),
            input: vec![0.0; manifest.whole.width * manifest.whole.height],
            scratch: Vec::new(),
            regions: vec![0.0; landmarks * manifest.refine.size * manifest.refine.size],
            manifest,
        })
    }

    /// The device that runs the networks, and why it was taken.
    pub fn backend(&self) -> &BackendInfo {
        &self.backend
    }

    /// How the model wants images to be read, with this spacing or that of the file: for
    /// [`Radiograph::open_as`].
    pub fn reading(&self, spacing_mm: Option<[f64; 2]>) -> Reading {
        let grey_values = self.manifest.grey_values;
        Reading { spacing_mm, grey_values, ..Reading::default() }
    }

    /// Destroys the GPU device it runs on, where there is one; for tests of what follows.
    #[doc(hidden)]
    #[cfg(feature = "gpu")]
    pub fn lose_gpu(&self) {
        if let Networks::Gpu(gpu) = &self.networks {
            gpu.lose();
        }
    }

    /// What was asked of the GPU so far; `None` where the CPU runs the networks.
    #[cfg(feature = "gpu")]
    pub fn gpu_counters(&self) -> Option<crate::Counters> {
        match &self.networks {
            Networks::Cpu(_) => None,
            Networks::Gpu(gpu) => Some(gpu.counters()),
        }
    }

    /// Times each step of the GPU path by itself, on the image that was observed last, in several runs; `None` where the CPU runs
    /// the networks or the device has no clock.
    ///
    /// # Errors
    /// As [`Detector::observe`].
    #[cfg(feature = "gpu")]
    pub fn profile(&mut self) -> Result<Option<Vec<crate::StepTime>>, Error> {
        match &mut self.networks {
            Networks::Cpu(_) => Ok(None),
            Networks::Gpu(gpu) => gpu.profile(),
        }
    }

    /// Measures what the GPU reaches at best, for [`crate::by_shader`]; takes a second on a GPU. `None` where the CPU
    /// runs the networks.
    ///
    /// # Errors
    /// [`ErrorKind::GpuWrong`] where the device does not do what it is told to; else as [`Detector::observe`].
    #[cfg(feature = "gpu")]
    pub fn reach(&self) -> Result<Option<crate::Reach>, Error> {
        match &self.networks {
            Networks::Cpu(_) => Ok(None),
            Networks::Gpu(gpu) => Ok(Some(gpu.reach()?)),
        }
    }

    /// Device memory that the GPU path holds, bytes; `None` where the CPU runs the networks.
    #[cfg(feature = "gpu")]
    pub fn gpu_bytes(&self) -> Option<u64> {
        match &self.networks {
            Networks::Cpu(_) => None,
            Networks::Gpu(gpu) => Some(gpu.device_bytes()),
        }
    }

    /// Finds all landmarks on `radiograph`.
    ///
    /// An image unlike the training set comes back with `plausible: false` and the reasons; its
    /// points must not be used. Where it would be plausible inverted, mirrored or turned, that is one
    /// of the reasons; looking for it takes some more time, of refused images only.
    ///
    /// # Errors
    /// As [`Detector::observe`].
    pub fn detect(&mut self, radiograph: &Radiograph) -> Result<Report, Error> {
        let seen = self.observe(radiograph)?;
        self.judged(radiograph, &seen)
    }

    /// Begins with `radiograph`. A GPU is handed it and goes to work, so that the next image can be read and
    /// started meanwhile; on the CPU the networks have run when this returns.
    ///
    /// # Errors
    /// As [`Detector::observe`].
    pub fn start(&mut self, radiograph: Radiograph) -> Result<Started, Error> {
        let seen = match &mut self.networks {
            Networks::Cpu(_) => Seen::Done(Box::new(self.observe_on_cpu(&radiograph)?)),
            #[cfg(feature = "gpu")]
            Networks::Gpu(gpu) => Seen::OnGpu(gpu.start(&self.manifest, &radiograph)?),
        };
        Ok(Started { radiograph, seen })
    }

    /// Waits for what this detector started, and gives the image back with its report, which is that of
    /// [`Detector::detect`].
    ///
    /// # Errors
    /// As [`Detector::observe`].
    pub fn finish(&mut self, started: Started) -> Result<(Radiograph, Report), Error> {
        let Started { radiograph, seen } = started;
        let seen = match seen {
            Seen::Done(seen) => *seen,
            #[cfg(feature = "gpu")]
            Seen::OnGpu(running) => match &mut self.networks {
                Networks::Gpu(gpu) => gpu.finish(&self.manifest, &radiograph, running)?,
                Networks::Cpu(_) => {
                    let message = "the image was started by another detector";
                    return Err(Error::new(ErrorKind::Usage, message));
                }
            },
        };
        let report = self.judged(&radiograph, &seen)?;
        Ok((radiograph, report))
    }

    /// The report of what was seen; an implausible image is looked at in other ways.
    fn judged(&mut self, radiograph: &Radiograph, seen: &Observation) -> Result<Report, Error> {
        let mut report = self.report(radiograph, seen);
        if !report.plausible {
            report.presentation = self.recognise(radiograph)?;
            report.reasons.extend(report.presentation.map(|p| p.to_string()));
        }
        Ok(report)
    }

    /// Judges what [`Detector::observe`] saw on `radiograph`; an implausible image is not looked at
    /// in other ways.
    pub fn report(&self, radiograph: &Radiograph, seen: &Observation) -> Report {
        let unit_per_px = self.manifest.unit_per_px(radiograph.height, radiograph.spacing_mm);
        let landmarks = self.judge(&seen.found, radiograph.spacing_mm, unit_per_px);
        let confident: Vec<bool> = self.own(&landmarks).map(|l| l.confident).collect();
        let mut reasons = plausibility::reasons(&self.manifest.plausibility, seen);
        reasons.extend(plausibility::too_doubtful(&confident));
        self.said(radiograph, landmarks, reasons, seen.timings_ms)
    }

    /// The report on an image that [`Detector::detect`] refused to look at, without landmarks: for whoever needs one
    /// for every image. `why` is its error.
    pub fn not_looked_at(&self, radiograph: &Radiograph, why: &Error) -> Report {
        self.said(radiograph, Vec::new(), vec![why.to_string()], Timings::default())
    }

    fn said(
        &self,
        radiograph: &Radiograph,
        landmarks: Vec<Landmark>,
        reasons: Vec<String>,
        timings_ms: Timings,
    ) -> Report {
        Report {
            schema: "fiducia.report/1",
            image: radiograph.name.clone(),
            size_px: [radiograph.width, radiograph.height],
            spacing_mm: radiograph.spacing_mm,
            mm_source: radiograph.mm_source,
            inverted: radiograph.inverted,
            model: self.model.clone(),
            backend: self.backend.clone(),
            timings_ms,
            plausible: reasons.is_empty(),
            reasons,
            presentation: None,
            dicom: radiograph.dicom.clone(),
            measures: measures(&landmarks),
            landmarks,
        }
    }

    /// Runs the networks on `radiograph` and decodes what they show, without judging it.
    ///
    /// # Errors
    /// [`ErrorKind::Implausible`] for an image without size or contrast, [`ErrorKind::Usage`] for an
    /// impossible spacing, [`ErrorKind::Engine`] where inference fails.
    pub fn observe(&mut self, radiograph: &Radiograph) -> Result<Observation, Error> {
        match &mut self.networks {
            Networks::Cpu(_) => self.observe_on_cpu(radiograph),
            #[cfg(feature = "gpu")]
            Networks::Gpu(gpu) => gpu.observe(&self.manifest, radiograph),
        }
    }

    fn observe_on_cpu(&mut self, radiograph: &Radiograph) -> Result<Observation, Error> {
        let mut clock = Clock::new();
        let unit_per_px = self.manifest.unit_per_px(radiograph.height, radiograph.spacing_mm);
        let to_units = Affine::scale(unit_per_px[0], unit_per_px[1]);
        let grey = Grey::new(radiograph)?;

        let frame =
            whole_frame(&self.manifest.whole, [radiograph.width, radiograph.height], unit_per_px);
        grey.reduce(self.manifest.whole.unit_per_px, unit_per_px, &mut self.plane);
        whole_input(&self.manifest.whole, &self.plane, &frame, &mut self.input, &mut self.scratch);
        let preprocess = clock.lap();
        let seen = self.networks.on_cpu()?.0.run(&self.input)?;
        let backbone = clock.lap();
        let (coarse, masses) = self.coarse_points(&seen.maps, &to_units.after(&frame));
        let pose = self.shape.pose(&coarse, &masses);
        let amounts = self.shape.amounts(&pose, &coarse, &masses);
        let guided = self.guided(&self.shape.place(&pose, &amounts), &coarse);
        let centre = |l: &LookedFor| l.among(&guided, &pose, &amounts);
        let centres: Vec<[f64; 2]> = self.looked_for.iter().map(centre).collect();

        grey.reduce(self.manifest.refine.unit_per_px, unit_per_px, &mut self.plane);
        let frames = self.cut(&pose, &centres, &to_units);
        let crop = clock.lap();
        let maps = self.networks.on_cpu()?.1.run(&self.regions)?;
        let refine = clock.lap();
        let found = self.fine_points(&maps, &frames, &to_units, &guided);

        let posed = self.shape.mean.iter().map(|&p| pose.to_image.apply(p));
        Ok(Observation {
            coarse_mass: masses.iter().sum::<f64>() / masses.len().max(1) as f64,
            pose_residual: rms(coarse
                .iter()
                .zip(posed.collect::<Vec<_>>())
                .map(|(&c, p)| distance(c, p))),
            side: seen.side.map(f64::from),
            pose,
            amounts,
            shape_residual: self.shape_residual(&found),
            found,
            grey_levels: grey.levels(),
            white_share: grey.white_share(),
            timings_ms: Timings {
                preprocess,
                backbone,
                crop,
                refine,
                decode: clock.lap(),
                total: clock.total(),
            },
        })
    }

    /// The regions of interest `[landmarks, 1, size, size]` that [`Detector::observe`] cut last, as the
    /// refine network saw them; on a GPU they stay there, and these are zero.
    pub fn regions(&self) -> &[f32] {
        &self.regions
    }

    /// Peaks of the coarse heat maps in units, and the probability in each peak.
    fn coarse_points(&self, maps: &[f32], input_to_units: &Affine) -> (Vec<[f64; 2]>, Vec<f64>) {
        let whole = &self.manifest.whole;
        let cells = [whole.width / whole.stride, whole.height / whole.stride];
        let to_units = input_to_units.after(&cell_to_px(whole.stride));
        let decode = |map| match peak(map, cells[0], cells[1], whole.peak_radius) {
            Some(p) => (to_units.apply([p.x.into(), p.y.into()]), f64::from(p.mass)),
            None => (to_units.apply([cells[0] as f64 / 2.0, cells[1] as f64 / 2.0]), 0.0),
        };
        maps.par_chunks_exact(cells[0] * cells[1]).map(decode).unzip()
    }

    /// Where to look closely: the coarse points, gross outliers replaced by the points of the `fitted`
    /// shape.
    fn guided(&self, fitted: &[[f64; 2]], coarse: &[[f64; 2]]) -> Vec<[f64; 2]> {
        let pick = |(&c, &f)| if distance(c, f) > COARSE_OUTLIER_UNITS { f } else { c };
        coarse.iter().zip(fitted).map(pick).collect()
    }

    /// Cuts all regions of interest, upright and at one size; returns region px to units for each.
    fn cut(&mut self, pose: &Pose, centres: &[[f64; 2]], to_units: &Affine) -> Vec<Affine> {
        let refine = self.manifest.refine;
        let middle = (refine.size as f64 - 1.0) / 2.0;
        let scale = region_unit(&refine, pose);
        let to_px = to_units.inverse().unwrap_or(Affine::IDENTITY);
        let cut = |(&centre, out): (&[f64; 2], &mut [f32])| {
            let frame = Affine::similarity(pose.angle, scale, [middle, middle], centre);
            crop(&refine, &self.plane, &to_px.after(&frame), out);
            frame
        };
        let regions = self.regions.par_chunks_exact_mut(refine.size * refine.size);
        centres.par_iter().zip(regions).map(cut).collect()
    }

    /// Peaks of the fine heat maps and their distance to the likely shape; `guided` are the coarse
    /// points of all guides, which stand in for what is not looked at closely.
    fn fine_points(
        &self,
        maps: &[f32],
        frames: &[Affine],
        to_units: &Affine,
        guided: &[[f64; 2]],
    ) -> Vec<Found> {
        let refine = &self.manifest.refine;
        let cells = refine.size / refine.stride;
        let to_px = to_units.inverse().unwrap_or(Affine::IDENTITY);
        let decode = |(map, frame): (&[f32], &Affine)| {
            let p = peak(map, cells, cells, refine.peak_radius).unwrap_or_else(|| nothing(cells));
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
        let mut found: Vec<Found> =
            maps.par_chunks_exact(cells * cells).zip(frames).map(decode).collect();
        let mut points = guided.to_vec();
        for (f, at) in found.iter().zip(&self.looked_for) {
            if let LookedFor::Guide(g) = at {
                points[*g] = f.point;
            }
        }
        let weights = vec![1.0; points.len()];
        let pose = self.shape.pose(&points, &weights);
        let amounts = self.shape.amounts(&pose, &points, &weights);
        let likely = self.shape.place(&pose, &amounts);
        for (f, at) in found.iter_mut().zip(&self.looked_for) {
            f.residual = distance(f.point, at.among(&likely, &pose, &amounts));
        }
        found
    }

    /// What `all` landmarks have that are the model's own; a patch must not change what is plausible.
    fn own<'a, T>(&'a self, all: &'a [T]) -> impl Iterator<Item = &'a T> {
        let places = all.iter().zip(&self.looked_for);
        places.filter(|(_, at)| matches!(at, LookedFor::Guide(_))).map(|(one, _)| one)
    }

    /// Distance of the model's own landmarks to the shape.
    fn shape_residual(&self, found: &[Found]) -> f64 {
        rms(self.own(found).map(|f| f.residual).collect::<Vec<_>>().into_iter())
    }

    /// Expected error and confidence of every landmark.
    fn judge(
        &self,
        found: &[Found],
        spacing_mm: Option<[f64; 2]>,
        unit_per_px: [f64; 2],
    ) -> Vec<Landmark> {
        let px_per_unit = 2.0 / (unit_per_px[0] + unit_per_px[1]);
        let mm_per_unit = spacing_mm.map(|s| (s[0] + s[1]) / 2.0 * px_per_unit);
        let one = |((f, c), name): ((&Found, &Calibration), &String)| {
            let expected = (f64::from(c.gain) * f.spread).max(c.floor.into());
            // The ellipse keeps its form and takes the calibrated size.
            let grown = if f.spread > 1e-9 { (expected / f.spread).powi(2) } else { 1.0 };
            Landmark {
                name: name.clone(),
                x_px: f.px[0],
                y_px: f.px[1],
                x_mm: spacing_mm.map(|s| f.px[0] * s[0]),
                y_mm: spacing_mm.map(|s| f.px[1] * s[1]),
                expected_error_mm: mm_per_unit.map(|mm| expected * mm),
                expected_error_px: expected * px_per_unit,
                covariance_px2: f.covariance_px2.map(|v| v * grown),
                confident: expected <= c.max_expected_error.into()
                    && f.residual <= c.max_shape_residual.into(),
            }
        };
        found.iter().zip(&self.calibration).zip(&self.manifest.landmarks).map(one).collect()
    }
}

/// The peak of a map that holds no number: its middle, as uncertain as the region is wide.
fn nothing(cells: usize) -> Peak {
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

/// Size of a region pixel under `pose`, units.
pub(crate) fn region_unit(refine: &RefineFrame, pose: &Pose) -> f64 {
    refine.unit_per_px * pose.scale.clamp(CROP_SCALES[0], CROP_SCALES[1])
}

/// From heat-map cells to pixels of the network's input: cells cover `stride` pixels each.
pub(crate) fn cell_to_px(stride: usize) -> Affine {
    let half = (stride as f64 - 1.0) / 2.0;
    Affine::shift(half, half).after(&Affine::scale(stride as f64, stride as f64))
}

impl Networks {
    fn on_cpu(&mut self) -> Result<&mut (Backbone, Refine), Error> {
        match self {
            Self::Cpu(networks) => Ok(networks),
            #[allow(unreachable_patterns, reason = "a build without the GPU path has no other")]
            _ => Err(Error::new(ErrorKind::Engine, "the networks are on the GPU")),
        }
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
