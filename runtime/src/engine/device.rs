//! Which device to use, and which one was used.

use std::path::PathBuf;

use fiducia_kernels::Precision;
use serde::Serialize;

/// The kind of device that runs the networks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// A hardware GPU if there is one, else the CPU; the report says which one and why.
    #[default]
    Auto,
    /// The CPU (tract and vector kernels).
    Cpu,
    /// A GPU, or an error.
    Gpu,
}

/// Options of a detector: the device and how it computes.
///
/// ```
/// use fiducia::{Backend, DetectorOptions};
///
/// let options = DetectorOptions { backend: Backend::Cpu, ..DetectorOptions::default() };
/// assert_eq!(options.precision.name(), "f32");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DetectorOptions {
    /// The kind of device.
    pub backend: Backend,
    /// Part of the name of the GPU adapter. Software rasterisers are used only if named here. `None` takes the first
    /// hardware GPU.
    pub adapter: Option<String>,
    /// Number format of the networks; the CPU has `f32` only.
    pub precision: Precision,
    /// Folder for the outcome of a GPU's self-test and for the pipelines that its driver compiled. With `None`, every
    /// process tests and compiles again. Pipelines are cached only in a folder that nobody but this user can write; a
    /// missing folder is created that way.
    pub cache: Option<PathBuf>,
    /// Ignores the cache: tests the GPU and compiles the pipelines again.
    pub rerun_self_test: bool,
}

/// The device that produced a report.
#[derive(Clone, Debug, Serialize)]
pub struct BackendInfo {
    /// `cpu` or `gpu`.
    pub kind: &'static str,
    /// Name of the processor or adapter.
    pub device: String,
    /// Engine or driver and its version.
    pub driver: String,
    /// Number format of the networks: `f32`, `f16` or `int8`.
    pub precision: &'static str,
    /// Why this backend was chosen, where the caller left the choice ([`Backend::Auto`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chosen_because: Option<String>,
}
