//! Which pack is used where none is named, and whose packs are.

use std::path::{Path, PathBuf};

use fiducia::{Error, ErrorKind, Pack, PublicKey};

/// The pack that is shipped with fiducia.
const DEFAULT: &str = "models/head.fid";

/// The pack that was named, else the first default pack that exists.
///
/// # Errors
/// [`ErrorKind::Usage`] where none is named and none found; it lists where it was looked for.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf, Error> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let places = places(&std::env::current_exe().unwrap_or_default());
    places.iter().find(|path| path.is_file()).cloned().ok_or_else(|| missing(&places))
}

fn missing(places: &[PathBuf]) -> Error {
    let places: Vec<String> = places.iter().map(|path| path.display().to_string()).collect();
    let message = format!(
        "no model named, and there is none at {}; name one with --model PACK",
        places.join(", ")
    );
    Error::new(ErrorKind::Usage, message)
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

/// Where the default pack may be, the most particular place first: the working folder, the installation
/// that `program` is of (`/usr/bin/fiducia` looks below `/usr/share`), the repository that it was built in.
fn places(program: &Path) -> Vec<PathBuf> {
    let mut places = vec![PathBuf::from(DEFAULT)];
    if let Some(prefix) = program.parent().and_then(Path::parent) {
        places.push(prefix.join("share/fiducia").join(DEFAULT));
    }
    let target = program.ancestors().find(|folder| folder.ends_with("target"));
    places.extend(target.and_then(Path::parent).map(|root| root.join(DEFAULT)));
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked_at(program: &str) -> Vec<String> {
        places(Path::new(program)).iter().map(|p| p.display().to_string()).collect()
    }

    #[test]
    fn an_installed_program_looks_below_share() {
        let places = ["models/head.fid", "/usr/share/fiducia/models/head.fid"];
        assert_eq!(looked_at("/usr/bin/fiducia"), places);
        assert_eq!(looked_at(""), ["models/head.fid"]);
    }

    #[test]
    fn a_built_program_looks_in_its_repository() {
        let built = looked_at("/src/fiducia/target/aarch64-unknown-linux-gnu/edge/fiducia");
        assert_eq!(built.last().map(String::as_str), Some("/src/fiducia/models/head.fid"));
    }

    #[test]
    fn a_missing_model_names_the_places() {
        let error = missing(&places(Path::new("/usr/bin/fiducia")));
        assert_eq!(error.kind(), ErrorKind::Usage);
        let list = "none at models/head.fid, /usr/share/fiducia/models/head.fid; name one";
        assert!(error.to_string().contains(list), "{error}");
    }
}
