//! Quantises a trained model: graph weights to 8-bit integers, adapters to few-bit differences from their
//! mean, a short distillation, and a check that rejects the result if landmarks move too far.

mod graph;
pub(crate) mod deltas;
mod distil;
mod gate;

pub use gate::{Moved, moved};

use fiducia::pack::{Coding, FileKind, SectionKind, assemble};
use fiducia::{Error, ErrorKind, Pack};

use burn::tensor::Device;

use self::deltas::Coded;
use crate::data::Unlabelled;
use crate::nets::RefineNet;
use crate::progress::Progress;

/// Quantises the graphs and adapters of `pack`; replaces its card by `card` if given. Names, shape, limits
/// and calibration stay the same; the provenance records the original model. If there are `images`, the
/// adapters are distilled on them.
///
/// ```rust,no_run
/// use std::path::Path;
///
/// use fiducia::Pack;
/// use fiducia::pack::Coding;
/// use fiducia_trainer::data::DataSet;
/// use fiducia_trainer::progress::Progress;
/// use fiducia_trainer::quantise::{moved, quantise};
///
/// let trained = Pack::open(Path::new("runs/head/model.fid"))?;
/// let images = DataSet::open(Path::new("data/head"))?.unlabelled(Some("train"))?;
/// let bytes = quantise(&trained, Coding::Four, None, &images, &Progress::hidden())?;
/// let small = Pack::from_bytes(bytes)?;
/// for landmark in moved(&trained, &small, &images, &|| ())? {
///     println!("{} moves by {:.2} px on average", landmark.landmark, landmark.mean_px);
/// }
/// fiducia::atomic::write_atomically(Path::new("head.fid"), small.bytes())?;
/// # Ok::<(), fiducia::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Usage`] for a model that is already quantised or has patches; [`ErrorKind::Unreadable`] for a
/// damaged graph or, with images, a model that this trainer did not make.
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

/// The refine network of `pack` with these private values and frozen shared weights.
///
/// # Errors
/// [`ErrorKind::Unreadable`] where this trainer did not make the model.
pub(crate) fn frozen(
    pack: &Pack,
    adapters: &[Vec<f32>],
    device: &Device,
) -> Result<RefineNet, Error> {
    let manifest = pack.manifest();
    RefineNet::frozen(pack.section(SectionKind::Refine), &manifest.adapter, adapters, device)
        .map_err(|e| e.at(format_args!("model {}", manifest.name)))
}

/// A section with 8-bit graph weights; adapters are copied.
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

/// The provenance of the pack, with a note on the quantisation.
fn provenance(pack: &Pack, coding: Coding) -> Vec<u8> {
    let mut made = match serde_json::from_str(pack.provenance()) {
        Ok(serde_json::Value::Object(fields)) => fields,
        // Another tool may have written plain text.
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
