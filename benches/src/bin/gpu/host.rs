//! The CPU path of the same machine.

use fiducia::{Backend, Detector, Error, ErrorKind};
use fiducia_benches::{Row, Times};

use crate::SPAN;
use crate::detect::Case;

/// Numbers of threads: two, as in the goals, and all cores; at most as many as there are cores.
fn threads() -> Vec<usize> {
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    if all > 2 { vec![2, all] } else { vec![all] }
}

pub(crate) fn rows(Case { model, pack, radiograph }: &Case) -> Result<(Vec<Row>, ()), Error> {
    let mut rows = Vec::new();
    for threads in threads() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool =
            pool.map_err(|e| Error::new(ErrorKind::Engine, format!("{threads} threads: {e}")))?;
        let times = pool.install(|| {
            let mut detector = Detector::new(pack, Backend::Cpu)?;
            Times::of(SPAN, || detector.observe(radiograph).map(|seen| seen.timings_ms.total))
        })?;
        rows.extend(times.rows(&format!("host/{model}/{threads}")));
    }
    Ok((rows, ()))
}
