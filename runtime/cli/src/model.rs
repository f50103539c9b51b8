//! Which model is used where none is named, and whose signature it must have.

use std::path::{Path, PathBuf};

use fiducia::{Error, Pack, PublicKey};

/// The model that is shipped with fiducia, in a working folder or in an installed package.
const DEFAULT: &str = "models/head.fid";
/// The same model, in the program itself, so that it runs from any folder.
const EMBEDDED: &[u8] = include_bytes!("../../../models/head.fid");

/// The model at `named`; without a name the default model: from the working folder, else from the installed package,
/// else the one in the program.
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
            verified(pack, required_key, "the model in the program")
        }
    }
}

/// Opens the model file at `path`; where a key file is named, only if the maker with that key signed it.
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

/// Files that the default model is looked for in, in this order: the working folder, then the installed package that
/// `program` belongs to (`/usr/bin/fiducia` looks below `/usr/share`).
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

    fn looked_at(program: &str) -> Vec<String> {
        default_places(Path::new(program)).iter().map(|p| p.display().to_string()).collect()
    }

    #[test]
    fn an_installed_program_looks_below_share() {
        let places = ["models/head.fid", "/usr/share/fiducia/models/head.fid"];
        assert_eq!(looked_at("/usr/bin/fiducia"), places);
        assert_eq!(looked_at(""), ["models/head.fid"]);
    }

    #[test]
    fn the_program_holds_the_shipped_model() {
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/head.fid");
        let embedded = Pack::from_bytes(EMBEDDED.to_vec()).unwrap();
        assert_eq!(embedded.sha256(), Pack::open(Path::new(shipped)).unwrap().sha256());
    }
}
