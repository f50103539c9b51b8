//! Quantising a trained pack: weights of the graphs as 8-bit integers, adapters as few-bit differences to
//! their mean, and a gate that refuses what moves landmarks too far.

mod graph;
mod deltas;
mod gate;

pub use gate::{Moved, moved};

use fiducia::{Coding, Error, ErrorKind, Pack, SectionKind};

use crate::pack::assemble;

/// The pack with its graphs and adapters quantised; names, shape, limits, calibration and card stay.
///
/// # Errors
/// [`ErrorKind::Usage`] for a pack that is quantised already; [`ErrorKind::Unreadable`] for a damaged graph.
pub fn quantise(pack: &Pack, coding: Coding) -> Result<Vec<u8>, Error> {
    if pack.deltas().is_some() {
        let message = format!("the model {} is quantised already", pack.manifest().name);
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
            kind => (kind.code(), content.to_vec()),
        })
    };
    let sections = pack.sections().iter().map(one).collect::<Result<Vec<_>, Error>>()?;
    Ok(assemble(&sections))
}
