//! The patch file of a new landmark.

use fiducia::pack::{Calibration, FileKind, PatchInfo, SectionKind, assemble};
use fiducia::shape::DerivedLandmark;
use fiducia::{Error, ErrorKind, Pack};

use super::NewLandmark;
use crate::data::Unlabelled;
use crate::pack::{calibration_values, floats, json};
use crate::quantise::deltas::Coded;
use crate::run::images_sha256;

/// Assembles the file. The private values have the coding of the pack's own landmarks, so that they take as
/// few bytes.
pub(super) fn assemble_patch(
    pack: &Pack,
    new: &NewLandmark,
    images: &[Unlabelled],
    values: &[f32],
    derived: &DerivedLandmark,
    calibration: Calibration,
) -> Result<Vec<u8>, Error> {
    let info = PatchInfo {
        landmark: new.name.clone(),
        model: pack.manifest().name.clone(),
        foundation: pack.foundation(),
    };
    let private = match pack.deltas() {
        None => (SectionKind::Adapters, floats(values.iter().copied())),
        Some(deltas) => {
            let mut content = vec![deltas.coding().code(), 0, 0, 0];
            let (inputs, own) = (&pack.manifest().adapter, [values.to_vec()]);
            content.extend(Coded::about(deltas.common(), &own, inputs, deltas.coding()).slice(0));
            (SectionKind::Slice, content)
        }
    };
    if values.iter().any(|v| !v.is_finite()) {
        let message =
            format!("training of `{}` diverged: its values are not finite numbers", new.name);
        return Err(Error::new(ErrorKind::Engine, message));
    }
    let provenance = serde_json::json!({
        "tool": format!("fiducia-trainer {}", env!("CARGO_PKG_VERSION")),
        "template": images[new.template].name,
        "point_px": new.point_px,
        "seed": new.seed,
        "training_images": images.len(),
        "training_images_sha256": images_sha256(images)?,
        "model_sha256": pack.sha256(),
    });
    let sections = [
        (SectionKind::PatchInfo, json(&info)),
        private,
        (SectionKind::Calibration, floats(calibration_values(&calibration).into_iter())),
        (SectionKind::DerivedLandmark, floats(derived.to_values().into_iter())),
        (SectionKind::Provenance, json(&provenance)),
    ];
    Ok(assemble(FileKind::Patch, &sections.map(|(kind, content)| (kind.code(), content))))
}
