//! `fiducia devices`: lists the devices that can run the networks.

use fiducia::{Error, ErrorKind};
use serde::Serialize;

use super::{arguments::DevicesArguments, terminal::print};

/// One device.
#[derive(Serialize)]
struct Device {
    /// `cpu`, or the kind of GPU.
    kind: String,
    name: String,
    /// The interface through which it is used.
    interface: String,
    driver: String,
    /// With which options it is used.
    taken: &'static str,
}

/// Runs the command.
pub(super) fn devices(arguments: &DevicesArguments) -> Result<(), Error> {
    let mut found = gpus();
    let has_hardware_gpu = found.iter().any(|device| device.kind != "software");
    found.push(Device {
        kind: "cpu".to_owned(),
        name: std::env::consts::ARCH.to_owned(),
        interface: "tract".to_owned(),
        driver: String::new(),
        taken: if has_hardware_gpu { "with --backend cpu" } else { "by default" },
    });
    if arguments.json {
        let text = serde_json::to_string_pretty(&found)
            .map_err(|e| Error::new(ErrorKind::Engine, format!("cannot write the devices: {e}")))?;
        return print(&(text + "\n"));
    }
    let line = |d: &Device| {
        format!("{:<10}  {:<7}  {}  [{}]  {}\n", d.kind, d.interface, d.name, d.driver, d.taken)
    };
    print(&found.iter().map(line).collect::<String>().replace("  []", ""))
}

#[cfg(feature = "gpu")]
fn gpus() -> Vec<Device> {
    let mut is_first = true;
    let device = |adapter: fiducia::Adapter| {
        let taken = match adapter.is_software() {
            true => "with --adapter only",
            false if std::mem::take(&mut is_first) => "by default",
            false => "with --adapter",
        };
        Device {
            kind: adapter.kind.to_owned(),
            name: adapter.name,
            interface: adapter.interface,
            driver: adapter.driver,
            taken,
        }
    };
    fiducia::adapters().into_iter().map(device).collect()
}

#[cfg(not(feature = "gpu"))]
fn gpus() -> Vec<Device> {
    Vec::new()
}
