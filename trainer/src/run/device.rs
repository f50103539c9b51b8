//! The device that networks are trained on.

use burn::tensor::Device;
use clap::ValueEnum;
use fiducia::{Error, ErrorKind};

/// A training device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// The processor (burn's pure-Rust `flex` backend).
    #[default]
    Cpu,
    /// A GPU through Vulkan; needs a build with `--features vulkan`.
    Vulkan,
    /// The processor through libtorch; needs a build with `--features libtorch`.
    Libtorch,
    /// An NVIDIA GPU through libtorch; needs a build with `--features libtorch` and a libtorch with CUDA.
    Cuda,
}

/// Opens the chosen device with automatic differentiation.
///
/// # Errors
/// [`ErrorKind::NoGpu`] where a GPU is requested and this build or machine has none; there is no silent
/// fallback to the CPU.
pub fn open(choice: Choice) -> Result<Device, Error> {
    match choice {
        Choice::Cpu => Ok(Device::flex().autodiff()),
        Choice::Vulkan => Ok(vulkan()?.autodiff()),
        Choice::Libtorch => Ok(libtorch(false)?.autodiff()),
        Choice::Cuda => Ok(libtorch(true)?.autodiff()),
    }
}

#[cfg(not(feature = "libtorch"))]
fn libtorch(_cuda: bool) -> Result<Device, Error> {
    let message =
        "this fiducia-train was built without libtorch; build it with --features libtorch";
    Err(Error::new(ErrorKind::Usage, message))
}

/// burn marks this backend as deprecated, but it trains small networks faster on a processor than any other.
#[cfg(feature = "libtorch")]
#[allow(deprecated)]
fn libtorch(cuda: bool) -> Result<Device, Error> {
    if cuda && Device::enumerate(burn::tensor::DeviceType::LibTorch).is_empty() {
        let message = "libtorch finds no CUDA device; check the driver with nvidia-smi and that libtorch_cuda is loaded";
        return Err(Error::new(ErrorKind::NoGpu, message));
    }
    Ok(if cuda { Device::libtorch_cuda(0) } else { Device::libtorch() })
}

#[cfg(not(feature = "vulkan"))]
fn vulkan() -> Result<Device, Error> {
    let message =
        "this fiducia-train was built without GPU training; build it with --features vulkan";
    Err(Error::new(ErrorKind::NoGpu, message))
}

/// The first hardware GPU; software rasterisers are slower than the CPU backend and are ignored.
#[cfg(feature = "vulkan")]
fn vulkan() -> Result<Device, Error> {
    const SOFTWARE: [&str; 3] = ["llvmpipe", "lavapipe", "swiftshader"];
    let real = |name: &str| !SOFTWARE.iter().any(|s| name.to_lowercase().contains(s));
    let gpu = Device::enumerate_physical().into_iter().find(|gpu| real(&gpu.name));
    let gpu = gpu.ok_or_else(|| {
        Error::new(ErrorKind::NoGpu, "no Vulkan GPU found; check the driver with vulkaninfo")
    })?;
    log::info!("training on {}", gpu.name);
    gpu.devices
        .into_vec()
        .into_iter()
        .next()
        .ok_or_else(|| Error::new(ErrorKind::NoGpu, format!("{} cannot be opened", gpu.name)))
}
