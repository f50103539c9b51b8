//! Quantising a trained pack: weights of the graphs as 8-bit integers, adapters as few-bit differences to
//! their mean, a short distillation, and a gate that refuses what moves landmarks too far.

mod graph;
pub(crate) mod deltas;
mod distil;
mod gate;

pub use gate::{Moved, moved};

use fiducia::{Coding, Error, ErrorKind, FileKind, Pack, SectionKind, assemble};

use burn::tensor::Device;

use self::deltas::Coded;
use crate::data::Unlabelled;
use crate::nets::RefineNet;
use crate::progress::Progress;

/// The pack with its graphs and adapters quantised, and with `card` where one is given; names, shape,
/// limits and calibration stay, the provenance says from what it was made. Where there are `images`, the
/// scales of the adapters are distilled on them.
///
/// # Errors
/// [`ErrorKind::Usage`] for a pack that is quantised already or has patches; [`ErrorKind::Unreadable`] for a
/// damaged graph or, with images, one that this trainer did not make.
pub fn quantise(
    pack: &Pack,
    coding: Coding,
    card: Option<&str>,
    images: &[Unlabelled],
    progress: &Progress,
) -> Result<Vec<u8>, Error> {
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
    let coded = Coded::new(&adapters, &manifest.adapter, coding);
    let mut sections = pack
        .sections()
        .iter()
        .map(|s| small(pack, s.kind, coding, card))
        .collect::<Result<Vec<([u8; 4], Vec<u8>)>, Error>>()?;
    let mut with = |coded: &Coded<'_>| {
        let private = [SectionKind::Adapters, SectionKind::Deltas].map(SectionKind::code);
        let place = sections.iter_mut().find(|(code, _)| private.contains(code));
        if let Some(place) = place {
            *place = (SectionKind::Deltas.code(), coded.section());
        }
        assemble(FileKind::Pack, &sections)
    };
    let bytes = with(&coded);
    if images.is_empty() {
        return Ok(bytes);
    }
    let after = Pack::from_bytes(bytes)?;
    Ok(with(&distil::distil(coded, pack, &after, images, progress)?))
}

/// The refine network of `pack` with these private values, the shared weights frozen.
///
/// # Errors
/// [`ErrorKind::Unreadable`] where this trainer did not make it.
pub(crate) fn frozen(
    pack: &Pack,
    adapters: &[Vec<f32>],
    device: &Device,
) -> Result<RefineNet, Error> {
    let manifest = pack.manifest();
    RefineNet::frozen(pack.section(SectionKind::Refine), &manifest.adapter, adapters, device)
        .map_err(|e| e.at(format_args!("model {}", manifest.name)))
}

/// A section made small; the adapters stay as they are.
fn small(
    pack: &Pack,
    kind: SectionKind,
    coding: Coding,
    card: Option<&str>,
) -> Result<([u8; 4], Vec<u8>), Error> {
    let content = pack.section(kind);
    let content = match (kind, card) {
        (SectionKind::Backbone, _) => graph::quantised(content, "backbone")?,
        (SectionKind::Refine, _) => graph::quantised(content, "refine graph")?,
        (SectionKind::Provenance, _) => provenance(pack, coding),
        (SectionKind::Card, Some(card)) => card.into(),
        _ => content.to_vec(),
    };
    Ok((kind.code(), content))
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
