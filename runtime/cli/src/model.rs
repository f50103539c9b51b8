//! Opens models: the named or the default one, with a check of its signature.

use std::path::{Path, PathBuf};

use fiducia::{Error, Pack, PublicKey};

/// Path of the shipped model in a working folder or an installed package.
const DEFAULT: &str = "models/head.fid";
/// The shipped model, embedded so that the program runs in any folder.
const EMBEDDED: &[u8] = include_bytes!("../../../models/head.fid");

/// The model at `named`; without a path the default model: from the working folder, else from the installed package,
/// else the embedded one.
///
/// # Errors
/// As [`open`].
pub(super) fn open_or_default(
    named: Option<&Path>,
    required_key: Option<&Path>,
) -> Result<Pack, Error> {
    let places = default_places(&std::env::current_exe().unwrap_or_default());
    let installed = places.iter().find(|path| path.is_file()).map(PathBuf::as_path);
    match named.or(installed) {
        Some(path) => open(path, required_key),
        None => {
            let pack = Pack::from_bytes(EMBEDDED.to_vec())?;
            verified(pack, required_key, "the embedded model")
        }
    }
}

/// Opens the model file at `path`. With a key file it must be signed by the maker with that key.
///
/// # Errors
/// As [`Pack::open`], [`PublicKey::open`] and [`Pack::verify`].
pub(super) fn open(path: &Path, required_key: Option<&Path>) -> Result<Pack, Error> {
    verified(Pack::open(path)?, required_key, &path.display().to_string())
}

fn verified(pack: Pack, required_key: Option<&Path>, place: &str) -> Result<Pack, Error> {
    if let Some(key) = required_key {
        pack.verify(&PublicKey::open(key)?).map_err(|e| e.at(place))?;
    }
    Ok(pack)
}

/// Paths of the default model, in order of preference: in the working folder, then in the installed package to which
/// `program` belongs (below `/usr/share` for `/usr/bin/fiducia`).
fn default_places(program: &Path) -> Vec<PathBuf> {
    let mut places = vec![PathBuf::from(DEFAULT)];
    if let Some(prefix) = program.parent().and_then(Path::parent) {
        places.push(prefix.join("share/fiducia").join(DEFAULT));
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(program: &str) -> Vec<String> {
        default_places(Path::new(program)).iter().map(|p| p.display().to_string()).collect()
    }

    #[test]
    fn an_installed_program_uses_the_model_in_share() {
        let expected = ["models/head.fid", "/usr/share/fiducia/models/head.fid"];
        assert_eq!(paths("/usr/bin/fiducia"), expected);
        assert_eq!(paths(""), ["models/head.fid"]);
    }

    #[test]
    fn the_embedded_model_is_the_shipped_one() {
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/head.fid");
        let embedded = Pack::from_bytes(EMBEDDED.to_vec()).unwrap();
        assert_eq!(embedded.sha256(), Pack::open(Path::new(shipped)).unwrap().sha256());
    }
}
