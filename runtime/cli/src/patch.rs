//! `fiducia patch`: adds landmarks to a model file, removes and lists them.

use std::fmt::Write;
use std::path::Path;

use fiducia::atomic::write_atomically;
use fiducia::{Error, ErrorKind, Pack, Patch, PublicKey};

use super::arguments::{PatchAction, PatchArguments};
use super::terminal::print;

/// Runs the command.
pub(super) fn patch(arguments: &PatchArguments) -> Result<(), Error> {
    let pack = Pack::open(&arguments.pack)?;
    match &arguments.action {
        PatchAction::Add { patches, require_signed } => {
            let mut pack = pack;
            for path in patches {
                let patch = Patch::open(path)?;
                if let Some(key) = require_signed {
                    patch.verify(&PublicKey::open(key)?).map_err(|e| e.at(path.display()))?;
                }
                let place = |e: Error| e.at(format_args!("patch {}", path.display()));
                pack = pack.with_patch(&patch).map_err(place)?;
            }
            write(&arguments.pack, &pack)
        }
        PatchAction::Remove { landmark, unsign } => {
            let own = !pack.patches().iter().any(|p| p.info().landmark == *landmark);
            let less = pack.without(landmark)?;
            if own && pack.signer().is_some() && !unsign {
                let message = format!(
                    "`{landmark}` is covered by the maker's signature; removing it removes the \
                     signature: give --unsign to do so"
                );
                return Err(Error::new(ErrorKind::Usage, message));
            }
            write(&arguments.pack, &less)
        }
        PatchAction::List => print(&list(&pack)),
    }
}

/// Replaces the model file and prints the new list of landmarks.
fn write(path: &Path, pack: &Pack) -> Result<(), Error> {
    write_atomically(path, pack.bytes())?;
    print(&list(pack))
}

/// The landmarks of a model and their origin: the model itself or a patch.
fn list(pack: &Pack) -> String {
    let names = &pack.manifest().landmarks;
    let width = names.iter().map(|n| n.chars().count()).max().unwrap_or(0).max(8);
    let own = names.len() - pack.patches().len();
    let mut out = format!("{:<width$}     bytes  from\n", "landmark");
    for (l, name) in names.iter().enumerate() {
        let from = match l.checked_sub(own).map(|p| &pack.patches()[p]) {
            None => "the model".to_owned(),
            Some(patch) => {
                let signer = patch.signer().map(|key| format!(", states signer {key}"));
                format!("patch {}{}", &patch.sha256()[..12], signer.unwrap_or_default())
            }
        };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{name:<width$}  {:>8}  {from}", pack.adapter_bytes(l));
    }
    out
}
