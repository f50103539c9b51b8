//! The two networks of a pack with the decode, timed from outside: the side of fiducia in
//! `benches/rivals/compare.py`.
//!
//! `networks PACK IMAGE SPACING_MM DIR` writes what another engine needs to do the same: graphs, their inputs
//! for that image, the peaks that come out. `networks PACK DIR [singles]` reads the inputs from there and says what
//! `worker.py` says: what loading and a first run took, 0, and what this process held before. Then every line on
//! standard input is answered with the milliseconds of one run, from inputs in memory to peaks. With `singles` it is
//! one model for each landmark, and all of them are run.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use fiducia::{
    Backbone, Backend, Detector, Error, ErrorKind, Grey, Pack, Plane, Radiograph, Refine,
    SectionKind, whole_frame, whole_input, write_atomically,
};
use fiducia_benches::resident;
use fiducia_kernels::simd::peak;

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [pack, folder] => serve(Path::new(pack), Path::new(folder), false),
        [pack, folder, which] if which == "singles" => {
            serve(Path::new(pack), Path::new(folder), true)
        }
        [pack, image, mm, folder] => match mm.parse() {
            Ok(mm) => write(Path::new(pack), Path::new(image), mm, Path::new(folder)),
            Err(_) => Err(usage()),
        },
        _ => Err(usage()),
    };
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn usage() -> Error {
    let message = "usage: networks PACK DIR [singles], or networks PACK IMAGE SPACING_MM DIR";
    Error::new(ErrorKind::Usage, message)
}

fn serve(path: &Path, folder: &Path, singles: bool) -> Result<(), Error> {
    let whole = read_floats(&folder.join("whole.f32"))?;
    let regions = read_floats(&folder.join("regions.f32"))?;
    let before = resident().unwrap_or(0) / 1024;
    let start = Instant::now();
    let pack = Pack::open(path)?;
    let all: Vec<usize> = (0..pack.manifest().landmarks.len()).collect();
    let groups = if singles { all.chunks(1).collect() } else { vec![&all[..]] };
    let mut networks =
        groups.iter().map(|group| Networks::new(&pack, group)).collect::<Result<Vec<_>, _>>()?;
    // The regions of a model's landmarks.
    let share = regions.len() / groups.len();
    let mut run = || -> Result<(), Error> {
        for (networks, regions) in networks.iter_mut().zip(regions.chunks(share)) {
            networks.run(&whole, regions)?;
        }
        Ok(())
    };
    run()?;
    // The peaks are its own, so that they are not apart.
    say(&format!("{} 0 {before}", milliseconds(start)))?;
    for line in std::io::stdin().lock().lines() {
        if line.is_err() {
            break;
        }
        let start = Instant::now();
        run()?;
        say(&milliseconds(start).to_string())?;
    }
    Ok(())
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn say(line: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|e| {
        Error::new(ErrorKind::Unwritable, format!("cannot write to standard output: {e}"))
    })
}

/// Both networks and where the peaks of their heat maps are looked for.
struct Networks {
    backbone: Backbone,
    refine: Refine,
    /// Cells of a coarse and of a fine heat map, and how far around its top a peak reaches.
    coarse: ([usize; 2], usize),
    fine: ([usize; 2], usize),
}

impl Networks {
    /// For the landmarks number `chosen`.
    fn new(pack: &Pack, chosen: &[usize]) -> Result<Self, Error> {
        let manifest = pack.manifest();
        let (frame, region) = (&manifest.whole, &manifest.refine);
        let cells = [frame.width / frame.stride, frame.height / frame.stride];
        // As a detector does.
        let (backbone, refine) = rayon::join(|| Backbone::new(pack), || Refine::new(pack, chosen));
        Ok(Self {
            backbone: backbone?,
            refine: refine?,
            coarse: (cells, frame.peak_radius),
            fine: ([region.size / region.stride; 2], region.peak_radius),
        })
    }

    /// Peaks of all coarse heat maps, then of all fine ones, cells.
    fn run(&mut self, whole: &[f32], regions: &[f32]) -> Result<Vec<[f32; 2]>, Error> {
        let (coarse, fine) = (self.backbone.run(whole)?, self.refine.run(regions)?);
        Ok(peaks(&coarse.maps, self.coarse).chain(peaks(&fine, self.fine)).collect())
    }
}

fn peaks(maps: &[f32], ([w, h], radius): ([usize; 2], usize)) -> impl Iterator<Item = [f32; 2]> {
    maps.chunks_exact(w * h)
        .map(move |map| peak(map, w, h, radius).map_or([f32::NAN; 2], |p| [p.x, p.y]))
}

/// Writes graphs, inputs and peaks into `folder`: floats little-endian, shapes in `shapes.json`.
fn write(path: &Path, image: &Path, mm: f64, folder: &Path) -> Result<(), Error> {
    let pack = Pack::open(path)?;
    let manifest = pack.manifest();
    let (landmarks, frame) = (manifest.landmarks.len(), &manifest.whole);
    let film = Radiograph::open(image, Some([mm; 2]))?;
    let whole = whole(&pack, &film)?;
    let mut detector = Detector::new(&pack, Backend::Cpu)?;
    detector.observe(&film)?;
    let regions = detector.regions();
    let all: Vec<usize> = (0..landmarks).collect();
    let peaks = Networks::new(&pack, &all)?.run(&whole, regions)?;

    std::fs::create_dir_all(folder).map_err(|e| {
        Error::new(ErrorKind::Unwritable, format!("cannot make {}: {e}", folder.display()))
    })?;
    write_atomically(&folder.join("backbone.onnx"), pack.section(SectionKind::Backbone))?;
    write_atomically(&folder.join("refine.onnx"), pack.section(SectionKind::Refine))?;
    write_floats(&folder.join("whole.f32"), &whole)?;
    write_floats(&folder.join("regions.f32"), regions)?;
    write_floats(&folder.join("peaks.f32"), &peaks.concat())?;
    let private: Vec<Vec<f32>> = (0..landmarks).map(|l| pack.adapter(l)).collect();
    let (mut shapes, mut start) = (Vec::new(), 0);
    for (k, input) in manifest.adapter.iter().enumerate() {
        let of = |p: &Vec<f32>| p[start..start + input.len()].to_vec();
        let values: Vec<f32> = private.iter().flat_map(of).collect();
        start += input.len();
        write_floats(&folder.join(format!("adapter{k}.f32")), &values)?;
        shapes.push([&[landmarks], &input.shape[..]].concat());
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

/// The backbone's input for `film`.
fn whole(pack: &Pack, film: &Radiograph) -> Result<Vec<f32>, Error> {
    let whole = &pack.manifest().whole;
    let unit_per_px = pack.manifest().unit_per_px(film.height, film.spacing_mm);
    let frame = whole_frame(whole, [film.width, film.height], unit_per_px);
    let (mut reduced, mut input) = (Plane::default(), vec![0.0; whole.width * whole.height]);
    Grey::new(film)?.reduce(whole.unit_per_px, unit_per_px, &mut reduced);
    whole_input(whole, &reduced, &frame, &mut input, &mut Vec::new());
    Ok(input)
}

fn read_floats(path: &Path) -> Result<Vec<f32>, Error> {
    let bytes = std::fs::read(path).map_err(|e| {
        Error::new(ErrorKind::Unreadable, format!("cannot read {}: {e}", path.display()))
    })?;
    Ok(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
}

fn write_floats(path: &Path, values: &[f32]) -> Result<(), Error> {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    write_atomically(path, &bytes)
}
