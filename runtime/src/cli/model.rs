//! Which pack is used where none is named, and whose packs are.

use std::path::{Path, PathBuf};

use fiducia::{Error, ErrorKind, Pack, PublicKey};

/// The pack that is shipped with fiducia.
const DEFAULT: &str = "models/head.fid";

/// The pack that was named, else the first default pack that exists.
///
/// # Errors
/// [`ErrorKind::Usage`] where none is named and none found.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf, Error> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    places().into_iter().find(|path| path.is_file()).ok_or_else(|| {
        let message = format!("no model named, and no {DEFAULT} in the working folder or beside the program; name one with --model PACK");
        Error::new(ErrorKind::Usage, message)
    })
}

/// Opens the pack at `path`; where a key file is named, only what the maker with that key signed.
///
/// # Errors
/// As [`Pack::open`], [`PublicKey::open`] and [`Pack::verify`].
pub(super) fn open(path: &Path, required_key: Option<&Path>) -> Result<Pack, Error> {
    let pack = Pack::open(path)?;
    if let Some(key) = required_key {
        pack.verify(&PublicKey::open(key)?).map_err(|e| e.at(path.display()))?;
    }
    Ok(pack)
}

/// Where the default pack may be, the most particular place first.
fn places() -> Vec<PathBuf> {
    let mut places = vec![PathBuf::from(DEFAULT)];
    let program = std::env::current_exe().unwrap_or_default();
    if let Some(folder) = program.parent() {
        places.push(folder.join("../share/fiducia").join(DEFAULT));
        places.push(folder.join("head.fid"));
        // Built from source, the program lies some folders below the repository's root.
        places.extend(folder.ancestors().map(|above| above.join(DEFAULT)));
    }
    places
}
