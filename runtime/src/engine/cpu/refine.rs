//! The refine network on the CPU: all regions of interest, each with its own adapter, distributed over the processor's
//! cores.

use std::borrow::Cow;

use rayon::prelude::*;

use super::network::Network;
use crate::error::Error;
use crate::pack::{Pack, SectionKind};

/// Largest batch: with more regions, the layers' outputs no longer fit into a core's cache.
const TOGETHER: usize = 6;

/// A compiled refine graph: regions `[batch, 1, size, size]` in, one tensor per adapter input beside
/// them, `[batch, 1, size / stride, size / stride]` out.
#[derive(Debug)]
pub struct Refine {
    /// One per thread, with the same weights.
    networks: Vec<Network>,
    /// Adapters of the batches, one tensor for each adapter input. The last batch is padded with its last landmark.
    batches: Vec<Vec<Vec<f32>>>,
    /// Regions in a batch.
    batch: usize,
    /// Values of one region.
    region: usize,
    /// Logits of one landmark.
    map: usize,
}

impl Refine {
    /// Compiles the refine graph of `pack` and collects the adapters of the landmarks with the numbers `chosen`.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`](crate::error::ErrorKind::Unreadable) if the graph cannot be read or does not fit the
    /// manifest.
    pub fn new(pack: &Pack, chosen: &[usize]) -> Result<Self, Error> {
        let manifest = pack.manifest();
        let (size, cells) = (manifest.refine.size, manifest.refine.size / manifest.refine.stride);
        // The same number of batches for each thread.
        let threads = threads().clamp(1, chosen.len().max(1));
        let batches = threads * chosen.len().div_ceil(threads * TOGETHER).max(1);
        let batch = chosen.len().div_ceil(batches).max(1);
        let inputs = manifest.refine_inputs(batch);
        let outputs = [vec![batch, 1, cells, cells]];
        let network = Network::new(pack.section(SectionKind::Refine), &inputs, &outputs)
            .map_err(|e| e.at("refine graph"))?;
        let of_batch = |part: &[usize]| {
            let mut part = part.to_vec();
            part.resize(batch, part[part.len() - 1]);
            pack.adapters(&part).into_iter().map(|(_, values)| values).collect()
        };
        Ok(Self {
            networks: vec![network; threads],
            batches: chosen.chunks(batch).map(of_batch).collect(),
            batch,
            region: size * size,
            map: cells * cells,
        })
    }

    /// Runs regions `[landmarks, 1, size, size]`; the logits `[landmarks, 1, h, w]`.
    ///
    /// # Errors
    /// [`ErrorKind::Engine`](crate::error::ErrorKind::Engine) if inference fails.
    pub fn run(&mut self, regions: &[f32]) -> Result<Vec<f32>, Error> {
        let (batch, region, map) = (self.batch, self.region, self.map);
        let mut maps = vec![0.0; regions.len() / region * map];
        let of_thread = self.batches.len().div_ceil(self.networks.len()).max(1);
        let parts = self.batches.par_chunks(of_thread);
        let parts = parts.zip(regions.par_chunks(of_thread * batch * region));
        let parts = parts.zip(maps.par_chunks_mut(of_thread * batch * map));
        self.networks.par_iter_mut().zip(parts).try_for_each(
            |(network, ((batches, from), to))| {
                let parts = from.chunks(batch * region).zip(to.chunks_mut(batch * map));
                for (adapters, (from, to)) in batches.iter().zip(parts) {
                    let mut regions = Cow::Borrowed(from);
                    if from.len() < batch * region {
                        // Padding; its outputs are not used.
                        regions.to_mut().resize(batch * region, 0.0);
                    }
                    let inputs =
                        std::iter::once(&*regions).chain(adapters.iter().map(Vec::as_slice));
                    network.run(&inputs.collect::<Vec<_>>())?;
                    to.copy_from_slice(&network.output(0)?[..to.len()]);
                }
                Ok::<(), Error>(())
            },
        )?;
        Ok(maps)
    }
}

/// Number of threads of the networks: one per core that this process may use, or `RAYON_NUM_THREADS`.
pub(crate) fn threads() -> usize {
    rayon::current_num_threads()
}
