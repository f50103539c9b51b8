//! Quantising a trained pack: weights of the graphs as 8-bit integers, adapters as few-bit differences to
//! their mean, and a gate that refuses what moves landmarks too far.

mod graph;
pub(crate) mod deltas;
mod gate;

pub use gate::{Moved, moved};

use fiducia::{Coding, Error, ErrorKind, FileKind, Pack, SectionKind, assemble};

/// The pack with its graphs and adapters quantised, and with `card` where one is given; names, shape,
/// limits and calibration stay, the provenance says from what it was made.
///
/// # Errors
/// [`ErrorKind::Usage`] for a pack that is quantised already; [`ErrorKind::Unreadable`] for a damaged graph.
pub fn quantise(pack: &Pack, coding: Coding, card: Option<&str>) -> Result<Vec<u8>, Error> {
    if pack.deltas().is_some() {
        let message = format!("the model {} is quantised already", pack.manifest().name);
        return Err(Error::new(ErrorKind::Usage, message));
    }
    if !pack.patches().is_empty() {
        let message = "patches are made for the weights as they are; take them out first, and train \
                       them again for the quantised model";
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let manifest = pack.manifest();
    let adapters: Vec<Vec<f32>> = (0..manifest.landmarks.len()).map(|l| pack.adapter(l)).collect();
    let one = |section: &fiducia::Section| {
        let content = pack.section(section.kind);
        Ok(match section.kind {
            SectionKind::Backbone => (section.kind.code(), graph::quantised(content, "backbone")?),
            SectionKind::Refine => {
                (section.kind.code(), graph::quantised(content, "refine graph")?)
            }
            SectionKind::Adapters => {
                let section = deltas::deltas(&adapters, &manifest.adapter, coding);
                (SectionKind::Deltas.code(), section)
            }
            SectionKind::Provenance => (section.kind.code(), provenance(pack, coding)),
            SectionKind::Card if card.is_some() => {
                (section.kind.code(), card.unwrap_or_default().into())
            }
            kind => (kind.code(), content.to_vec()),
        })
    };
    let sections = pack.sections().iter().map(one).collect::<Result<Vec<_>, Error>>()?;
    Ok(assemble(FileKind::Pack, &sections))
}

/// What the pack says of its making, and that it was quantised.
fn provenance(pack: &Pack, coding: Coding) -> Vec<u8> {
    let mut made = match serde_json::from_str(pack.provenance()) {
        Ok(serde_json::Value::Object(fields)) => fields,
        // Another tool may have left plain text.
        _ => [("made".to_owned(), pack.provenance().into())].into_iter().collect(),
    };
    made.insert(
        "quantised".to_owned(),
        serde_json::json!({
            "weights": "8 bit per output channel",
            "deltas": coding.to_string(),
            "from_sha256": pack.sha256(),
        }),
    );
    serde_json::Value::Object(made).to_string().into_bytes()
}
