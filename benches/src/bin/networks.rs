//! Runs the two networks of a model file and the decoding, timed by another process: fiducia's side of
//! `benches/rivals/compare.py`.
//!
//! `networks PACK IMAGE SPACING_MM DIR` writes the files that another engine needs for the same work: graphs,
//! their inputs for that image, and the expected peaks.
//!
//! `networks PACK DIR [singles]` reads the inputs and prints what `worker.py` prints: the time of loading and
//! a first run, 0, and the memory of this process before. It then answers every line on standard input with
//! the milliseconds of one run, from inputs in memory to peaks. With `singles` there is one model per
//! landmark, and all of them are run.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use fiducia::{Error, ErrorKind, Pack, Radiograph};
use fiducia_benches::{Networks, resident, write_networks};

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
    fiducia_benches::exit_code(done)
}

fn usage() -> Error {
    let message = "usage: networks PACK DIR [singles], or networks PACK IMAGE SPACING_MM DIR";
    Error::new(ErrorKind::Usage, message)
}

fn write(pack: &Path, image: &Path, mm: f64, folder: &Path) -> Result<(), Error> {
    let radiograph = Radiograph::open(image, Some([mm; 2]))?;
    write_networks(&Pack::open(pack)?, &radiograph, folder)
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
    // The regions of one model's landmarks.
    let share = regions.len() / groups.len();
    let mut run = || -> Result<(), Error> {
        for (networks, regions) in networks.iter_mut().zip(regions.chunks(share)) {
            networks.run(&whole, regions)?;
        }
        Ok(())
    };
    run()?;
    // The expected peaks are its own, so that the difference is 0.
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

fn read_floats(path: &Path) -> Result<Vec<f32>, Error> {
    let bytes = std::fs::read(path).map_err(|e| {
        Error::new(ErrorKind::Unreadable, format!("cannot read {}: {e}", path.display()))
    })?;
    Ok(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
}
