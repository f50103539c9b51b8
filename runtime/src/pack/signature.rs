//! Signatures of packs and patches: Ed25519 (RFC 8032) over their sections.
//!
//! The signed message is the SHA-256 of a domain name, the file's magic and, for every section but `SIGN` and `PTCH` in
//! file order, kind, length (`u64`, little-endian) and content. Patches carry their own signatures, so a signed pack
//! stays signed when a signed patch is added.

use std::path::Path;

use ed25519_dalek::{Signature, VerifyingKey, pkcs8::DecodePublicKey};
use sha2::{Digest, Sha256};

use super::Pack;
use super::container::{Container, assemble, hex};
use super::layout::{FileKind, SectionKind};
use super::patch::Patch;
use crate::error::{Error, ErrorKind};

const DOMAIN: &[u8] = b"fiducia signature 1\0";
const KEY_LEN: usize = 32;
const SIGNATURE_LEN: usize = 64;

/// The public key of a pack's vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads a PEM file (`-----BEGIN PUBLIC KEY-----`) that `fiducia-train keygen` or `openssl pkey -pubout` wrote.
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

    /// The key with these bytes; `None` if they are not a valid key.
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
    /// Verifies that `key` signed the pack and every patch in it.
    ///
    /// ```
    /// # use std::path::Path;
    /// # use ed25519_dalek::{Signer, SigningKey};
    /// use fiducia::{ErrorKind, Pack, PublicKey};
    ///
    /// # fn main() -> Result<(), fiducia::Error> {
    /// # let models = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"));
    /// # let secret = SigningKey::from_bytes(&[7; 32]);
    /// # let unsigned = Pack::open(&models.join("head.fid"))?;
    /// // From a file: `PublicKey::open(path)`.
    /// let key = PublicKey::from_bytes(secret.verifying_key().as_bytes()).expect("a valid key");
    /// # let signature = secret.sign(&unsigned.signed_digest()).to_bytes();
    /// # let signed = Pack::from_bytes(unsigned.with_signature(&key, &signature))?;
    /// signed.verify(&key)?;
    ///
    /// let other_key = PublicKey::from_bytes(SigningKey::from_bytes(&[8; 32]).verifying_key().as_bytes());
    /// let error = signed.verify(&other_key.expect("a valid key")).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Untrusted);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Untrusted`], naming the pack or patch that is not signed, signed with another key or changed since.
    pub fn verify(&self, key: &PublicKey) -> Result<(), Error> {
        let name = &self.manifest().name;
        verify(FileKind::Pack, self.container(), key)
            .map_err(|e| e.at(format_args!("model {name}")))?;
        self.patches().iter().try_for_each(|patch| patch.verify(key))
    }

    /// The key that the signature claims; not trustworthy before [`Pack::verify`].
    pub fn signer(&self) -> Option<PublicKey> {
        read(self.container()).map(|(key, _)| key)
    }

    /// The message to sign.
    pub fn signed_digest(&self) -> [u8; 32] {
        digest(FileKind::Pack, self.container())
    }

    /// The bytes of this pack with `signature`, which `key` made of [`Pack::signed_digest`].
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

    /// The message to sign.
    pub fn signed_digest(&self) -> [u8; 32] {
        digest(FileKind::Patch, self.container())
    }

    /// The bytes of this patch with `signature`, which `key` made of [`Patch::signed_digest`].
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
