//! A graph of a pack, compiled for the CPU: tract reads, types and simplifies it, and runs the operations that the
//! vector kernels do not cover.

mod band;
mod convolve;
mod layer;
mod plan;
mod upsample;

use tract_core::internal::*;
use tract_onnx::prelude::InferenceModelExt;

use self::plan::Plan;
use crate::engine::graph::{Weights, expect, guarded, parse, read};
use crate::error::{Error, ErrorKind};

/// A compiled graph with its buffers. Clones share the weights.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    plan: Plan,
}

impl Network {
    /// Reads, types and simplifies a graph for fixed input shapes; keeps its first outputs, whose shapes it checks.
    ///
    /// The graph comes from outside: a panic inside the parser is caught and reported as a damaged graph.
    pub(crate) fn new(
        onnx: &[u8],
        inputs: &[Vec<usize>],
        outputs: &[Vec<usize>],
    ) -> Result<Self, Error> {
        guarded(|| {
            let mut graph = parse(onnx)?;
            let mut weights = graph.graph.as_mut().map(Weights::take).unwrap_or_default();
            graph.graph.iter_mut().for_each(|graph| weights.ask_for(graph));
            let all: Vec<_> = inputs.iter().cloned().chain(weights.shapes()).collect();
            let model = read(&graph, &all, outputs.len())?.into_typed()?;
            // Before tract rewrites them: it turns convolutions of one tap into matrix products.
            let model = convolve::convolved(model, inputs.len(), &weights)?.into_decluttered()?;
            let model = upsample::upsampled(model)?.into_optimized()?;
            expect(&model, outputs)?;
            Ok(Self { plan: Plan::new(&model)? })
        })
    }

    /// Runs the graph on the values of its inputs.
    ///
    /// # Errors
    /// [`ErrorKind::Engine`] if a layer fails.
    pub(crate) fn run(&mut self, inputs: &[&[f32]]) -> Result<(), Error> {
        // Inside the thread pool, so that the layers need not wake its threads.
        rayon::scope(|_| self.plan.run(inputs)).map_err(engine)
    }

    /// Output number `i` of the last run.
    ///
    /// # Errors
    /// [`ErrorKind::Engine`] if it is not `f32`.
    pub(crate) fn output(&self, i: usize) -> Result<&[f32], Error> {
        self.plan.output(i).map_err(engine)
    }
}

fn engine(e: TractError) -> Error {
    Error::new(ErrorKind::Engine, format!("inference failed: {e:#}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::engine::graph::backbone_shapes;
    use crate::pack::{Pack, SectionKind};

    #[test]
    fn the_shipped_backbone_leaves_tract_nothing_but_moves_of_axes() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/head.fid");
        let pack = Pack::open(&path).unwrap();
        let (input, outputs) = backbone_shapes(pack.manifest());
        let onnx = pack.section(SectionKind::Backbone);
        let network = Network::new(onnx, &[input], &outputs).unwrap();
        let operations = network.plan.operations();
        assert!(operations.iter().all(|name| name == "MoveAxis"), "{operations:?}");
    }
}
