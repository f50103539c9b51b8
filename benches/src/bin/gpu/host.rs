//! The CPU path of the same machine.

use fiducia::{Backend, Detector, Error, ErrorKind};
use fiducia_benches::{Row, Times};

use crate::SPAN;
use crate::detect::Film;

/// Threads of the runs that are measured: two, as the goals say, and all; no more than there are cores for.
fn threads() -> Vec<usize> {
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    if all > 2 { vec![2, all] } else { vec![all] }
}

pub(crate) fn rows(Film { model, pack, film }: &Film) -> Result<(Vec<Row>, ()), Error> {
    let mut rows = Vec::new();
    for threads in threads() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool =
            pool.map_err(|e| Error::new(ErrorKind::Engine, format!("{threads} threads: {e}")))?;
        let times = pool.install(|| {
            let mut detector = Detector::new(pack, Backend::Cpu)?;
            Times::of(SPAN, || detector.observe(film).map(|seen| seen.timings_ms.total))
        })?;
        rows.extend(times.rows(&format!("host/{model}/{threads}")));
    }
    Ok((rows, ()))
}
