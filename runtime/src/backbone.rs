//! The shared backbone on the CPU: the whole image to coarse heat maps, once per image.

use tract_core::internal::{bail, format_err};
use tract_onnx::prelude::*;

use crate::convolve::convolved;
use crate::widen::widen;
use crate::{Error, ErrorKind, Manifest, Pack, SectionKind};

/// A compiled backbone graph: `[1, 1, height, width]` in, `[1, landmarks, height / stride, width / stride]` out,
/// and the side, `[1, 1, 1, 1]`, in models that know it.
#[derive(Debug)]
pub struct Backbone {
    state: TypedSimpleState,
    input: TVec<usize>,
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
    /// [`ErrorKind::Unreadable`] where the graph cannot be read or does not fit the manifest.
    pub fn new(pack: &Pack) -> Result<Self, Error> {
        let (input, outputs) = shapes(pack.manifest());
        let onnx = pack.section(SectionKind::Backbone);
        let state = compile(onnx, std::slice::from_ref(&input), &outputs)
            .map_err(|e| e.at("backbone graph"))?;
        Ok(Self { state, input })
    }

    /// Runs `input` `[1, 1, height, width]`.
    ///
    /// # Errors
    /// [`ErrorKind::Engine`] where inference fails.
    pub fn run(&mut self, input: &[f32]) -> Result<Coarse, Error> {
        // In the pool, so that each layer finds its threads without waking them.
        let outputs = rayon::scope(|_| run(&mut self.state, &[(&self.input, input)]))?;
        let side = outputs.get(1).map(|side| values(side).map(|v| v[0])).transpose()?;
        Ok(Coarse { maps: values(&outputs[0])?.to_vec(), side })
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

/// Reads, types and optimises a graph for fixed input shapes; keeps its first outputs, whose shapes it checks.
///
/// The graph comes from outside: a fault inside the parser is caught and reported as a damaged graph.
pub(crate) fn compile(
    onnx: &[u8],
    inputs: &[TVec<usize>],
    outputs: &[Vec<usize>],
) -> Result<TypedSimpleState, Error> {
    guarded(|| {
        // Before tract rewrites them: it makes matrix products of convolutions of one tap.
        let model =
            convolved(read(onnx, inputs, outputs.len())?.into_typed()?)?.into_optimized()?;
        expect(&model, outputs)?;
        model.into_runnable()?.spawn()
    })
}

/// As [`compile`], but not optimised for a processor.
#[cfg(feature = "gpu")]
pub(crate) fn typed(
    onnx: &[u8],
    inputs: &[TVec<usize>],
    outputs: &[Vec<usize>],
) -> Result<TypedModel, Error> {
    guarded(|| {
        let model = read(onnx, inputs, outputs.len())?.into_typed()?.into_decluttered()?;
        expect(&model, outputs)?;
        Ok(model)
    })
}

fn read(onnx: &[u8], inputs: &[TVec<usize>], outputs: usize) -> TractResult<InferenceModel> {
    let reader = tract_onnx::onnx();
    let mut graph = reader.proto_model_for_read(&mut std::io::Cursor::new(onnx))?;
    graph.graph.iter_mut().for_each(widen);
    let mut model = reader.model_for_proto_model(&graph)?;
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

/// Runs a compiled graph on `(shape, values)` pairs and returns its outputs.
pub(crate) fn run(
    state: &mut TypedSimpleState,
    inputs: &[(&[usize], &[f32])],
) -> Result<TVec<TValue>, Error> {
    let engine = |e: TractError| Error::new(ErrorKind::Engine, format!("inference failed: {e:#}"));
    let tensors: TractResult<TVec<TValue>> = inputs
        .iter()
        .map(|(shape, values)| Ok(Tensor::from_shape(shape, values)?.into()))
        .collect();
    state.run(tensors.map_err(engine)?).map_err(engine)
}

/// The values of a tensor as a slice.
pub(crate) fn values(tensor: &TValue) -> Result<&[f32], Error> {
    tensor
        .try_as_plain_ram()
        .and_then(|t| t.as_slice::<f32>())
        .map_err(|e| Error::new(ErrorKind::Engine, format!("inference gave no f32 values: {e:#}")))
}
