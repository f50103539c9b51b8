//! Adding landmarks to a pack, taking them out again, and another model card. The result is another pack; of the
//! landmarks that stay, not a byte changes.

use super::Pack;
use super::container::{assemble, damaged};
use super::layout::{FileKind, MINOR, SectionKind};
use super::manifest::Manifest;
use super::patch::{CALIBRATION, Patch, write_patches};
use crate::{Error, ErrorKind};

impl Pack {
    /// This pack with one landmark more, the last one.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] where the patch was trained for another model or the pack knows the landmark;
    /// [`ErrorKind::Unreadable`] where its values do not fit.
    pub fn with_patch(&self, patch: &Patch) -> Result<Self, Error> {
        self.expect_known_version()?;
        patch.check_fit(self, &self.foundation())?;
        let patches: Vec<&Patch> = self.patches().iter().chain([patch]).collect();
        self.rewritten(&[(SectionKind::Patches, write_patches(&patches))])
    }

    /// This pack without `landmark`. A landmark of the model itself stays among its guides,
    /// so that the others are found as before; the pack then loses its signature.
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
        manifest.guides = manifest.guides().to_vec();
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

    /// This pack with another model card (Markdown) and without its signature, which covers the card.
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

    /// The manifest in the file, without the landmarks that patches brought.
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
