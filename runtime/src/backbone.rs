//! The shared backbone on the CPU: the whole image to coarse heat maps, once per image.

use tract_onnx::prelude::{TVec, tvec};

use crate::network::Network;
use crate::{Error, Manifest, Pack, SectionKind};

/// A compiled backbone graph: `[1, 1, height, width]` in, `[1, landmarks, height / stride, width / stride]` out,
/// and the side, `[1, 1, 1, 1]`, in models that know it.
#[derive(Debug)]
pub struct Backbone {
    network: Network,
    knows_side: bool,
}

/// What the backbone sees in a whole image.
#[derive(Clone, Debug, PartialEq)]
pub struct Coarse {
    /// Logits `[1, landmarks, h, w]`.
    pub maps: Vec<f32>,
    /// About 1 where left and right are as in the training set, about -1 where they are exchanged; `None` in
    /// models that do not tell.
    pub side: Option<f32>,
}

impl Backbone {
    /// Compiles the backbone of `pack`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unreadable`] where the graph cannot be read or does not fit the manifest.
    pub fn new(pack: &Pack) -> Result<Self, Error> {
        let (input, outputs) = shapes(pack.manifest());
        let onnx = pack.section(SectionKind::Backbone);
        let network = Network::new(onnx, &[input], &outputs).map_err(|e| e.at("backbone graph"))?;
        Ok(Self { network, knows_side: outputs.len() > 1 })
    }

    /// Runs `input` `[1, 1, height, width]`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Engine`] where inference fails.
    pub fn run(&mut self, input: &[f32]) -> Result<Coarse, Error> {
        self.network.run(&[input])?;
        let side = self.knows_side.then(|| self.network.output(1).map(|v| v[0])).transpose()?;
        Ok(Coarse { maps: self.network.output(0)?.to_vec(), side })
    }
}

/// The input's shape, and the outputs': the heat maps and, where the model knows it, the side.
pub(crate) fn shapes(manifest: &Manifest) -> (TVec<usize>, Vec<Vec<usize>>) {
    let (whole, landmarks) = (&manifest.whole, manifest.guides().len());
    let mut outputs =
        vec![vec![1, landmarks, whole.height / whole.stride, whole.width / whole.stride]];
    outputs.extend(manifest.plausibility.min_side.map(|_| vec![1; 4]));
    (tvec![1, 1, whole.height, whole.width], outputs)
}
