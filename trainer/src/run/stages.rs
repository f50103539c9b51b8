//! The stages of a run; each reads its checkpoint or computes its result.

use fiducia::engine::Observation;
use fiducia::pack::{FullImageInput, Manifest, Plausibility, RefineFrame};
use fiducia::radiograph::GreyValues;
use fiducia::shape::Pose;
use fiducia::{Error, ErrorKind, Pack};
use rayon::prelude::*;

use super::calibrate::{UNCALIBRATED, calibration, plausibility};
use super::config::RunConfig;
use super::rounds_plot::rounds_plot;
use super::{Place, Source, Stage};
use crate::correspond::Correspondences;
use crate::labels::Labels;
use crate::material::Material;
use crate::nets::{CoarseDecoder, RefineNet};
use crate::pack::{self, Parts};
use crate::parallel::observe_all;
use crate::shape_fit::learn_shape;
use crate::training::checkpoint::Checkpoint;
use crate::training::regions::Task;
use crate::training::rounds::Outcome;
use crate::training::{fuse, learn_side, train_coarse, train_in_rounds, train_jointly};

/// A run in progress.
#[derive(Debug)]
pub(super) struct Run<'a> {
    source: &'a Source,
    m: &'a Material<'a>,
    config: &'a RunConfig,
    place: &'a Place,
    full: FullImageInput,
    region: RefineFrame,
    landmarks: Vec<usize>,
}

/// The dedicated networks, in the order of the landmarks, and their final labels. Without networks if the
/// configuration has no dedicated ones.
#[derive(Debug)]
pub(super) struct Singles {
    pub(super) networks: Vec<RefineNet>,
    pub(super) labels: Labels,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        source: &'a Source,
        m: &'a Material<'a>,
        config: &'a RunConfig,
        place: &'a Place,
    ) -> Self {
        let (full, region) = source.frames();
        let landmarks = (0..m.landmarks()).collect();
        Self { source, m, config, place, full, region, landmarks }
    }

    /// Trains the coarse decoder; returns it with the updated labels.
    pub(super) fn coarse(
        &self,
        correspondences: &Correspondences,
    ) -> Result<(CoarseDecoder, Labels), Error> {
        let checkpoint = self.checkpoint(Stage::Coarse, "coarse");
        let (coarse, labels) =
            train_coarse(self.m, correspondences, &self.full, &self.config.coarse, &checkpoint)?;
        self.save("labels-coarse.json", &labels)?;
        let labels = match self.config.close_share {
            0.0 => labels,
            fraction => correspondences.with_close_match(self.m, labels, fraction)?,
        };
        self.save("labels-close.json", &labels)?;
        Ok((coarse, labels))
    }

    /// The pose of the mean shape of `labels` in each image.
    pub(super) fn poses(&self, labels: &Labels) -> Vec<Pose> {
        let shape = learn_shape(&labels.points, &labels.weights, self.m.points());
        labels.points.iter().zip(&labels.weights).map(|(p, w)| shape.pose(p, w)).collect()
    }

    /// Trains the refine network that all others start from; returns it with its labels.
    pub(super) fn joint(&self, labels: &Labels, poses: &[Pose]) -> Result<Outcome, Error> {
        let (config, task) = (&self.config.joint, self.task(&self.landmarks, poses));
        let per_pass = self.m.training_images().len().div_ceil(config.batch);
        let bar = self.m.progress.bar("joint", config.passes * per_pass);
        let checkpoint = self.checkpoint(Stage::Joint, "joint");
        let outcome = train_jointly(&task, labels, config, &checkpoint, &|_| bar.inc(1))?;
        bar.finish();
        self.save("labels-joint.json", &outcome.labels)?;
        self.save("rounds-joint.json", &outcome.log)?;
        Ok(outcome)
    }

    /// Trains a dedicated network for every landmark, starting from the joint one.
    pub(super) fn singles(
        &self,
        correspondences: &Correspondences,
        joint: &Outcome,
        poses: &[Pose],
        coarse: &CoarseDecoder,
    ) -> Result<Singles, Error> {
        let mut labels = joint.labels.clone();
        let Some(config) = &self.config.single else {
            return Ok(Singles { networks: Vec::new(), labels });
        };
        let bar = self.m.progress.bar("single", self.landmarks.len() * config.regions(self.m));
        let one = |&l: &usize| {
            let start = joint.network.only(l);
            let checkpoint = self.checkpoint(Stage::Single, &format!("single/{l}"));
            let landmarks = [l];
            let task = self.task(&landmarks, poses);
            train_in_rounds(
                &task,
                correspondences,
                &joint.labels,
                config,
                &start,
                &checkpoint,
                &|_| {
                    bar.inc(config.batch as u64);
                },
            )
        };
        let outcomes: Vec<Outcome> =
            self.landmarks.par_iter().map(one).collect::<Result<_, _>>()?;
        bar.finish();
        for (l, outcome) in outcomes.iter().enumerate() {
            for n in 0..labels.points.len() {
                labels.points[n][l] = outcome.labels.points[n][l];
                labels.weights[n][l] = outcome.labels.weights[n][l];
            }
        }
        self.save("labels-single.json", &labels)?;
        let logs: Vec<_> = outcomes.iter().map(|o| o.log.clone()).collect();
        self.save("rounds-single.json", &logs)?;
        let plot = rounds_plot(&joint.log, &logs)?;
        fiducia::atomic::write_atomically(&self.place.out.join("rounds.svg"), plot.as_bytes())?;
        let networks: Vec<RefineNet> = outcomes.into_iter().map(|o| o.network).collect();
        self.write_singles(&networks, &labels, coarse)?;
        Ok(Singles { networks, labels })
    }

    /// Trains the network with an adapter for every landmark; returns the joint one if the configuration has
    /// no fusion.
    pub(super) fn fused(
        &self,
        joint: &Outcome,
        singles: &Singles,
        poses: &[Pose],
    ) -> Result<RefineNet, Error> {
        let Some(config) = &self.config.fuse else { return Ok(joint.network.clone()) };
        let per_pass = self.m.training_images().len().div_ceil(config.batch);
        let bar = self.m.progress.bar("fuse", config.passes * per_pass);
        let task = self.task(&self.landmarks, poses);
        let checkpoint = self.checkpoint(Stage::Fuse, "fuse");
        let (labels, networks) = (&singles.labels, &singles.networks);
        let tick = |_| bar.inc(1);
        let fused = fuse(&task, labels, networks, &joint.network, config, &checkpoint, &tick)?;
        bar.finish();
        Ok(fused)
    }

    /// The contents of the model file, with limits and expected errors estimated from the images.
    pub(super) fn calibrated(
        &self,
        correspondences: &Correspondences,
        coarse: &CoarseDecoder,
        refine: &RefineNet,
        labels: &Labels,
    ) -> Result<Parts, Error> {
        let (side, min_side) = learn_side(self.m, &self.full)?;
        let mut parts = self.parts(coarse, refine, &self.landmarks, labels);
        parts.backbone = coarse.export(self.m.trunk, &self.full, Some(&side));
        parts.provenance = self.source.record(self.config).provenance();
        parts.card = self.card()?;
        let seen = self.observe(&parts)?;
        parts.manifest.plausibility = plausibility(&seen);
        parts.manifest.plausibility.min_side = Some(min_side);
        parts.calibration =
            calibration(&seen, correspondences, labels, self.config.annotation_error);
        Ok(parts)
    }

    /// The contents of a model file for `landmarks`, without limits or calibration.
    fn parts(
        &self,
        coarse: &CoarseDecoder,
        refine: &RefineNet,
        landmarks: &[usize],
        labels: &Labels,
    ) -> Parts {
        let shape = learn_shape(&labels.points, &labels.weights, self.m.points());
        let name = |&l: &usize| self.source.landmarks[l].clone();
        let all = landmarks.len() == self.landmarks.len();
        let manifest = Manifest {
            name: self.config.name.clone(),
            landmarks: landmarks.iter().map(name).collect(),
            model_landmarks: if all { Vec::new() } else { self.source.landmarks.clone() },
            scale: self.source.scale,
            whole: self.full,
            refine: self.region,
            adapter: refine.adapter_inputs(),
            shape_modes: shape.modes.len(),
            plausibility: UNLIMITED,
            // `Unlabelled::read` returns presentation values.
            grey_values: GreyValues::Presented,
        };
        Parts {
            backbone: coarse.export(self.m.trunk, &self.full, None),
            refine: refine.export(self.region.size),
            adapters: refine.adapters(),
            calibration: vec![UNCALIBRATED; landmarks.len()],
            shape,
            provenance: serde_json::Value::Null,
            card: String::new(),
            manifest,
        }
    }

    /// Writes one model file per dedicated network, for comparison with the fused one.
    fn write_singles(
        &self,
        networks: &[RefineNet],
        labels: &Labels,
        coarse: &CoarseDecoder,
    ) -> Result<(), Error> {
        let folder = self.place.out.join("singles");
        std::fs::create_dir_all(&folder).map_err(|e| {
            Error::new(ErrorKind::Unwritable, format!("cannot make {}: {e}", folder.display()))
        })?;
        let Some(first) = networks.first() else { return Ok(()) };
        let mut parts = self.parts(coarse, first, &[0], labels);
        for (l, network) in networks.iter().enumerate() {
            parts.manifest.landmarks = vec![self.source.landmarks[l].clone()];
            parts.refine = network.export(self.region.size);
            parts.adapters = network.adapters();
            // Landmark names are user input; numbers make safe file names.
            pack::write(&parts, &folder.join(format!("{l:02}.fid")))?;
        }
        Ok(())
    }

    /// Runs the runtime on every training image.
    fn observe(&self, parts: &Parts) -> Result<Vec<Observation>, Error> {
        let pack = Pack::from_bytes(pack::to_bytes(parts)?)?;
        let bar = self.m.progress.bar("calibrate", self.source.images.len());
        observe_all(&pack, &pack.manifest().landmarks, &self.source.images, &bar)
    }

    fn card(&self) -> Result<String, Error> {
        if let Some(path) = &self.place.card {
            return pack::read_card(path);
        }
        Ok(format!(
            "# {}\n\nTrained from {} annotated and {} other images by fiducia-trainer {}.\n\
             Not evaluated. Research use; not a medical device.\n",
            self.config.name,
            self.m.annotated.len(),
            self.source.images.len() - self.m.annotated.len(),
            env!("CARGO_PKG_VERSION")
        ))
    }

    fn task<'b>(&'b self, landmarks: &'b [usize], poses: &'b [Pose]) -> Task<'b> {
        Task { m: self.m, frame: &self.region, poses, landmarks, augment: self.config.augment }
    }

    /// The checkpoint `name` of `stage`. Shared checkpoints are keyed by the part of the configuration that
    /// affects them.
    fn checkpoint(&self, stage: Stage, name: &str) -> Checkpoint {
        match &self.place.shared {
            None => Checkpoint::new(&self.place.out, name),
            Some(shared) => {
                let decides = self.source.record(&self.config.until(stage)).sha256();
                Checkpoint::new(&shared.join(&decides[..16]), name)
            }
        }
    }

    pub(super) fn save(&self, name: &str, value: &impl serde::Serialize) -> Result<(), Error> {
        let json = serde_json::to_vec(value).expect("labels and logs are plain data");
        fiducia::atomic::write_atomically(&self.place.out.join(name), &json)
    }
}

/// Limits that accept every image.
const UNLIMITED: Plausibility = Plausibility {
    min_coarse_mass: 0.0,
    max_pose_residual: 1e9,
    scale_range: [1e-3, 1e3],
    max_rotation: 10.0,
    max_shape_residual: 1e9,
    min_side: None,
};
