//! The networks on a device: one image in, one [`Observation`] out.
//!
//! Both backends have one contract: `start` takes an image, `finish` gives what the networks found on it. On a GPU the
//! image is under way in between; the CPU has finished when `start` returns.

pub mod observation;
pub mod device;
pub(crate) mod search;
pub(crate) mod graph;
pub(crate) mod fusion;
pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;

pub use device::{Backend, BackendInfo, DetectorOptions};
pub use observation::{Found, Observation, Timings};

use fiducia_kernels::Precision;

use crate::error::{Error, ErrorKind};
use crate::pack::{Manifest, Pack};
use crate::radiograph::Radiograph;

use cpu::CpuPath;

/// A model on a device, ready for one image after another.
#[derive(Debug)]
pub(crate) enum Engine {
    Cpu(Box<CpuPath>),
    #[cfg(feature = "gpu")]
    Gpu(Box<gpu::GpuPath>),
}

/// An image between `start` and `finish`.
#[derive(Debug)]
pub(crate) enum Running {
    Cpu(Box<Observation>),
    #[cfg(feature = "gpu")]
    Gpu(gpu::OnDevice),
}

impl Engine {
    /// The engine for the landmarks with the numbers `chosen`, which are those that `manifest` names, on the device that
    /// `options` ask for.
    ///
    /// # Errors
    /// As [`Detector::on`](crate::detector::Detector::on).
    pub(crate) fn new(
        pack: &Pack,
        manifest: &Manifest,
        chosen: &[usize],
        options: &DetectorOptions,
    ) -> Result<(Self, BackendInfo), Error> {
        match (options.backend, &options.adapter) {
            (Backend::Cpu, Some(name)) => {
                let message = format!("adapter `{name}` is a GPU; leave it out to use the CPU");
                Err(Error::new(ErrorKind::Usage, message))
            }
            (Backend::Cpu, None) if options.precision != Precision::F32 => {
                let message = "the CPU computes in f32; leave out --precision, or use a GPU";
                Err(Error::new(ErrorKind::Usage, message))
            }
            (Backend::Cpu, None) => on_cpu(pack, manifest, chosen, None),
            (Backend::Auto, None) => match on_gpu(pack, manifest, chosen, options) {
                Ok((engine, mut backend)) => {
                    backend.chosen_because = Some("a GPU is available".to_owned());
                    Ok((engine, backend))
                }
                Err(why) => on_cpu(pack, manifest, chosen, Some(why.to_string())),
            },
            (Backend::Auto | Backend::Gpu, _) => on_gpu(pack, manifest, chosen, options),
        }
    }

    /// Hands `radiograph` to the networks.
    ///
    /// # Errors
    /// As [`Detector::observe`](crate::detector::Detector::observe).
    pub(crate) fn start(
        &mut self,
        manifest: &Manifest,
        radiograph: &Radiograph,
    ) -> Result<Running, Error> {
        match self {
            Self::Cpu(cpu) => Ok(Running::Cpu(Box::new(cpu.start(manifest, radiograph)?))),
            #[cfg(feature = "gpu")]
            Self::Gpu(gpu) => Ok(Running::Gpu(gpu.start(manifest, radiograph)?)),
        }
    }

    /// Waits for `running`, which [`Engine::start`] of this engine gave for `radiograph`.
    ///
    /// # Errors
    /// As [`Detector::observe`](crate::detector::Detector::observe).
    #[cfg_attr(
        not(feature = "gpu"),
        expect(unused_variables, reason = "the CPU has finished in `start`")
    )]
    pub(crate) fn finish(
        &mut self,
        manifest: &Manifest,
        radiograph: &Radiograph,
        running: Running,
    ) -> Result<Observation, Error> {
        match (self, running) {
            (_, Running::Cpu(observation)) => Ok(*observation),
            #[cfg(feature = "gpu")]
            (Self::Gpu(gpu), Running::Gpu(on_device)) => {
                gpu.finish(manifest, radiograph, on_device)
            }
            #[cfg(feature = "gpu")]
            (Self::Cpu(_), Running::Gpu(_)) => {
                let message = "the image was started by another detector";
                Err(Error::new(ErrorKind::Usage, message))
            }
        }
    }

    /// The regions of interest `[landmarks, 1, size, size]` of the last image; empty on a GPU.
    pub(crate) fn regions(&self) -> &[f32] {
        match self {
            Self::Cpu(cpu) => cpu.regions(),
            #[cfg(feature = "gpu")]
            Self::Gpu(_) => &[],
        }
    }
}

#[cfg(feature = "gpu")]
impl Engine {
    /// The GPU path, where a GPU runs the networks.
    pub(crate) fn gpu(&self) -> Option<&gpu::GpuPath> {
        match self {
            Self::Cpu(_) => None,
            Self::Gpu(gpu) => Some(gpu),
        }
    }

    /// As [`Engine::gpu`].
    pub(crate) fn gpu_mut(&mut self) -> Option<&mut gpu::GpuPath> {
        match self {
            Self::Cpu(_) => None,
            Self::Gpu(gpu) => Some(gpu),
        }
    }
}

impl Running {
    /// Whether the networks have finished.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Self::Cpu(_))
    }
}

fn on_cpu(
    pack: &Pack,
    manifest: &Manifest,
    chosen: &[usize],
    chosen_because: Option<String>,
) -> Result<(Engine, BackendInfo), Error> {
    let path = CpuPath::new(pack, manifest, chosen)?;
    let backend = BackendInfo { chosen_because, ..CpuPath::backend() };
    Ok((Engine::Cpu(Box::new(path)), backend))
}

#[cfg(feature = "gpu")]
fn on_gpu(
    pack: &Pack,
    manifest: &Manifest,
    chosen: &[usize],
    options: &DetectorOptions,
) -> Result<(Engine, BackendInfo), Error> {
    let path = gpu::GpuPath::new(pack, manifest, chosen, options)?;
    let backend = path.backend();
    Ok((Engine::Gpu(Box::new(path)), backend))
}

#[cfg(not(feature = "gpu"))]
fn on_gpu(
    _: &Pack,
    _: &Manifest,
    _: &[usize],
    _: &DetectorOptions,
) -> Result<(Engine, BackendInfo), Error> {
    let message = "this build has no GPU path (it was built without the feature `gpu`)";
    Err(Error::new(ErrorKind::NoGpu, message))
}
