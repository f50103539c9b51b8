//! The shared backbone on the CPU: the whole image to coarse heat maps, once per image.

use super::network::Network;
use crate::engine::graph::backbone_shapes;
use crate::error::Error;
use crate::pack::{Pack, SectionKind};

/// A compiled backbone graph: `[1, 1, height, width]` in, `[1, landmarks, height / stride, width / stride]` out,
/// and the side, `[1, 1, 1, 1]`, in models that predict it.
#[derive(Debug)]
pub struct Backbone {
    network: Network,
    predicts_side: bool,
}

/// The backbone's outputs for a whole image.
#[derive(Clone, Debug, PartialEq)]
pub struct Coarse {
    /// Logits `[1, landmarks, h, w]`.
    pub maps: Vec<f32>,
    /// About 1 if left and right are as in the training set, about -1 if they are exchanged; `None` in models that do
    /// not predict the side.
    pub side: Option<f32>,
}

impl Backbone {
    /// Compiles the backbone of `pack`.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`](crate::error::ErrorKind::Unreadable) if the graph cannot be read or does not fit the
    /// manifest.
    pub fn new(pack: &Pack) -> Result<Self, Error> {
        let (input, outputs) = backbone_shapes(pack.manifest());
        let onnx = pack.section(SectionKind::Backbone);
        let network = Network::new(onnx, &[input], &outputs).map_err(|e| e.at("backbone graph"))?;
        Ok(Self { network, predicts_side: outputs.len() > 1 })
    }

    /// Runs `input` `[1, 1, height, width]`.
    ///
    /// # Errors
    /// [`ErrorKind::Engine`](crate::error::ErrorKind::Engine) if inference fails.
    pub fn run(&mut self, input: &[f32]) -> Result<Coarse, Error> {
        self.network.run(&[input])?;
        let side = self.predicts_side.then(|| self.network.output(1).map(|v| v[0])).transpose()?;
        Ok(Coarse { maps: self.network.output(0)?.to_vec(), side })
    }
}
