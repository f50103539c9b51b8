//! The shared backbone on the CPU: the whole image to coarse heat maps, once per image.

use tract_core::internal::{bail, format_err};
use tract_onnx::prelude::*;

use crate::convolve::convolved;
use crate::{Error, ErrorKind, WholeFrame};

/// A compiled backbone graph: `[1, 1, height, width]` in, `[1, landmarks, height / stride, width / stride]` out.
#[derive(Debug)]
pub struct Backbone {
    state: TypedSimpleState,
    input: TVec<usize>,
}

impl Backbone {
    /// Compiles `onnx` for inputs of the size of `frame`.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] where the graph cannot be read or gives other than
    /// `[1, landmarks, height / stride, width / stride]`.
    pub fn new(onnx: &[u8], frame: &WholeFrame, landmarks: usize) -> Result<Self, Error> {
        let input = tvec![1, 1, frame.height, frame.width];
        let output = [1, landmarks, frame.height / frame.stride, frame.width / frame.stride];
        let state = compile(onnx, std::slice::from_ref(&input), &output)
            .map_err(|e| e.at("backbone graph"))?;
        Ok(Self { state, input })
    }

    /// Runs `input` `[1, 1, height, width]`; the logits `[1, landmarks, h, w]`.
    ///
    /// # Errors
    /// [`ErrorKind::Engine`] where inference fails.
    pub fn run(&mut self, input: &[f32]) -> Result<Vec<f32>, Error> {
        values(&run(&mut self.state, &[(&self.input, input)])?).map(<[f32]>::to_vec)
    }
}

/// Reads, types and optimises a graph for fixed input shapes, and checks its one output shape.
///
/// The graph comes from outside: a fault inside the parser is caught and reported as a damaged graph.
pub(crate) fn compile(
    onnx: &[u8],
    inputs: &[TVec<usize>],
    output: &[usize],
) -> Result<TypedSimpleState, Error> {
    guarded(|| {
        // Before tract rewrites them: it makes matrix products of convolutions of one tap.
        let model = convolved(read(onnx, inputs)?.into_typed()?)?.into_optimized()?;
        expect(&model, output)?;
        model.into_runnable()?.spawn()
    })
}

/// Reads and types a graph for fixed input shapes, and checks its one output shape; not optimised for a
/// processor.
#[cfg(feature = "gpu")]
pub(crate) fn typed(
    onnx: &[u8],
    inputs: &[TVec<usize>],
    output: &[usize],
) -> Result<TypedModel, Error> {
    guarded(|| {
        let model = read(onnx, inputs)?.into_typed()?.into_decluttered()?;
        expect(&model, output)?;
        Ok(model)
    })
}

fn read(onnx: &[u8], inputs: &[TVec<usize>]) -> TractResult<InferenceModel> {
    let mut model = tract_onnx::onnx().model_for_read(&mut std::io::Cursor::new(onnx))?;
    if model.input_outlets()?.len() != inputs.len() {
        bail!("{} inputs, expected {}", model.input_outlets()?.len(), inputs.len());
    }
    for (i, shape) in inputs.iter().enumerate() {
        model.set_input_fact(i, f32::fact(shape).into())?;
    }
    Ok(model)
}

fn expect(model: &TypedModel, output: &[usize]) -> TractResult<()> {
    let shape = model.output_fact(0)?.shape.as_concrete().map(<[usize]>::to_vec);
    if shape.as_deref() != Some(output) {
        bail!("output shape {shape:?}, expected {output:?}");
    }
    Ok(())
}

/// A fault inside the parser is an error like any other.
fn guarded<T>(build: impl FnOnce() -> TractResult<T>) -> Result<T, Error> {
    let built = std::panic::catch_unwind(std::panic::AssertUnwindSafe(build))
        .unwrap_or_else(|_| Err(format_err!("the graph is malformed")));
    built.map_err(|e| Error::new(ErrorKind::Unreadable, format!("{e:#}")))
}

/// Runs a compiled graph on `(shape, values)` pairs and returns its one output.
pub(crate) fn run(
    state: &mut TypedSimpleState,
    inputs: &[(&[usize], &[f32])],
) -> Result<TValue, Error> {
    let engine = |e: TractError| Error::new(ErrorKind::Engine, format!("inference failed: {e:#}"));
    let tensors: TractResult<TVec<TValue>> = inputs
        .iter()
        .map(|(shape, values)| Ok(Tensor::from_shape(shape, values)?.into()))
        .collect();
    let mut outputs = state.run(tensors.map_err(engine)?).map_err(engine)?;
    Ok(outputs.remove(0))
}

/// The values of a tensor as a slice.
pub(crate) fn values(tensor: &TValue) -> Result<&[f32], Error> {
    tensor
        .try_as_plain_ram()
        .and_then(|t| t.as_slice::<f32>())
        .map_err(|e| Error::new(ErrorKind::Engine, format!("inference gave no f32 values: {e:#}")))
}
