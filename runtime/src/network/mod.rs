//! A graph of a pack, read and run on the CPU: tract reads, types and simplifies it, and does what the layers of this project
//! do not.

mod band;
mod convolve;
mod layer;
mod plan;
mod upsample;
mod weights;

use tract_core::internal::*;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::{InferenceModel, InferenceModelExt};

use self::plan::Plan;
use self::weights::Weights;
use crate::{Error, ErrorKind};

#[cfg(feature = "gpu")]
pub(crate) use self::convolve::window;

/// A compiled graph with its buffers. Clones share the weights.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    plan: Plan,
}

impl Network {
    /// Reads, types and simplifies a graph for fixed input shapes; keeps its first outputs, whose shapes it checks.
    ///
    /// The graph comes from outside: a fault inside the parser is caught and reported as a damaged graph.
    pub(crate) fn new(
        onnx: &[u8],
        inputs: &[TVec<usize>],
        outputs: &[Vec<usize>],
    ) -> Result<Self, Error> {
        guarded(|| {
            let mut graph = parse(onnx)?;
            let mut weights = graph.graph.as_mut().map(Weights::take).unwrap_or_default();
            graph.graph.iter_mut().for_each(|graph| weights.ask_for(graph));
            let all: Vec<_> = inputs.iter().cloned().chain(weights.shapes()).collect();
            let model = read(&graph, &all, outputs.len())?.into_typed()?;
            // Before tract rewrites them: it makes matrix products of convolutions of one tap.
            let model = convolve::convolved(model, inputs.len(), &weights)?.into_decluttered()?;
            let model = upsample::upsampled(model)?.into_optimized()?;
            expect(&model, outputs)?;
            Ok(Self { plan: Plan::new(&model)? })
        })
    }

    /// Runs the graph on the values of its inputs.
    ///
    /// # Errors
    /// [`ErrorKind::Engine`] where a layer fails.
    pub(crate) fn run(&mut self, inputs: &[&[f32]]) -> Result<(), Error> {
        // In the pool, so that each layer finds its threads without waking them.
        rayon::scope(|_| self.plan.run(inputs)).map_err(engine)
    }

    /// What the last run gave as output number `i`.
    ///
    /// # Errors
    /// [`ErrorKind::Engine`] where it is not in `f32`.
    pub(crate) fn output(&self, i: usize) -> Result<&[f32], Error> {
        self.plan.output(i).map_err(engine)
    }
}

fn engine(e: TractError) -> Error {
    Error::new(ErrorKind::Engine, format!("inference failed: {e:#}"))
}

/// As tract simplifies the graph, without layers of this project.
#[cfg(feature = "gpu")]
pub(crate) fn typed(
    onnx: &[u8],
    inputs: &[TVec<usize>],
    outputs: &[Vec<usize>],
) -> Result<TypedModel, Error> {
    guarded(|| {
        let mut graph = parse(onnx)?;
        graph.graph.iter_mut().for_each(|graph| Weights::take(graph).put_all_back(graph));
        let model = read(&graph, inputs, outputs.len())?.into_typed()?.into_decluttered()?;
        expect(&model, outputs)?;
        Ok(model)
    })
}

fn parse(onnx: &[u8]) -> TractResult<ModelProto> {
    tract_onnx::onnx().proto_model_for_read(&mut std::io::Cursor::new(onnx))
}

fn read(graph: &ModelProto, inputs: &[TVec<usize>], outputs: usize) -> TractResult<InferenceModel> {
    let mut model = tract_onnx::onnx().model_for_proto_model(graph)?;
    if model.input_outlets()?.len() != inputs.len() {
        bail!("{} inputs, expected {}", model.input_outlets()?.len(), inputs.len());
    }
    for (i, shape) in inputs.iter().enumerate() {
        model.set_input_fact(i, f32::fact(shape).into())?;
    }
    if model.outputs.len() < outputs {
        bail!("{} outputs, expected {outputs}", model.outputs.len());
    }
    // What a model of another version gives beside them is not computed.
    model.outputs.truncate(outputs);
    Ok(model)
}

fn expect(model: &TypedModel, outputs: &[Vec<usize>]) -> TractResult<()> {
    for (i, output) in outputs.iter().enumerate() {
        let shape = model.output_fact(i)?.shape.as_concrete().map(<[usize]>::to_vec);
        if shape.as_ref() != Some(output) {
            bail!("output shape {shape:?}, expected {output:?}");
        }
    }
    Ok(())
}

/// A fault inside the parser is an error like any other.
fn guarded<T>(build: impl FnOnce() -> TractResult<T>) -> Result<T, Error> {
    let built = std::panic::catch_unwind(std::panic::AssertUnwindSafe(build))
        .unwrap_or_else(|_| Err(format_err!("the graph is malformed")));
    built.map_err(|e| Error::new(ErrorKind::Unreadable, format!("{e:#}")))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::backbone::shapes;
    use crate::{Pack, SectionKind};

    #[test]
    fn the_shipped_backbone_leaves_tract_nothing_but_moves_of_axes() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/head.fid");
        let pack = Pack::open(&path).unwrap();
        let (input, outputs) = shapes(pack.manifest());
        let onnx = pack.section(SectionKind::Backbone);
        let network = Network::new(onnx, &[input], &outputs).unwrap();
        let operations = network.plan.operations();
        assert!(operations.iter().all(|name| name == "MoveAxis"), "{operations:?}");
    }
}
