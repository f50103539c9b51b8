//! Writes a model file in the runtime's container format.

use std::path::Path;

use byteorder::{LittleEndian as Le, WriteBytesExt};
use fiducia::pack::layout::MAX_FILE_LEN;
use fiducia::pack::{Calibration, FileKind, Manifest, SectionKind, assemble};
use fiducia::shape::ShapeModel;
use fiducia::{Error, ErrorKind, Pack};

/// The sections of a trained model, in file order.
const CONTENT: [SectionKind; 8] = [
    SectionKind::Manifest,
    SectionKind::Backbone,
    SectionKind::Refine,
    SectionKind::Adapters,
    SectionKind::Shape,
    SectionKind::Calibration,
    SectionKind::Provenance,
    SectionKind::Card,
];

/// The contents of a model file.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Names, frames and limits.
    pub manifest: Manifest,
    /// ONNX graph: the full image `[1, 1, height, width]` to logits `[1, landmarks, h, w]`.
    pub backbone: Vec<u8>,
    /// ONNX graph: regions `[landmarks, 1, size, size]` and adapters to logits `[landmarks, 1, h, w]`.
    pub refine: Vec<u8>,
    /// The private values of each landmark, [`Manifest::adapter_len`] of them.
    pub adapters: Vec<Vec<f32>>,
    /// Mean shape and modes, normalised units.
    pub shape: ShapeModel,
    /// Confidence calibration of each landmark.
    pub calibration: Vec<Calibration>,
    /// Provenance: configuration, seed, data hash, tool version.
    pub provenance: serde_json::Value,
    /// The model card, Markdown.
    pub card: String,
}

/// The bytes of the model file, verified by reading them back.
///
/// # Errors
/// [`ErrorKind::Usage`] where a part does not fit the manifest; the message names the part.
pub fn to_bytes(parts: &Parts) -> Result<Vec<u8>, Error> {
    check(parts).map_err(|what| Error::new(ErrorKind::Usage, format!("cannot pack: {what}")))?;
    let bytes = assemble(FileKind::Pack, &sections(parts));
    if bytes.len() as u64 > MAX_FILE_LEN {
        let message = format!("cannot pack: {} bytes, more than {MAX_FILE_LEN}", bytes.len());
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let pack = Pack::from_bytes(bytes.clone())
        .map_err(|e| Error::new(ErrorKind::Usage, format!("cannot pack: {e}")))?;
    debug_assert_eq!(pack.manifest().landmarks, parts.manifest.landmarks);
    Ok(bytes)
}

/// Writes the model file to `path`, completely or not at all.
///
/// # Errors
/// As [`to_bytes`], and [`ErrorKind::Unwritable`] where the file cannot be written.
pub fn write(parts: &Parts, path: &Path) -> Result<(), Error> {
    fiducia::atomic::write_atomically(path, &to_bytes(parts)?)
}

/// Reads the model card `path`.
///
/// # Errors
/// [`ErrorKind::Unreadable`], naming the file.
pub fn read_card(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|e| {
        Error::new(ErrorKind::Unreadable, format!("model card {}: {e}", path.display()))
    })
}

fn sections(parts: &Parts) -> Vec<([u8; 4], Vec<u8>)> {
    let content = |kind| match kind {
        SectionKind::Manifest => json(&parts.manifest),
        SectionKind::Backbone => parts.backbone.clone(),
        SectionKind::Refine => parts.refine.clone(),
        SectionKind::Adapters => floats(parts.adapters.iter().flatten().copied()),
        SectionKind::Shape => floats(parts.shape.to_values().into_iter()),
        SectionKind::Calibration => floats(parts.calibration.iter().flat_map(calibration_values)),
        SectionKind::Provenance => json(&parts.provenance),
        SectionKind::Card => parts.card.clone().into_bytes(),
        // Sections that a newly trained model does not have.
        _ => Vec::new(),
    };
    CONTENT.map(|kind| (kind.code(), content(kind))).into()
}

pub(crate) fn calibration_values(c: &Calibration) -> [f32; 4] {
    [c.gain, c.floor, c.max_expected_error, c.max_shape_residual]
}

pub(crate) fn floats(values: impl Iterator<Item = f32>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in values {
        // Writing to a vector cannot fail.
        let _ = bytes.write_f32::<Le>(value);
    }
    bytes
}

pub(crate) fn json(value: &impl serde::Serialize) -> Vec<u8> {
    // Neither the manifest nor a JSON value contains a map whose keys are not strings.
    serde_json::to_vec(value).unwrap_or_default()
}

/// Checks the sizes that the manifest prescribes; messages name the parts, not the file sections.
fn check(parts: &Parts) -> Result<(), String> {
    parts.manifest.check().map_err(|e| e.to_string())?;
    let landmarks = parts.manifest.landmarks.len();
    let expect = |what: &str, found: usize, expected: usize| match found == expected {
        true => Ok(()),
        false => Err(format!("{what}: {found}, expected {expected}")),
    };
    expect("adapters", parts.adapters.len(), landmarks)?;
    for (values, name) in parts.adapters.iter().zip(&parts.manifest.landmarks) {
        let expected = parts.manifest.adapter_len();
        expect(&format!("adapter values of `{name}`"), values.len(), expected)?;
    }
    let (shape, points) = (&parts.shape, parts.manifest.model_landmarks().len());
    expect("points of the mean shape", shape.mean.len(), points)?;
    expect("shape modes", shape.modes.len(), parts.manifest.shape_modes)?;
    expect("shape deviations", shape.deviations.len(), parts.manifest.shape_modes)?;
    for mode in &shape.modes {
        expect("values of a shape mode", mode.len(), 2 * points)?;
    }
    expect("calibrations", parts.calibration.len(), landmarks)?;
    if parts.backbone.is_empty() || parts.refine.is_empty() {
        return Err("a graph is empty".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
