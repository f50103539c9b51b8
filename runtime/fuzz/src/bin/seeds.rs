//! Writes the corpus: the shipped models, and patches for one of them. A placeholder replaces each graph, so that
//! mutations hit the sections that fiducia parses itself.
//!
//! Run `cargo run --release --bin seeds` in `runtime/fuzz` whenever the format or the shipped models change.

use std::path::Path;

use fiducia::pack::{FileKind, PatchInfo, SectionKind, assemble};
use fiducia::shape::DerivedLandmark;
use fiducia::{Pack, Patch};

/// A section: its four-character code and its content.
type Section = ([u8; 4], Vec<u8>);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for kind in ["pack", "patch"] {
        std::fs::create_dir_all(folder.join("corpus").join(kind))?;
    }
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join("corpus").join(name), bytes);
    for model in ["head", "chest", "spine"] {
        let pack = Pack::open(&folder.join(format!("../../models/{model}.fid")))?;
        write(&format!("pack/{model}.fid"), &assemble(FileKind::Pack, &small(&pack)))?;
    }
    let head = Pack::open(&folder.join("corpus/pack/head.fid"))?;
    let slice = patch(&head, true)?;
    write("patch/slice.fidp", &slice)?;
    write("patch/floats.fidp", &patch(&head, false)?)?;
    write("pack/patched.fid", head.with_patch(&Patch::from_bytes(slice)?)?.bytes())?;
    Ok(())
}

/// The sections of `pack`; a placeholder replaces long ones that the library does not parse.
fn small(pack: &Pack) -> Vec<Section> {
    let content = |kind| match kind {
        SectionKind::Backbone | SectionKind::Refine | SectionKind::Card => b"stand-in".to_vec(),
        kind => pack.section(kind).to_vec(),
    };
    pack.sections().iter().map(|s| (s.kind.code(), content(s.kind))).collect()
}

/// A patch that fits `pack`: the shared values of its landmarks, with a quantised slice of zeros or as floats.
fn patch(pack: &Pack, as_slice: bool) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let manifest = pack.manifest();
    let info = PatchInfo {
        landmark: "new".to_owned(),
        model: manifest.name.clone(),
        foundation: pack.foundation(),
    };
    let deltas = pack.deltas().ok_or("the shipped models are quantised")?;
    let floats = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let private = if as_slice {
        let mut content = vec![deltas.coding().code(), 0, 0, 0];
        content.resize(4 + deltas.slice_len(), 0);
        (SectionKind::Slice, content)
    } else {
        (SectionKind::Adapters, floats(&deltas.common()))
    };
    let derived = DerivedLandmark { mean: [1.0; 2], modes: vec![[0.1; 2]; manifest.shape_modes] };
    let sections = [
        (SectionKind::PatchInfo, serde_json::to_vec(&info)?),
        private,
        (SectionKind::Calibration, floats(&[1.0, 0.5, 4.0, 6.0])),
        (SectionKind::DerivedLandmark, floats(&derived.to_values())),
        (SectionKind::Provenance, b"{}".to_vec()),
    ];
    Ok(assemble(FileKind::Patch, &sections.map(|(kind, content)| (kind.code(), content))))
}
