//! The devices for benchmarks.

use fiducia::{Adapter, Backend, DetectorOptions, adapters};

/// A device and its name in the results.
#[derive(Clone, Debug)]
pub struct Measured {
    /// `cpu`, `gpu` or `software-gpu`.
    pub name: &'static str,
    /// The detector options that select it.
    pub options: DetectorOptions,
}

/// The processor and, if any, a GPU. If there is only a software rasteriser it is used under the name
/// `software-gpu`, because its times are not representative of GPUs. What was found is printed to standard
/// error.
pub fn backends() -> Vec<Measured> {
    let mut found = vec![cpu()];
    match gpu(&adapters()) {
        Some((gpu, adapter)) => {
            if gpu.name == "software-gpu" {
                eprintln!(
                    "ONLY A SOFTWARE RASTERISER, {}: its times are not representative of GPUs",
                    adapter.name
                );
            }
            found.push(gpu);
        }
        None => eprintln!("SKIPPED the GPU path: no adapter"),
    }
    found
}

/// The device of this name among [`backends`]. For the processor no GPU is enumerated, because enumeration
/// takes memory.
pub fn backend(name: &str) -> Option<Measured> {
    if name == "cpu" {
        Some(cpu())
    } else {
        gpu(&adapters()).map(|(gpu, _)| gpu).filter(|gpu| gpu.name == name)
    }
}

fn cpu() -> Measured {
    Measured {
        name: "cpu",
        options: DetectorOptions { backend: Backend::Cpu, ..DetectorOptions::default() },
    }
}

fn gpu(adapters: &[Adapter]) -> Option<(Measured, &Adapter)> {
    let real = adapters.iter().find(|adapter| !adapter.is_software());
    let (adapter, name) = match (real, adapters.first()) {
        (Some(real), _) => (real, "gpu"),
        (None, first) => (first?, "software-gpu"),
    };
    let options = DetectorOptions {
        backend: Backend::Gpu,
        adapter: Some(adapter.name.clone()),
        ..DetectorOptions::default()
    };
    Some((Measured { name, options }, adapter))
}

/// An adapter without a device, for tests of how adapters are chosen.
#[doc(hidden)]
pub fn test_adapter(name: &str, kind: &'static str) -> Adapter {
    let (interface, driver) = ("vulkan".to_owned(), "driver".to_owned());
    Adapter { name: name.to_owned(), interface, driver, kind }
}

#[cfg(test)]
mod tests {
    use super::test_adapter as adapter;
    use super::*;

    #[test]
    fn a_software_rasteriser_is_never_called_a_gpu() {
        let (software, real) = (adapter("llvmpipe", "software"), adapter("Orin", "integrated"));
        let (measured, _) = gpu(std::slice::from_ref(&software)).unwrap();
        assert_eq!(measured.name, "software-gpu");
        assert_eq!(measured.options.adapter.as_deref(), Some("llvmpipe"));
        let both = [software, real];
        let (measured, _) = gpu(&both).unwrap();
        assert_eq!((measured.name, measured.options.adapter.as_deref()), ("gpu", Some("Orin")));
        assert!(gpu(&[]).is_none());
    }
}
