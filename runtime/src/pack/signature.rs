//! Who made a pack or patch: an Ed25519 signature (RFC 8032) over its sections.
//!
//! What is signed is the SHA-256 of a domain name, the file's magic and, for every section but `SIGN` and
//! `PTCH` in file order, kind, length (`u64`, little-endian) and content. Patches carry signatures of their
//! own, so that a signed pack stays signed when a signed patch is added.

use std::path::Path;

use ed25519_dalek::{Signature, VerifyingKey, pkcs8::DecodePublicKey};
use sha2::{Digest, Sha256};

use super::Pack;
use super::container::{Container, assemble, hex};
use super::layout::{FileKind, SectionKind};
use super::patch::Patch;
use crate::{Error, ErrorKind};

const DOMAIN: &[u8] = b"fiducia signature 1\0";
const KEY_LEN: usize = 32;
const SIGNATURE_LEN: usize = 64;

/// The public key of a maker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads a PEM file (`-----BEGIN PUBLIC KEY-----`), as `fiducia-train keygen` or
    /// `openssl pkey -pubout` write it.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`], naming the file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let refuse = |what: String| {
            let message = format!("public key {}: {what}", path.display());
            Error::new(ErrorKind::Unreadable, message)
        };
        let text = std::fs::read_to_string(path).map_err(|e| refuse(e.to_string()))?;
        let key = VerifyingKey::from_public_key_pem(&text);
        key.map(Self).map_err(|e| refuse(format!("not an Ed25519 public key in PEM: {e}")))
    }

    /// The key with these bytes; `None` where no key has them.
    pub fn from_bytes(bytes: &[u8; KEY_LEN]) -> Option<Self> {
        VerifyingKey::from_bytes(bytes).ok().map(Self)
    }

    /// The bytes of the key.
    pub fn as_bytes(&self) -> &[u8; KEY_LEN] {
        self.0.as_bytes()
    }
}

/// The first eight bytes, hexadecimal: enough to tell keys apart.
impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex(&self.0.as_bytes()[..8]))
    }
}

impl Pack {
    /// Whether the maker with `key` signed the pack and every patch in it.
    ///
    /// # Errors
    /// [`ErrorKind::Untrusted`], naming what is not signed, signed by another key or was changed since.
    pub fn verify(&self, key: &PublicKey) -> Result<(), Error> {
        let name = &self.manifest().name;
        verify(FileKind::Pack, self.container(), key)
            .map_err(|e| e.at(format_args!("model {name}")))?;
        self.patches().iter().try_for_each(|patch| patch.verify(key))
    }

    /// The key that its signature names, which proves nothing before [`Pack::verify`].
    pub fn signer(&self) -> Option<PublicKey> {
        read(self.container()).map(|(key, _)| key)
    }

    /// What a maker signs.
    pub fn signed_digest(&self) -> [u8; 32] {
        digest(FileKind::Pack, self.container())
    }

    /// The bytes of this pack with this signature of [`Pack::signed_digest`].
    pub fn with_signature(&self, key: &PublicKey, signature: &[u8; SIGNATURE_LEN]) -> Vec<u8> {
        signed(FileKind::Pack, self.container(), key, signature)
    }
}

impl Patch {
    /// As [`Pack::verify`].
    ///
    /// # Errors
    /// As [`Pack::verify`].
    pub fn verify(&self, key: &PublicKey) -> Result<(), Error> {
        let name = &self.info().landmark;
        verify(FileKind::Patch, self.container(), key)
            .map_err(|e| e.at(format_args!("patch for {name}")))
    }

    /// As [`Pack::signer`].
    pub fn signer(&self) -> Option<PublicKey> {
        read(self.container()).map(|(key, _)| key)
    }

    /// What a maker signs.
    pub fn signed_digest(&self) -> [u8; 32] {
        digest(FileKind::Patch, self.container())
    }

    /// The bytes of this patch with this signature of [`Patch::signed_digest`].
    pub fn with_signature(&self, key: &PublicKey, signature: &[u8; SIGNATURE_LEN]) -> Vec<u8> {
        signed(FileKind::Patch, self.container(), key, signature)
    }
}

fn digest(kind: FileKind, container: &Container) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(DOMAIN);
    hash.update(kind.magic());
    for section in container.sections() {
        if matches!(section.kind, SectionKind::Signature | SectionKind::Patches) {
            continue;
        }
        hash.update(section.kind.code());
        hash.update((section.len as u64).to_le_bytes());
        hash.update(container.find(section.kind).unwrap_or_default());
    }
    hash.finalize().into()
}

fn read(container: &Container) -> Option<(PublicKey, Signature)> {
    let (key, signature) =
        container.find(SectionKind::Signature)?.split_first_chunk::<KEY_LEN>()?;
    let signature = <&[u8; SIGNATURE_LEN]>::try_from(signature).ok()?;
    Some((PublicKey::from_bytes(key)?, Signature::from_bytes(signature)))
}

fn verify(kind: FileKind, container: &Container, key: &PublicKey) -> Result<(), Error> {
    let refuse = |what: String| Err(Error::new(ErrorKind::Untrusted, what));
    let Some((signer, signature)) = read(container) else {
        return refuse(format!("not signed; {key} is required"));
    };
    if signer != *key {
        return refuse(format!("signed by {signer}, not by {key}"));
    }
    match key.0.verify_strict(&digest(kind, container), &signature) {
        Ok(()) => Ok(()),
        Err(_) => refuse(format!("changed since {key} signed it")),
    }
}

fn signed(
    kind: FileKind,
    container: &Container,
    key: &PublicKey,
    signature: &[u8; SIGNATURE_LEN],
) -> Vec<u8> {
    let mut parts = container.parts();
    parts.retain(|(code, _)| *code != SectionKind::Signature.code());
    let content = [&key.0.as_bytes()[..], signature].concat();
    parts.push((SectionKind::Signature.code(), content));
    assemble(kind, &parts)
}
