//! Which device runs the networks, and why.

use super::{Backend, Networks};
use crate::{Backbone, BackendInfo, Error, Manifest, Pack, Refine, SectionKind};

/// What the caller asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A real GPU, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// A real GPU.
    Gpu,
    /// The first adapter whose name contains this.
    Adapter(String),
}

impl From<Backend> for Wanted {
    fn from(backend: Backend) -> Self {
        match backend {
            Backend::Auto => Self::Auto,
            Backend::Cpu => Self::Cpu,
            Backend::Gpu => Self::Gpu,
        }
    }
}

/// The networks of the landmarks number `chosen`, ready on the device that is wanted.
pub(super) fn networks(
    pack: &Pack,
    manifest: &Manifest,
    chosen: &[usize],
    wanted: &Wanted,
) -> Result<(Networks, BackendInfo), Error> {
    let (networks, backend) = match wanted {
        Wanted::Cpu => (on_cpu(pack, manifest, chosen)?, cpu(None)),
        Wanted::Auto => match on_gpu(pack, manifest, chosen, None) {
            Ok((networks, mut backend)) => {
                backend.chosen_because = Some("a GPU is there".to_owned());
                (networks, backend)
            }
            Err(why) => (on_cpu(pack, manifest, chosen)?, cpu(Some(why.to_string()))),
        },
        Wanted::Gpu => on_gpu(pack, manifest, chosen, None)?,
        Wanted::Adapter(name) => on_gpu(pack, manifest, chosen, Some(name))?,
    };
    Ok((networks, backend))
}

fn on_cpu(pack: &Pack, manifest: &Manifest, chosen: &[usize]) -> Result<Networks, Error> {
    let guides = manifest.guides().len();
    let backbone = Backbone::new(pack.section(SectionKind::Backbone), &manifest.whole, guides)?;
    Ok(Networks::Cpu(Box::new((backbone, Refine::new(pack, chosen)?))))
}

fn cpu(chosen_because: Option<String>) -> BackendInfo {
    let device = format!("{} with {} threads", std::env::consts::ARCH, crate::refine::threads());
    BackendInfo { kind: "cpu", device, driver: "tract 0.23.9".to_owned(), chosen_because }
}

#[cfg(feature = "gpu")]
fn on_gpu(
    pack: &Pack,
    manifest: &Manifest,
    chosen: &[usize],
    adapter: Option<&str>,
) -> Result<(Networks, BackendInfo), Error> {
    use fiducia_kernels::gpu::Choice;
    let choice = adapter.map_or(Choice::Real, |name| Choice::Named(name.to_owned()));
    let path = crate::gpu::GpuPath::new(pack, manifest, chosen, &choice)?;
    let backend = path.backend();
    Ok((Networks::Gpu(Box::new(path)), backend))
}

#[cfg(not(feature = "gpu"))]
fn on_gpu(
    _: &Pack,
    _: &Manifest,
    _: &[usize],
    _: Option<&str>,
) -> Result<(Networks, BackendInfo), Error> {
    let message = "this build has no GPU path (it was built without the feature `gpu`)";
    Err(Error::new(crate::ErrorKind::NoGpu, message))
}
