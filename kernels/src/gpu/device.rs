//! Which devices there are, and opening one.

extern crate std;
use std::{
    format,
    string::{String, ToString},
    sync::{Arc, Mutex},
    vec::Vec,
};

use super::{GpuError, GpuErrorKind, Plan};
use crate::precision::Precision;

/// A device that could run the shaders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// Name, from the driver.
    pub name: String,
    /// Interface to the driver: `vulkan`, `metal` or `dx12`.
    pub interface: String,
    /// Driver and its version.
    pub driver: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: &'static str,
}

impl Adapter {
    /// Whether it is a software rasteriser (lavapipe, SwiftShader, WARP): correct, and slow.
    pub fn is_software(&self) -> bool {
        self.kind == "software"
    }

    fn of(adapter: &wgpu::Adapter) -> Self {
        let info = adapter.get_info();
        let driver = format!("{} {}", info.driver, info.driver_info);
        // Not every software rasteriser says that it is one.
        let named_software =
            ["llvmpipe", "swiftshader"].iter().any(|name| info.name.to_lowercase().contains(name));
        let kind = match info.device_type {
            _ if named_software => "software",
            wgpu::DeviceType::DiscreteGpu => "discrete",
            wgpu::DeviceType::IntegratedGpu => "integrated",
            wgpu::DeviceType::VirtualGpu => "virtual",
            wgpu::DeviceType::Cpu => "software",
            wgpu::DeviceType::Other => "other",
        };
        Self {
            name: info.name,
            interface: info.backend.to_string(),
            driver: driver.trim().to_string(),
            kind,
        }
    }

    /// The order of preference: real devices before virtual ones, fast before slow.
    fn rank(&self) -> u8 {
        match self.kind {
            "discrete" => 0,
            "integrated" => 1,
            "virtual" => 2,
            "other" => 3,
            _ => 4,
        }
    }
}

/// Which adapter to open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The fastest real GPU; never a software rasteriser.
    #[default]
    Real,
    /// The first whose name contains this text, of any kind; case does not matter.
    Named(String),
}

/// An open device; a copy is the same device.
#[derive(Clone)]
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) faults: Arc<Faults>,
    /// Compiled pipelines, of this run and of earlier ones; see [`Gpu::with_pipelines`].
    pub(super) cache: Option<wgpu::PipelineCache>,
    adapter: Adapter,
}

/// The errors that the device reported between calls.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Option<GpuError>>);

impl Faults {
    /// Keeps the first fault: later ones follow from it.
    fn note(&self, fault: GpuError) {
        log::debug!("GPU: {fault}");
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(fault);
    }

    /// The first fault since the last call, where there was one. A lost device stays lost.
    pub(super) fn take(&self) -> Result<(), GpuError> {
        let mut first = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match first.clone() {
            None => Ok(()),
            Some(fault) => {
                if fault.kind() != GpuErrorKind::Lost {
                    *first = None;
                }
                Err(fault)
            }
        }
    }
}

impl core::fmt::Debug for Gpu {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Gpu").field("adapter", &self.adapter).finish_non_exhaustive()
    }
}

impl Gpu {
    /// Opens an adapter.
    ///
    /// # Errors
    /// [`GpuErrorKind::NoAdapter`] if no adapter matches; the message lists the adapters of this machine;
    /// [`GpuErrorKind::Refused`] where the driver does not open it.
    pub fn open(choice: &Choice) -> Result<Self, GpuError> {
        let mut found = enumerate();
        found.sort_by_key(|(adapter, _)| adapter.rank());
        let fits = |adapter: &Adapter| match choice {
            Choice::Real => !adapter.is_software(),
            Choice::Named(name) => adapter.name.to_lowercase().contains(&name.to_lowercase()),
        };
        let Some(place) = found.iter().position(|(adapter, _)| fits(adapter)) else {
            return Err(none(choice, &found));
        };
        let (adapter, handle) = found.swap_remove(place);
        let limits = handle.limits();
        let mut optional =
            wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::SHADER_F16 | wgpu::Features::SUBGROUP;
        // Elsewhere the owner of a file is not known, and the driver must not get data of others.
        optional.set(wgpu::Features::PIPELINE_CACHE, cfg!(unix));
        let features = handle.features() & optional;
        let opened = pollster::block_on(handle.request_device(&wgpu::DeviceDescriptor {
            label: Some("fiducia"),
            required_features: features,
            required_limits: limits,
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        }));
        let (device, queue) = opened.map_err(|e| {
            let message = format!("cannot open {}: {e}", adapter.name);
            GpuError::new(GpuErrorKind::Refused, message)
        })?;
        let faults = Arc::new(Faults::default());
        watch(&device, &faults, &adapter.name);
        Ok(Self { device, queue, faults, cache: None, adapter })
    }

    /// The open adapter.
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// Largest buffer that a shader can bind, bytes.
    pub fn largest_binding(&self) -> u64 {
        let limits = self.device.limits();
        limits.max_storage_buffer_binding_size.min(limits.max_buffer_size)
    }

    /// Whether the device can time its work (timestamp queries).
    pub fn has_clock(&self) -> bool {
        self.device.features().contains(wgpu::Features::TIMESTAMP_QUERY)
    }

    /// Whether its shaders compute with numbers of this form.
    pub fn runs(&self, precision: Precision) -> bool {
        match precision {
            // Where the device has no dot product of packed bytes, wgpu emulates it.
            Precision::F32 | Precision::Int8 => true,
            Precision::F16 => self.device.features().contains(wgpu::Features::SHADER_F16),
        }
    }

    /// Whether its shaders have subgroup operations.
    pub fn has_subgroups(&self) -> bool {
        self.device.features().contains(wgpu::Features::SUBGROUP)
    }

    /// An empty plan that uses all features of this device.
    pub fn plan(&self, precision: Precision) -> Plan {
        Plan::new(precision).with_subgroups(self.has_subgroups())
    }

    /// Loses the device, as a driver that resets it does; for tests.
    #[doc(hidden)]
    pub fn lose(&self) {
        self.device.destroy();
    }
}

/// All adapters of this machine, software rasterisers among them, in the order of preference.
pub fn adapters() -> Vec<Adapter> {
    let mut found: Vec<Adapter> = enumerate().into_iter().map(|(adapter, _)| adapter).collect();
    found.sort_by_key(Adapter::rank);
    found
}

/// The interfaces of this build: Vulkan, Metal or DX12, by target system. Never OpenGL: it is slower, needs a display on
/// some systems, and its contexts deadlock where several threads use them.
const INTERFACES: wgpu::Backends =
    wgpu::Backends::VULKAN.union(wgpu::Backends::METAL).union(wgpu::Backends::DX12);

fn enumerate() -> Vec<(Adapter, wgpu::Adapter)> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = INTERFACES;
    descriptor.flags = wgpu::InstanceFlags::empty().with_env();
    let instance = wgpu::Instance::new(descriptor);
    let found = pollster::block_on(instance.enumerate_adapters(INTERFACES));
    let computes = |adapter: &wgpu::Adapter| {
        let flags = adapter.get_downlevel_capabilities().flags;
        flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS)
    };
    found.into_iter().filter(computes).map(|a| (Adapter::of(&a), a)).collect()
}

fn none(choice: &Choice, found: &[(Adapter, wgpu::Adapter)]) -> GpuError {
    let names: Vec<String> =
        found.iter().map(|(a, _)| format!("{} ({})", a.name, a.kind)).collect();
    let there = if names.is_empty() {
        "no adapter was found; is a Vulkan driver installed?".to_string()
    } else {
        format!("there is {}", names.join(", "))
    };
    let message = match choice {
        Choice::Real => format!("no GPU: {there}"),
        Choice::Named(name) => format!("no adapter is called `{name}`: {there}"),
    };
    GpuError::new(GpuErrorKind::NoAdapter, message)
}

/// Keeps the errors that the device reports outside of calls.
fn watch(device: &wgpu::Device, faults: &Arc<Faults>, name: &str) {
    let (lost, uncaptured) = (faults.clone(), faults.clone());
    let name = name.to_string();
    device.set_device_lost_callback(move |_, why| {
        let message = format!("the GPU {name} was lost: {}", why.trim());
        lost.note(GpuError::new(GpuErrorKind::Lost, message));
    });
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        uncaptured.note(match error {
            wgpu::Error::OutOfMemory { .. } => {
                GpuError::new(GpuErrorKind::OutOfMemory, "the GPU is out of memory")
            }
            other => GpuError::new(GpuErrorKind::Refused, format!("the GPU refused: {other}")),
        });
    }));
}
