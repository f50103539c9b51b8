//! A patch: adds one landmark to a model that is already deployed. The shared weights do not change; the patch holds
//! the landmark's private values and its position relative to the shape.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Pack;
use super::container::{Container, damaged, floats};
use super::delta::{Coding, coding_of, decode, expect_finite_scales, slice_len};
use super::layout::{FileKind, SectionKind};
use super::manifest::Calibration;
use crate::error::{Error, ErrorKind};
use crate::shape::DerivedLandmark;

/// Bytes before the slice: the coding and three zeros.
const SLICE_HEADER: usize = 4;
/// Floats of a calibration.
pub(super) const CALIBRATION: usize = 4;

/// The landmark and the model of a patch; the JSON section `PATC`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchInfo {
    /// Name of the landmark it adds.
    pub landmark: String,
    /// Name of the model that it was trained for.
    pub model: String,
    /// [`Pack::foundation`] of that model.
    pub foundation: String,
}

/// A checked patch.
#[derive(Clone, Debug)]
pub struct Patch {
    container: Container,
    info: PatchInfo,
}

impl Patch {
    /// Reads and checks the patch at `path`.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] where the file is missing, not a patch, of a newer major version or
    /// damaged; the message names file and section.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let bytes = Container::read_file(FileKind::Patch, path)?;
        Self::from_bytes(bytes).map_err(|e| e.at(format_args!("patch {}", path.display())))
    }

    /// Checks a patch held in memory.
    ///
    /// # Errors
    /// As [`Patch::open`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Error> {
        let container = Container::new(FileKind::Patch, bytes)?;
        let info: PatchInfo = serde_json::from_slice(container.expect(SectionKind::PatchInfo)?)
            .map_err(|e| damaged(format!("section PATC does not name landmark and model: {e}")))?;
        if !(1..=256).contains(&info.landmark.len()) {
            return Err(damaged("section PATC: the landmark's name must have 1 to 256 bytes"));
        }
        container.expect_floats(SectionKind::Calibration, CALIBRATION)?;
        let derived = container.expect(SectionKind::DerivedLandmark)?.len() / 4;
        container
            .expect_floats(SectionKind::DerivedLandmark, derived.max(2).next_multiple_of(2))?;
        container.expect_text(SectionKind::Provenance)?;
        match container.find(SectionKind::Slice) {
            Some(slice) => coding_of(slice).map(drop).map_err(|e| e.at("section SLIC"))?,
            None => {
                let values = container.expect(SectionKind::Adapters)?.len() / 4;
                container.expect_floats(SectionKind::Adapters, values)?;
            }
        }
        Ok(Self { container, info })
    }

    /// Its landmark and its model.
    pub fn info(&self) -> &PatchInfo {
        &self.info
    }

    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        self.container.bytes()
    }

    /// SHA-256 of the whole file, hexadecimal.
    pub fn sha256(&self) -> String {
        self.container.sha256()
    }

    /// JSON text: how it was made.
    pub fn provenance(&self) -> &str {
        self.container.expect_text(SectionKind::Provenance).unwrap_or_default()
    }

    pub(super) fn container(&self) -> &Container {
        &self.container
    }

    /// Confidence calibration of its landmark.
    pub(super) fn calibration(&self) -> &[u8] {
        self.container.find(SectionKind::Calibration).unwrap_or_default()
    }

    /// Position of its landmark relative to the shape.
    pub(super) fn derived(&self) -> DerivedLandmark {
        let values = self.container.find(SectionKind::DerivedLandmark).unwrap_or_default();
        DerivedLandmark::from_values(&floats(values))
    }

    /// Private values, stored whole or as differences to the values that the landmarks of `pack` share. The patch must fit.
    pub(super) fn values(&self, pack: &Pack) -> Vec<f32> {
        match (self.slice(), pack.deltas()) {
            (Some((coding, slice)), Some(deltas)) => {
                decode(coding, &pack.manifest().adapter, &deltas.common(), slice)
            }
            _ => floats(self.container.find(SectionKind::Adapters).unwrap_or_default()),
        }
    }

    /// Bytes of the private values.
    pub(super) fn adapter_bytes(&self) -> usize {
        let section = |kind| self.container.find(kind).map(<[u8]>::len);
        section(SectionKind::Slice).or(section(SectionKind::Adapters)).unwrap_or_default()
    }

    /// Checks that it was trained for `pack`, which has this `foundation`, and that its landmark is new there.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for another model or a landmark that the pack has;
    /// [`ErrorKind::Unreadable`] where a section does not fit the pack.
    pub(super) fn check_fit(&self, pack: &Pack, foundation: &str) -> Result<(), Error> {
        let manifest = pack.manifest();
        let PatchInfo { landmark, model, foundation: other } = &self.info;
        if other != foundation {
            let message = format!(
                "the patch for `{landmark}` was trained for another model ({model}, foundation {}) than \
                 this {}; train it for this one with fiducia-train add-landmark",
                other.get(..12).unwrap_or(other),
                manifest.name
            );
            return Err(Error::new(ErrorKind::Usage, message));
        }
        manifest.expect_new(landmark)?;
        let expect = |what: &str, found: usize, expected: usize| match found == expected {
            true => Ok(()),
            false => Err(damaged(format!("section {what}: {found} bytes, expected {expected}"))),
        };
        let derived = self.container.expect(SectionKind::DerivedLandmark)?.len();
        expect("FOLL", derived, 8 * (1 + manifest.shape_modes))?;
        match (self.slice(), pack.deltas()) {
            (Some((coding, slice)), Some(_)) => {
                expect("SLIC", slice.len(), slice_len(coding, &manifest.adapter))?;
                expect_finite_scales(coding, &manifest.adapter, slice)
                    .map_err(|e| e.at("section SLIC"))
            }
            (Some(_), None) => Err(damaged("section SLIC, for a pack that has no section DELT")),
            (None, _) => expect("ADAP", self.adapter_bytes(), 4 * manifest.adapter_len()),
        }
    }

    fn slice(&self) -> Option<(Coding, &[u8])> {
        let section = self.container.find(SectionKind::Slice)?;
        Some((coding_of(section).ok()?, &section[SLICE_HEADER..]))
    }
}

/// The patches in section `PTCH`: each its length (`u64`), then the whole file.
pub(super) fn read_patches(mut section: &[u8]) -> Result<Vec<Patch>, Error> {
    let mut patches = Vec::new();
    while let Some((len, rest)) = section.split_first_chunk::<8>() {
        let len = usize::try_from(u64::from_le_bytes(*len)).unwrap_or(usize::MAX);
        let Some((patch, behind)) = rest.split_at_checked(len) else {
            return Err(damaged(format!("{len} bytes announced, {} there", rest.len())));
        };
        let place = format!("patch number {}", patches.len() + 1);
        patches.push(Patch::from_bytes(patch.to_vec()).map_err(|e| e.at(place))?);
        section = behind;
    }
    if section.is_empty() { Ok(patches) } else { Err(damaged("bytes follow the last patch")) }
}

/// The section with `patches`.
pub(super) fn write_patches(patches: &[&Patch]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for patch in patches {
        bytes.extend((patch.bytes().len() as u64).to_le_bytes());
        bytes.extend(patch.bytes());
    }
    bytes
}

/// Calibrations from the floats of a section.
pub(super) fn calibrations(section: &[u8]) -> Vec<Calibration> {
    let one = |v: &[f32]| Calibration {
        gain: v[0],
        floor: v[1],
        max_expected_error: v[2],
        max_shape_residual: v[3],
    };
    floats(section).chunks_exact(CALIBRATION).map(one).collect()
}
