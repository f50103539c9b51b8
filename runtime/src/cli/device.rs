//! The device that a command is told to use.

use fiducia::{Detector, Error, Pack};

use super::arguments::DeviceChoice;

/// The landmarks `names` of `pack`, ready on the device.
///
/// # Errors
/// As [`Detector::on_device_for`].
pub(super) fn detector(
    pack: &Pack,
    choice: &DeviceChoice,
    names: &[String],
) -> Result<Detector, Error> {
    Detector::on_device_for(pack, choice.backend, choice.adapter.as_deref(), names)
}
