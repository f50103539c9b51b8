//! Adding and removing landmarks, and replacing the model card. The result is a new pack; the bytes of the other
//! landmarks do not change.

use super::Pack;
use super::container::{assemble, damaged};
use super::layout::{FileKind, MINOR, SectionKind};
use super::manifest::Manifest;
use super::patch::{CALIBRATION, Patch, write_patches};
use crate::error::{Error, ErrorKind};

impl Pack {
    /// This pack with the landmark of `patch` added as the last one.
    ///
    /// ```
    /// # use std::path::Path;
    /// # use fiducia::pack::{FileKind, SectionKind, assemble};
    /// use fiducia::{Pack, Patch};
    ///
    /// # fn main() -> Result<(), fiducia::Error> {
    /// # let models = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"));
    /// # let pack = Pack::open(&models.join("head.fid"))?;
    /// # let floats = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    /// # let foundation = pack.foundation();
    /// # let info = format!(r#"{{"landmark":"hyoid","model":"head","foundation":"{foundation}"}}"#);
    /// # let bytes = assemble(FileKind::Patch, &[
    /// #     (SectionKind::PatchInfo.code(), info.into_bytes()),
    /// #     (SectionKind::Adapters.code(), floats(&pack.adapter(0))),
    /// #     (SectionKind::DerivedLandmark.code(), floats(&vec![0.0; 2 * (1 + pack.manifest().shape_modes)])),
    /// #     (SectionKind::Calibration.code(), floats(&[1.0; 4])),
    /// #     (SectionKind::Provenance.code(), b"{}".to_vec()),
    /// # ]);
    /// // From a file: `Patch::open(path)`.
    /// let patch = Patch::from_bytes(bytes)?;
    /// let larger = pack.with_patch(&patch)?;
    /// assert_eq!(larger.manifest().landmarks.last(), Some(&patch.info().landmark));
    /// // Removing it gives the first pack again.
    /// let again = larger.without(&patch.info().landmark)?;
    /// assert_eq!(again.manifest(), pack.manifest());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if the patch was trained for another model or the pack has the landmark already;
    /// [`ErrorKind::Unreadable`] if its values do not fit.
    pub fn with_patch(&self, patch: &Patch) -> Result<Self, Error> {
        self.expect_known_version()?;
        patch.check_fit(self, &self.foundation())?;
        let patches: Vec<&Patch> = self.patches().iter().chain([patch]).collect();
        self.rewritten(&[(SectionKind::Patches, write_patches(&patches))])
    }

    /// This pack without `landmark`. The backbone still finds a landmark of the model itself, so the positions of the
    /// others are unchanged; the pack then loses its signature.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for an unknown landmark or the only one.
    pub fn without(&self, landmark: &str) -> Result<Self, Error> {
        self.expect_known_version()?;
        let at = self.manifest().places(&[landmark.to_owned()])?[0];
        if at >= self.own_landmarks() {
            let keep = |p: &&Patch| p.info().landmark != landmark;
            let patches: Vec<&Patch> = self.patches().iter().filter(keep).collect();
            return self.rewritten(&[(SectionKind::Patches, write_patches(&patches))]);
        }
        if self.own_landmarks() == 1 {
            let message = format!("`{landmark}` is the only landmark of the model itself");
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let mut manifest = self.own_manifest()?;
        manifest.model_landmarks = manifest.model_landmarks().to_vec();
        manifest.landmarks.remove(at);
        let json = serde_json::to_vec(&manifest)
            .map_err(|e| damaged(format!("section MANI cannot be written: {e}")))?;
        let private = match self.deltas() {
            Some(deltas) => (SectionKind::Deltas, deltas.without(at)),
            None => {
                let len = 4 * manifest.adapter_len();
                (SectionKind::Adapters, cut(self.section(SectionKind::Adapters), at, len))
            }
        };
        let calibration = cut(self.section(SectionKind::Calibration), at, 4 * CALIBRATION);
        self.rewritten(&[
            (SectionKind::Manifest, json),
            private,
            (SectionKind::Calibration, calibration),
            (SectionKind::Signature, Vec::new()),
        ])
    }

    /// This pack with `card` as its model card (Markdown), and without signature, since that covers the card.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for an empty card, or where a newer fiducia wrote the pack.
    pub fn with_card(&self, card: &str) -> Result<Self, Error> {
        self.expect_known_version()?;
        if card.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "the model card is empty"));
        }
        self.rewritten(&[(SectionKind::Card, card.into()), (SectionKind::Signature, Vec::new())])
    }

    /// The manifest in the file, without the landmarks of patches.
    fn own_manifest(&self) -> Result<Manifest, Error> {
        serde_json::from_slice(self.section(SectionKind::Manifest))
            .map_err(|e| damaged(format!("section MANI is not a manifest: {e}")))
    }

    /// The pack with these sections instead of its own; empty ones are left out.
    fn rewritten(&self, changed: &[(SectionKind, Vec<u8>)]) -> Result<Self, Error> {
        let mut parts = self.container().parts();
        for (kind, content) in changed {
            match parts.iter_mut().find(|(code, _)| *code == kind.code()) {
                Some((_, old)) => old.clone_from(content),
                None => parts.push((kind.code(), content.clone())),
            }
        }
        let emptied = |code: &[u8; 4]| {
            changed.iter().any(|(kind, content)| kind.code() == *code && content.is_empty())
        };
        parts.retain(|(code, _)| !emptied(code));
        Self::from_bytes(assemble(FileKind::Pack, &parts))
    }

    /// Fields that this version does not know would be lost.
    fn expect_known_version(&self) -> Result<(), Error> {
        let [_, minor] = self.version();
        if minor <= MINOR {
            return Ok(());
        }
        let message =
            format!("the pack was written by a newer fiducia (minor version {minor}); update");
        Err(Error::new(ErrorKind::Usage, message))
    }
}

/// `bytes` without the piece number `at` of `len` bytes.
fn cut(bytes: &[u8], at: usize, len: usize) -> Vec<u8> {
    [&bytes[..at * len], &bytes[(at + 1) * len..]].concat()
}
