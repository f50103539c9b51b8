//! The signed toy model and its signed patch.

use ed25519_dalek::pkcs8::{EncodePublicKey, spki::der::pem::LineEnding};
use ed25519_dalek::{Signer, SigningKey};
use fiducia::{Pack, Patch, PublicKey};

use crate::toy;

/// A maker's key; the same seed gives the same key.
pub fn maker(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// The public key of a maker.
pub fn public(key: &SigningKey) -> PublicKey {
    PublicKey::from_bytes(key.verifying_key().as_bytes()).unwrap()
}

/// The public key of a maker, as a PEM file.
pub fn pem(key: &SigningKey) -> String {
    key.verifying_key().to_public_key_pem(LineEnding::LF).unwrap()
}

/// The signed toy model.
pub fn signed_pack(key: &SigningKey) -> Vec<u8> {
    let pack = Pack::from_bytes(toy::pack()).unwrap();
    pack.with_signature(&public(key), &key.sign(&pack.signed_digest()).to_bytes())
}

/// The signed patch for the toy model.
pub fn signed_patch(key: &SigningKey) -> Vec<u8> {
    let patch = Patch::from_bytes(toy::patch()).unwrap();
    patch.with_signature(&public(key), &key.sign(&patch.signed_digest()).to_bytes())
}
