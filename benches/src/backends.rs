//! The devices that benches run on.

use fiducia::{Adapter, Backend, Wanted, adapters};

/// A device and its name in the results.
#[derive(Clone, Debug)]
pub struct Measured {
    /// `cpu`, `gpu` or `software-gpu`.
    pub name: &'static str,
    /// What a detector is told.
    pub wanted: Wanted,
}

/// The processor, and a GPU. Where there is none but a software rasteriser, that one, under a name that says so: what it
/// takes says nothing about GPUs. Standard error says what was found.
pub fn backends() -> Vec<Measured> {
    let mut found = vec![cpu()];
    match gpu(&adapters()) {
        Some((gpu, adapter)) => {
            if gpu.name == "software-gpu" {
                eprintln!(
                    "ONLY A SOFTWARE RASTERISER, {}: its times say nothing about GPUs",
                    adapter.name
                );
            }
            found.push(gpu);
        }
        None => eprintln!("SKIPPED the GPU path: no adapter"),
    }
    found
}

/// The device of this name among [`backends`]. No GPU is looked for where the processor is meant: looking for one
/// takes memory.
pub fn backend(name: &str) -> Option<Measured> {
    if name == "cpu" {
        Some(cpu())
    } else {
        gpu(&adapters()).map(|(gpu, _)| gpu).filter(|gpu| gpu.name == name)
    }
}

fn cpu() -> Measured {
    Measured { name: "cpu", wanted: Wanted { backend: Backend::Cpu, ..Wanted::default() } }
}

fn gpu(adapters: &[Adapter]) -> Option<(Measured, &Adapter)> {
    let real = adapters.iter().find(|adapter| !adapter.is_software());
    let (adapter, name) = match (real, adapters.first()) {
        (Some(real), _) => (real, "gpu"),
        (None, first) => (first?, "software-gpu"),
    };
    let wanted =
        Wanted { backend: Backend::Gpu, adapter: Some(adapter.name.clone()), ..Wanted::default() };
    Some((Measured { name, wanted }, adapter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(name: &str, kind: &'static str) -> Adapter {
        let (interface, driver) = ("vulkan".to_owned(), "driver".to_owned());
        Adapter { name: name.to_owned(), interface, driver, kind }
    }

    #[test]
    fn a_software_rasteriser_is_never_called_a_gpu() {
        let (software, real) = (adapter("llvmpipe", "software"), adapter("Orin", "integrated"));
        let (measured, _) = gpu(std::slice::from_ref(&software)).unwrap();
        assert_eq!(measured.name, "software-gpu");
        assert_eq!(measured.wanted.adapter.as_deref(), Some("llvmpipe"));
        let both = [software, real];
        let (measured, _) = gpu(&both).unwrap();
        assert_eq!((measured.name, measured.wanted.adapter.as_deref()), ("gpu", Some("Orin")));
        assert!(gpu(&[]).is_none());
    }
}
