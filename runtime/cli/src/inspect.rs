//! `fiducia inspect`: shows the contents of a model file.

use std::fmt::Write;

use fiducia::pack::Manifest;
use fiducia::{Error, ErrorKind, Pack};
use serde::Serialize;

use super::{arguments::InspectArguments, model, terminal::print};

/// Size of a landmark in the calibration section, bytes: four `f32`.
const CALIBRATION_BYTES: usize = 16;

/// The contents of a model file. Serialises to the JSON of `--json`.
#[derive(Serialize)]
struct Contents<'a> {
    name: &'a str,
    /// Version of the file format, `major.minor`.
    version: String,
    sha256: &'a str,
    /// Length of the file: the sum of `shared_bytes` and all `landmarks[].bytes`.
    bytes: usize,
    shared_bytes: usize,
    /// Coding of the weights.
    quantisation: String,
    /// Key that the signature states, shortened; only `--verify` proves it.
    signer: Option<String>,
    /// Identifies the model for which a patch was trained.
    foundation: String,
    landmarks: Vec<LandmarkBytes<'a>>,
    sections: Vec<SectionBytes>,
    manifest: &'a Manifest,
    provenance: serde_json::Value,
    card: &'a str,
}

#[derive(Serialize)]
struct LandmarkBytes<'a> {
    name: &'a str,
    /// Size of the landmark's own data: adapter and calibration.
    bytes: usize,
}

#[derive(Serialize)]
struct SectionBytes {
    kind: String,
    offset: usize,
    bytes: usize,
    crc32: String,
}

/// Runs the command.
pub(super) fn inspect(arguments: &InspectArguments) -> Result<(), Error> {
    let pack = model::open(&arguments.pack, arguments.verify.as_deref())?;
    let contents = Contents::of(&pack);
    print(&if arguments.json { json(&contents)? } else { text(&contents) })
}

impl<'a> Contents<'a> {
    fn of(pack: &'a Pack) -> Self {
        let manifest = pack.manifest();
        let private = |l: usize| pack.adapter_bytes(l) + CALIBRATION_BYTES;
        let landmarks = manifest.landmarks.len();
        let [major, minor] = pack.version();
        let section = |s: &fiducia::pack::Section| SectionBytes {
            kind: s.kind.to_string(),
            offset: s.offset,
            bytes: s.len,
            crc32: format!("{:08x}", s.crc32),
        };
        Self {
            name: &manifest.name,
            version: format!("{major}.{minor}"),
            sha256: pack.sha256(),
            bytes: pack.file_len(),
            shared_bytes: pack.file_len() - (0..landmarks).map(private).sum::<usize>(),
            quantisation: pack.deltas().map_or_else(
                || "f32".to_owned(),
                |deltas| format!("deltas of {}", deltas.coding()),
            ),
            signer: pack.signer().map(|key| key.to_string()),
            foundation: pack.foundation(),
            landmarks: manifest
                .landmarks
                .iter()
                .enumerate()
                .map(|(l, name)| LandmarkBytes { name, bytes: private(l) })
                .collect(),
            sections: pack.sections().iter().map(section).collect(),
            manifest,
            // Provenance is JSON; model files of other tools may contain plain text.
            provenance: serde_json::from_str(pack.provenance())
                .unwrap_or_else(|_| pack.provenance().into()),
            card: pack.card(),
        }
    }
}

fn json(contents: &Contents) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(contents)
        .map_err(|e| Error::new(ErrorKind::Engine, format!("cannot write the contents: {e}")))?;
    Ok(text + "\n")
}

fn text(c: &Contents) -> String {
    let (whole, refine) = (&c.manifest.whole, &c.manifest.refine);
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "model         {}", c.name);
    let _ = writeln!(out, "format        {}", c.version);
    let _ = writeln!(out, "sha256        {}", c.sha256);
    let _ = writeln!(
        out,
        "size          {} bytes, of which {} are shared by all landmarks",
        c.bytes, c.shared_bytes
    );
    let _ = writeln!(out, "quantisation  {}", c.quantisation);
    let _ = writeln!(out, "foundation    {}", c.foundation);
    let _ = writeln!(out, "signed by     {}", c.signer.as_deref().unwrap_or("not signed"));
    let _ = writeln!(
        out,
        "full image    {} x {} px, stride {}",
        whole.width, whole.height, whole.stride
    );
    let _ = writeln!(out, "region        {0} x {0} px, stride {1}", refine.size, refine.stride);
    let _ = writeln!(out, "\nsection      bytes  crc32");
    for s in &c.sections {
        let _ = writeln!(out, "{:<8}  {:>8}  {}", s.kind, s.bytes, s.crc32);
    }
    let width = c.landmarks.iter().map(|l| l.name.chars().count()).max().unwrap_or(0).max(8);
    let _ = writeln!(out, "\n{:<width$}     bytes", "landmark");
    for l in &c.landmarks {
        let _ = writeln!(out, "{:<width$}  {:>8}", l.name, l.bytes);
    }
    let _ = writeln!(out, "\nprovenance\n{:#}\n\n{}", c.provenance, c.card.trim_end());
    out.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}
