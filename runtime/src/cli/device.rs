//! The device that a command is told to use.

use fiducia::{Backend, Detector, Error, ErrorKind, Pack, Wanted};

use super::arguments::DeviceChoice;

/// The landmarks `names` of `pack`, ready on the device.
///
/// # Errors
/// As [`Detector::new`]; [`ErrorKind::Usage`] where an adapter is named for the CPU.
pub(super) fn detector(
    pack: &Pack,
    choice: &DeviceChoice,
    names: &[String],
) -> Result<Detector, Error> {
    if choice.adapter.is_some() && choice.backend == Backend::Cpu {
        let message = "--adapter names a GPU; leave it out with --backend cpu";
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let wanted = Wanted {
        backend: choice.backend,
        adapter: choice.adapter.clone(),
        precision: choice.precision,
    };
    Detector::on(pack, &wanted, names)
}
