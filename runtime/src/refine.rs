//! The refine network on the CPU: all regions of interest as one batch, each with its own adapter.

use tract_onnx::prelude::*;

use crate::{
    Error, Pack, SectionKind,
    backbone::{compile, run},
};

/// A compiled refine graph: regions `[landmarks, 1, size, size]` and one tensor per adapter input in,
/// `[landmarks, 1, size / stride, size / stride]` out.
#[derive(Debug)]
pub struct Refine {
    state: TypedSimpleState,
    regions: TVec<usize>,
    adapters: Vec<(TVec<usize>, Vec<f32>)>,
}

impl Refine {
    /// Compiles the refine graph of `pack` and gathers the adapters of the landmarks number `chosen`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unreadable`] where the graph cannot be read or does not fit the manifest.
    pub fn new(pack: &Pack, chosen: &[usize]) -> Result<Self, Error> {
        let manifest = pack.manifest();
        let landmarks = chosen.len();
        let slices: Vec<Vec<f32>> = chosen.iter().map(|&l| pack.adapter(l)).collect();
        let mut start = 0;
        let mut adapters = Vec::new();
        for input in &manifest.adapter {
            let shape = std::iter::once(landmarks).chain(input.shape.iter().copied()).collect();
            let values =
                slices.iter().flat_map(|s| s[start..start + input.len()].iter().copied()).collect();
            adapters.push((shape, values));
            start += input.len();
        }
        let (size, cells) = (manifest.refine.size, manifest.refine.size / manifest.refine.stride);
        let regions: TVec<usize> = tvec![landmarks, 1, size, size];
        let inputs: Vec<TVec<usize>> = std::iter::once(regions.clone())
            .chain(adapters.iter().map(|(shape, _): &(TVec<usize>, _)| shape.clone()))
            .collect();
        let state =
            compile(pack.section(SectionKind::Refine), &inputs, &[landmarks, 1, cells, cells])
                .map_err(|e| e.at("refine graph"))?;
        Ok(Self { state, regions, adapters })
    }

    /// Runs regions `[landmarks, 1, size, size]`; the result holds the logits `[landmarks, 1, h, w]`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Engine`] where inference fails.
    pub fn run(&mut self, regions: &[f32]) -> Result<TValue, Error> {
        let mut inputs: Vec<(&[usize], &[f32])> = vec![(&self.regions, regions)];
        inputs.extend(self.adapters.iter().map(|(shape, values)| (&shape[..], &values[..])));
        run(&mut self.state, &inputs)
    }
}
