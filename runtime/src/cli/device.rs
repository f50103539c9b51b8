//! The device that a command is told to use.

use fiducia::{Backend, Detector, Error, ErrorKind, Pack};

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
    match (&choice.adapter, choice.backend) {
        (None, backend) => Detector::for_landmarks(pack, backend, names),
        (Some(name), Backend::Auto | Backend::Gpu) => Detector::on_adapter_for(pack, name, names),
        (Some(_), Backend::Cpu) => {
            let message = "--adapter names a GPU; leave it out with --backend cpu";
            Err(Error::new(ErrorKind::Usage, message))
        }
    }
}
