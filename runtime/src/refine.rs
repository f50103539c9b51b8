//! The refine network on the CPU: all regions of interest, each with its own adapter, shared out over
//! the processor's cores.

use rayon::prelude::*;
use tract_onnx::prelude::{TVec, tvec};

use crate::network::Network;
use crate::{Error, Pack, SectionKind};

/// A compiled refine graph: regions `[landmarks, 1, size, size]` in, one tensor per adapter input beside
/// them, `[landmarks, 1, size / stride, size / stride]` out.
#[derive(Debug)]
pub struct Refine {
    shares: Vec<Share>,
    /// Values of one region.
    region: usize,
    /// Logits of one landmark.
    map: usize,
}

/// The landmarks that one thread works on.
#[derive(Debug)]
struct Share {
    landmarks: usize,
    network: Network,
    adapters: Vec<(TVec<usize>, Vec<f32>)>,
}

impl Refine {
    /// Compiles the refine graph of `pack` and gathers the adapters of the landmarks number `chosen`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unreadable`] where the graph cannot be read or does not fit the manifest.
    pub fn new(pack: &Pack, chosen: &[usize]) -> Result<Self, Error> {
        let manifest = pack.manifest();
        let (size, cells) = (manifest.refine.size, manifest.refine.size / manifest.refine.stride);
        let mut shares: Vec<Share> = Vec::new();
        for part in chosen.chunks(chosen.len().div_ceil(threads()).max(1)) {
            // Only the last part can be shorter, so that at most two graphs are compiled.
            let compiled = shares.first().filter(|s| s.landmarks == part.len());
            let compiled = compiled.map(|s| s.network.clone());
            shares.push(Share::new(pack, part, compiled)?);
        }
        Ok(Self { shares, region: size * size, map: cells * cells })
    }

    /// Runs regions `[landmarks, 1, size, size]`; the logits `[landmarks, 1, h, w]`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Engine`] where inference fails.
    pub fn run(&mut self, regions: &[f32]) -> Result<Vec<f32>, Error> {
        let most = self.shares.first().map_or(1, |share| share.landmarks);
        let mut maps = vec![0.0; regions.len() / self.region * self.map];
        let parts = regions.chunks(most * self.region).zip(maps.chunks_mut(most * self.map));
        let mut work: Vec<_> = self.shares.iter_mut().zip(parts).collect();
        work.par_iter_mut().try_for_each(|(share, (from, to))| share.run(from, to))?;
        Ok(maps)
    }
}

impl Share {
    fn new(pack: &Pack, chosen: &[usize], compiled: Option<Network>) -> Result<Self, Error> {
        let manifest = pack.manifest();
        let frame = &manifest.refine;
        let landmarks = chosen.len();
        let adapters = adapters(pack, chosen);
        let (size, cells) = (frame.size, frame.size / frame.stride);
        let inputs: Vec<TVec<usize>> = std::iter::once(tvec![landmarks, 1, size, size])
            .chain(adapters.iter().map(|(shape, _): &(TVec<usize>, _)| shape.clone()))
            .collect();
        let outputs = [vec![landmarks, 1, cells, cells]];
        let network = match compiled {
            Some(network) => network,
            None => Network::new(pack.section(SectionKind::Refine), &inputs, &outputs)
                .map_err(|e| e.at("refine graph"))?,
        };
        Ok(Self { landmarks, network, adapters })
    }

    fn run(&mut self, regions: &[f32], maps: &mut [f32]) -> Result<(), Error> {
        let mut inputs = vec![regions];
        inputs.extend(self.adapters.iter().map(|(_, values)| &values[..]));
        self.network.run(&inputs)?;
        maps.copy_from_slice(self.network.output(0)?);
        Ok(())
    }
}

/// The private tensors of the landmarks number `chosen`, one for each adapter input: shape and values.
pub(crate) fn adapters(pack: &Pack, chosen: &[usize]) -> Vec<(TVec<usize>, Vec<f32>)> {
    let slices: Vec<Vec<f32>> = chosen.iter().map(|&l| pack.adapter(l)).collect();
    let mut start = 0;
    let mut adapters = Vec::new();
    for input in &pack.manifest().adapter {
        let shape = std::iter::once(chosen.len()).chain(input.shape.iter().copied()).collect();
        let values =
            slices.iter().flat_map(|s| s[start..start + input.len()].iter().copied()).collect();
        adapters.push((shape, values));
        start += input.len();
    }
    adapters
}

/// Threads that the networks are shared out over: one per core that this process may use, or as many as
/// `RAYON_NUM_THREADS` says.
pub(crate) fn threads() -> usize {
    rayon::current_num_threads()
}
