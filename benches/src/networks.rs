//! The two networks of a model with decoding, and their export for other engines.

use std::path::Path;

use fiducia::atomic::write_atomically;
use fiducia::engine::cpu::{Backbone, Refine};
use fiducia::pack::SectionKind;
use fiducia::preprocess::{Grey, Plane, full_image_frame, full_image_input};
use fiducia::{Backend, Detector, Error, ErrorKind, Pack, Radiograph};
use fiducia_kernels::simd::peak;

/// Both networks and the sizes of their heat maps.
#[derive(Debug)]
pub struct Networks {
    backbone: Backbone,
    refine: Refine,
    /// Size `[width, height]` of a coarse and of a fine heat map, cells, and the radius of the peak search.
    coarse: ([usize; 2], usize),
    fine: ([usize; 2], usize),
}

impl Networks {
    /// Compiles the networks for the landmarks with the numbers `chosen`.
    ///
    /// # Errors
    /// As [`Detector::new`].
    pub fn new(pack: &Pack, chosen: &[usize]) -> Result<Self, Error> {
        let manifest = pack.manifest();
        let (frame, region) = (&manifest.whole, &manifest.refine);
        let cells = [frame.width / frame.stride, frame.height / frame.stride];
        // In parallel, as in a detector.
        let (backbone, refine) = rayon::join(|| Backbone::new(pack), || Refine::new(pack, chosen));
        Ok(Self {
            backbone: backbone?,
            refine: refine?,
            coarse: (cells, frame.peak_radius),
            fine: ([region.size / region.stride; 2], region.peak_radius),
        })
    }

    /// Peaks of all coarse heat maps, then of all fine ones, `[x, y]`, cells.
    ///
    /// # Errors
    /// As [`Detector::observe`].
    pub fn run(&mut self, whole: &[f32], regions: &[f32]) -> Result<Vec<[f32; 2]>, Error> {
        let (coarse, fine) = (self.backbone.run(whole)?, self.refine.run(regions)?);
        Ok(peaks(&coarse.maps, self.coarse).chain(peaks(&fine, self.fine)).collect())
    }
}

fn peaks(maps: &[f32], ([w, h], radius): ([usize; 2], usize)) -> impl Iterator<Item = [f32; 2]> {
    maps.chunks_exact(w * h)
        .map(move |map| peak(map, w, h, radius).map_or([f32::NAN; 2], |p| [p.x, p.y]))
}

/// Writes the files that another engine needs for the same work into `folder`: graphs, their inputs for
/// `radiograph`, and the expected peaks; floats little-endian, shapes in `shapes.json`.
///
/// # Errors
/// As [`Detector::observe`]; [`ErrorKind::Unwritable`] where the folder or a file cannot be made.
pub fn write_networks(pack: &Pack, radiograph: &Radiograph, folder: &Path) -> Result<(), Error> {
    let manifest = pack.manifest();
    let (landmarks, frame) = (manifest.landmarks.len(), &manifest.whole);
    let whole = whole(pack, radiograph)?;
    let mut detector = Detector::new(pack, Backend::Cpu)?;
    detector.observe(radiograph)?;
    let regions = detector.regions();
    let all: Vec<usize> = (0..landmarks).collect();
    let peaks = Networks::new(pack, &all)?.run(&whole, regions)?;

    std::fs::create_dir_all(folder).map_err(|e| {
        Error::new(ErrorKind::Unwritable, format!("cannot make {}: {e}", folder.display()))
    })?;
    write_atomically(&folder.join("backbone.onnx"), pack.section(SectionKind::Backbone))?;
    write_atomically(&folder.join("refine.onnx"), pack.section(SectionKind::Refine))?;
    write_floats(&folder.join("whole.f32"), &whole)?;
    write_floats(&folder.join("regions.f32"), regions)?;
    write_floats(&folder.join("peaks.f32"), &peaks.concat())?;
    let mut shapes = Vec::new();
    for (k, (shape, values)) in pack.adapters(&all).into_iter().enumerate() {
        write_floats(&folder.join(format!("adapter{k}.f32")), &values)?;
        shapes.push(shape);
    }
    let shapes = serde_json::json!({
        "whole": [1, 1, frame.height, frame.width],
        "regions": [landmarks, 1, manifest.refine.size, manifest.refine.size],
        "adapters": shapes,
        "coarse_peak_radius": frame.peak_radius,
        "fine_peak_radius": manifest.refine.peak_radius,
    });
    write_atomically(&folder.join("shapes.json"), shapes.to_string().as_bytes())
}

/// The backbone's input for `radiograph`.
fn whole(pack: &Pack, radiograph: &Radiograph) -> Result<Vec<f32>, Error> {
    let whole = &pack.manifest().whole;
    let unit_per_px = pack.manifest().unit_per_px(radiograph.height, radiograph.spacing_mm);
    let frame = full_image_frame(whole, [radiograph.width, radiograph.height], unit_per_px);
    let (mut reduced, mut input) = (Plane::default(), vec![0.0; whole.width * whole.height]);
    Grey::new(radiograph)?.reduce(whole.unit_per_px, unit_per_px, &mut reduced);
    full_image_input(whole, &reduced, &frame, &mut input, &mut Vec::new());
    Ok(input)
}

fn write_floats(path: &Path, values: &[f32]) -> Result<(), Error> {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    write_atomically(path, &bytes)
}
