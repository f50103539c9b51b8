//! Creates signing keys, and signs model files and patches.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
use ed25519_dalek::{Signer, SigningKey};
use fiducia::pack::layout::PATCH_MAGIC;
use fiducia::{Error, ErrorKind, Pack, Patch, PublicKey};
use rand::{TryRng, rngs::SysRng};

/// Creates a key pair: `OUT.pem` is secret and stays with the manufacturer; `OUT.pub.pem` is for the devices.
///
/// # Errors
/// [`ErrorKind::Unwritable`] where one of the files exists already or cannot be written.
pub fn new_keys(out: &Path) -> Result<[PathBuf; 2], Error> {
    let mut seed = [0; 32];
    let fault = |e: String| Error::new(ErrorKind::Engine, format!("cannot make a key: {e}"));
    SysRng.try_fill_bytes(&mut seed).map_err(|e| fault(e.to_string()))?;
    let key = SigningKey::from_bytes(&seed);
    let private = key.to_pkcs8_pem(LineEnding::LF).map_err(|e| fault(e.to_string()))?;
    let public = key.verifying_key().to_public_key_pem(LineEnding::LF);
    let public = public.map_err(|e| fault(e.to_string()))?;
    let named = |ending: &str| {
        let mut name = out.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let paths = [named(".pem"), named(".pub.pem")];
    write_new(&paths[0], private.as_bytes(), 0o600)?;
    write_new(&paths[1], public.as_bytes(), 0o644)?;
    Ok(paths)
}

/// Writes a file that must not exist yet, so that no key is ever overwritten.
fn write_new(path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let write = || options.open(path).and_then(|mut f| f.write_all(content).and(f.sync_all()));
    write().map_err(|e| {
        let message = format!("cannot write the key {}: {e}", path.display());
        Error::new(ErrorKind::Unwritable, message)
    })
}

/// Signs the model file or patch with the bytes `file`, using the private key in the PEM file `key` from
/// [`new_keys`] or `openssl genpkey -algorithm ed25519`; returns the signed bytes.
///
/// ```rust
/// use fiducia::{Pack, PublicKey};
/// use fiducia_trainer::sign::{new_keys, signed};
///
/// # let folder = tempfile::tempdir()?;
/// let [private, public] = new_keys(&folder.path().join("maker"))?;
/// # let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/head.fid");
/// let bytes = signed(&std::fs::read(model)?, &private)?;
/// Pack::from_bytes(bytes)?.verify(&PublicKey::open(&public)?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Unreadable`] for the key or the file; [`ErrorKind::Usage`] for a model with a patch that is
/// not signed by this key.
pub fn signed(file: &[u8], key: &Path) -> Result<Vec<u8>, Error> {
    let refuse = |what: String| {
        Error::new(ErrorKind::Unreadable, format!("private key {}: {what}", key.display()))
    };
    let text = std::fs::read_to_string(key).map_err(|e| refuse(e.to_string()))?;
    let key = SigningKey::from_pkcs8_pem(&text)
        .map_err(|e| refuse(format!("not an Ed25519 private key in PEM: {e}")))?;
    let public = PublicKey::from_bytes(key.verifying_key().as_bytes())
        .ok_or_else(|| refuse("not a usable Ed25519 key".into()))?;
    let sign = |digest: [u8; 32]| key.sign(&digest).to_bytes();
    if file.starts_with(&PATCH_MAGIC) {
        let patch = Patch::from_bytes(file.to_vec())?;
        return Ok(patch.with_signature(&public, &sign(patch.signed_digest())));
    }
    let pack = Pack::from_bytes(file.to_vec())?;
    for patch in pack.patches() {
        patch.verify(&public).map_err(|e| {
            let message = format!("{e}; remove the patch, sign the patch file and add it again");
            Error::new(ErrorKind::Usage, message)
        })?;
    }
    Ok(pack.with_signature(&public, &sign(pack.signed_digest())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_and_are_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("maker");
        let [private, public] = new_keys(&out).unwrap();
        PublicKey::open(&public).unwrap();
        assert!(PublicKey::open(&private).is_err());
        assert_eq!(new_keys(&out).unwrap_err().kind(), ErrorKind::Unwritable);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&private).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn what_is_no_key_or_no_pack_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let [private, public] = new_keys(&folder.path().join("maker")).unwrap();
        let error = signed(b"", &public).unwrap_err();
        assert!(error.to_string().contains("not an Ed25519 private key"), "{error}");
        assert_eq!(signed(b"junk", &private).unwrap_err().kind(), ErrorKind::Unreadable);
    }
}
