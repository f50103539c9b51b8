//! Reading a pack: every section is checked before use, and patches add their landmarks to those of the model.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::container::{Container, Section, damaged, floats, hex};
use super::delta::Deltas;
use super::layout::{FileKind, SectionKind};
use super::manifest::{Calibration, Manifest};
use super::patch::{CALIBRATION, Patch, calibrations, read_patches};
use crate::error::Error;
use crate::shape::{DerivedLandmark, ShapeModel};

/// A verified pack (model file) in memory.
///
/// ```
/// use std::path::Path;
///
/// use fiducia::Pack;
///
/// # fn main() -> Result<(), fiducia::Error> {
/// # let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models/head.fid"));
/// let pack = Pack::open(path)?;
/// let manifest = pack.manifest();
/// assert_eq!((manifest.name.as_str(), manifest.landmarks.len()), ("head", 19));
/// println!("{} bytes, SHA-256 {}", pack.file_len(), pack.sha256());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Pack {
    container: Container,
    /// Of the model and its patches.
    manifest: Manifest,
    patches: Vec<Patch>,
    sha256: String,
}

impl Pack {
    /// Reads and verifies the pack at `path`.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`](crate::error::ErrorKind::Unreadable) where the file is missing, not a pack, of a newer major version or
    /// damaged; the message names file and section.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let bytes = Container::read_file(FileKind::Pack, path)?;
        Self::from_bytes(bytes).map_err(|e| e.at(format_args!("pack {}", path.display())))
    }

    /// Verifies a pack held in memory.
    ///
    /// # Errors
    /// As [`Pack::open`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Error> {
        let container = Container::new(FileKind::Pack, bytes)?;
        let manifest: Manifest =
            serde_json::from_slice(container.expect(SectionKind::Manifest)?)
                .map_err(|e| damaged(format!("section MANI is not a manifest: {e}")))?;
        manifest.check().map_err(|e| e.at("section MANI"))?;
        let landmarks = manifest.landmarks.len();
        if let Some(bytes) = container.find(SectionKind::Deltas) {
            Deltas::read(bytes, &manifest.adapter, landmarks).map_err(|e| e.at("section DELT"))?;
        } else {
            container.expect_floats(SectionKind::Adapters, landmarks * manifest.adapter_len())?;
        }
        let shape = ShapeModel::len(manifest.model_landmarks().len(), manifest.shape_modes);
        container.expect_floats(SectionKind::Shape, shape)?;
        container.expect_floats(SectionKind::Calibration, landmarks * CALIBRATION)?;
        for kind in [SectionKind::Backbone, SectionKind::Refine] {
            container.expect(kind)?;
        }
        for kind in [SectionKind::Provenance, SectionKind::Card] {
            container.expect_text(kind)?;
        }
        let sha256 = container.sha256();
        let section = container.find(SectionKind::Patches).unwrap_or_default();
        let patches = read_patches(section).map_err(|e| e.at("section PTCH"))?;
        let mut pack = Self { container, manifest, patches: Vec::new(), sha256 };
        // The hash reads every weight, so it is computed once, and only if there are patches to compare.
        let foundation = if patches.is_empty() { String::new() } else { pack.foundation() };
        for patch in patches {
            pack.join(patch, &foundation).map_err(|e| damaged(format!("section PTCH: {e}")))?;
        }
        Ok(pack)
    }

    /// Adds the landmark of a patch.
    fn join(&mut self, patch: Patch, foundation: &str) -> Result<(), Error> {
        patch.check_fit(self, foundation)?;
        self.manifest.model_landmarks = self.manifest.model_landmarks().to_vec();
        self.manifest.landmarks.push(patch.info().landmark.clone());
        self.manifest.check_landmarks()?;
        self.patches.push(patch);
        Ok(())
    }

    /// Identifies the model that patches are trained for: SHA-256 of graphs, shape model, frames and the values that all
    /// landmarks share, hexadecimal. Adding or removing landmarks does not change it.
    pub fn foundation(&self) -> String {
        let mut hash = Sha256::new();
        let mut add = |name: &[u8], content: &[u8]| {
            hash.update(name);
            hash.update((content.len() as u64).to_le_bytes());
            hash.update(content);
        };
        for kind in [SectionKind::Backbone, SectionKind::Refine, SectionKind::Shape] {
            add(&kind.code(), self.section(kind));
        }
        let m = &self.manifest;
        let frames = (m.model_landmarks(), m.scale, m.whole, m.refine, &m.adapter, m.shape_modes);
        add(b"MANI", &serde_json::to_vec(&frames).unwrap_or_default());
        let common = self.deltas().map(|deltas| deltas.common()).unwrap_or_default();
        add(b"DELT", &common.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
        hex(&hash.finalize())
    }

    pub(super) fn container(&self) -> &Container {
        &self.container
    }

    /// Number of landmarks of the model itself; those of patches follow them.
    pub(super) fn own_landmarks(&self) -> usize {
        self.manifest.landmarks.len() - self.patches.len()
    }

    /// The patches in the pack, in the order of their landmarks.
    pub fn patches(&self) -> &[Patch] {
        &self.patches
    }

    /// Position of landmark number `landmark` relative to the shape, if a patch added it. The backbone has heat maps for
    /// the others.
    pub fn derived(&self, landmark: usize) -> Option<DerivedLandmark> {
        let patch = landmark.checked_sub(self.own_landmarks())?;
        Some(self.patches[patch].derived())
    }

    /// Names, frames and limits of the model, including the landmarks of patches.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// All sections in file order, unknown ones included.
    pub fn sections(&self) -> &[Section] {
        self.container.sections()
    }

    /// `[major, minor]` version of the format.
    pub fn version(&self) -> [u16; 2] {
        self.container.version()
    }

    /// SHA-256 of the whole file, hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        self.container.bytes()
    }

    /// Length of the whole file, bytes.
    pub fn file_len(&self) -> usize {
        self.bytes().len()
    }

    /// The bytes of a section; empty where the pack has none of that kind.
    pub fn section(&self, kind: SectionKind) -> &[u8] {
        self.container.find(kind).unwrap_or_default()
    }

    /// The private values of landmark number `landmark`, its one contiguous slice.
    pub fn adapter(&self, landmark: usize) -> Vec<f32> {
        if let Some(patch) = landmark.checked_sub(self.own_landmarks()) {
            return self.patches[patch].values(self);
        }
        if let Some(deltas) = self.deltas() {
            return deltas.values(landmark);
        }
        let len = 4 * self.manifest.adapter_len();
        floats(&self.section(SectionKind::Adapters)[landmark * len..][..len])
    }

    /// The private values of the landmarks with the numbers `chosen`, one tensor for each adapter input: its shape
    /// `[chosen, …]` and its values.
    pub fn adapters(&self, chosen: &[usize]) -> Vec<(Vec<usize>, Vec<f32>)> {
        let slices: Vec<Vec<f32>> = chosen.iter().map(|&l| self.adapter(l)).collect();
        let mut start = 0;
        let mut adapters = Vec::new();
        for input in &self.manifest.adapter {
            let end = start + input.len();
            let values = slices.iter().flat_map(|slice| slice[start..end].iter().copied());
            adapters.push((input.batched(chosen.len()), values.collect()));
            start = end;
        }
        adapters
    }

    /// The private values of the model's own landmarks as few-bit differences, if the pack stores them that way.
    pub fn deltas(&self) -> Option<Deltas<'_>> {
        let bytes = self.container.find(SectionKind::Deltas)?;
        Deltas::lay_out(bytes, &self.manifest.adapter, self.own_landmarks()).ok()
    }

    /// Bytes of the private values of landmark number `landmark` in the file.
    pub fn adapter_bytes(&self, landmark: usize) -> usize {
        match landmark.checked_sub(self.own_landmarks()) {
            Some(patch) => self.patches[patch].adapter_bytes(),
            None => {
                self.deltas().map_or(4 * self.manifest.adapter_len(), |deltas| deltas.slice_len())
            }
        }
    }

    /// The shape model.
    pub fn shape(&self) -> ShapeModel {
        let values = floats(self.section(SectionKind::Shape));
        ShapeModel::from_values(
            self.manifest.model_landmarks().len(),
            self.manifest.shape_modes,
            &values,
        )
    }

    /// Confidence calibration per landmark.
    pub fn calibration(&self) -> Vec<Calibration> {
        let own = self.section(SectionKind::Calibration);
        let all = std::iter::once(own).chain(self.patches.iter().map(Patch::calibration));
        all.flat_map(calibrations).collect()
    }

    /// JSON text: how the pack was made.
    pub fn provenance(&self) -> &str {
        std::str::from_utf8(self.section(SectionKind::Provenance)).unwrap_or_default()
    }

    /// Markdown text: the model card.
    pub fn card(&self) -> &str {
        std::str::from_utf8(self.section(SectionKind::Card)).unwrap_or_default()
    }
}
