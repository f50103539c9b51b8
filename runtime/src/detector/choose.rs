//! Which device runs the networks, and why.

use std::path::PathBuf;

use super::{Backend, Networks};
use crate::{Backbone, BackendInfo, Error, ErrorKind, Manifest, Pack, Precision, Refine};

/// What shall run the networks, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The kind of device.
    pub backend: Backend,
    /// Part of the name of the GPU adapter, the only way to a software rasteriser; `None` for any real GPU.
    pub adapter: Option<String>,
    /// How the networks keep their numbers; the CPU has `f32` only.
    pub precision: Precision,
    /// Folder in which the outcome of a GPU's self-test is kept, and what its driver made of the shaders; `None`
    /// keeps nothing, and each process tests and compiles for itself. Shaders are kept only in a folder that this
    /// user alone can write, as it is made where there is none.
    pub cache: Option<PathBuf>,
    /// Tests a GPU although it was tested before, and compiles although something is kept.
    pub test_anew: bool,
}

/// The networks of the landmarks number `chosen`, ready on the device that is wanted.
pub(super) fn networks(
    pack: &Pack,
    manifest: &Manifest,
    chosen: &[usize],
    wanted: &Wanted,
) -> Result<(Networks, BackendInfo), Error> {
    match (wanted.backend, &wanted.adapter) {
        (Backend::Cpu, Some(name)) => {
            let message = format!(
                "the adapter `{name}` is a GPU; name none where the backend is to be the CPU"
            );
            Err(Error::new(ErrorKind::Usage, message))
        }
        (Backend::Cpu, None) if wanted.precision != Precision::F32 => {
            let message = "the CPU computes in f32; leave out --precision, or use a GPU";
            Err(Error::new(ErrorKind::Usage, message))
        }
        (Backend::Cpu, None) => Ok((on_cpu(pack, chosen)?, cpu(None))),
        (Backend::Auto, None) => match on_gpu(pack, manifest, chosen, wanted) {
            Ok((networks, mut backend)) => {
                backend.chosen_because = Some("a GPU is there".to_owned());
                Ok((networks, backend))
            }
            Err(why) => Ok((on_cpu(pack, chosen)?, cpu(Some(why.to_string())))),
        },
        (Backend::Auto | Backend::Gpu, _) => on_gpu(pack, manifest, chosen, wanted),
    }
}

fn on_cpu(pack: &Pack, chosen: &[usize]) -> Result<Networks, Error> {
    let (backbone, refine) = rayon::join(|| Backbone::new(pack), || Refine::new(pack, chosen));
    Ok(Networks::Cpu(Box::new((backbone?, refine?))))
}

fn cpu(chosen_because: Option<String>) -> BackendInfo {
    let device = format!("{} with {} threads", std::env::consts::ARCH, crate::refine::threads());
    let (driver, precision) = ("tract 0.23.9".to_owned(), Precision::F32.name());
    BackendInfo { kind: "cpu", device, driver, precision, chosen_because }
}

#[cfg(feature = "gpu")]
fn on_gpu(
    pack: &Pack,
    manifest: &Manifest,
    chosen: &[usize],
    wanted: &Wanted,
) -> Result<(Networks, BackendInfo), Error> {
    let path = crate::gpu::GpuPath::new(pack, manifest, chosen, wanted)?;
    let backend = path.backend();
    Ok((Networks::Gpu(Box::new(path)), backend))
}

#[cfg(not(feature = "gpu"))]
fn on_gpu(
    _: &Pack,
    _: &Manifest,
    _: &[usize],
    _: &Wanted,
) -> Result<(Networks, BackendInfo), Error> {
    let message = "this build has no GPU path (it was built without the feature `gpu`)";
    Err(Error::new(ErrorKind::NoGpu, message))
}
