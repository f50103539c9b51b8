//! Graphs of a pack as tract reads them: for both backends.

mod weights;

use fiducia_kernels::Conv;
use tract_core::internal::*;
use tract_core::ops::cnn::PoolSpec;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::InferenceModel;

pub(crate) use self::weights::Weights;
use crate::error::{Error, ErrorKind};
use crate::pack::Manifest;

/// The shape of the backbone's input, and those of its outputs: the heat maps and, in models that predict it, the side.
pub(crate) fn backbone_shapes(manifest: &Manifest) -> (Vec<usize>, Vec<Vec<usize>>) {
    let (whole, landmarks) = (&manifest.whole, manifest.model_landmarks().len());
    let mut outputs =
        vec![vec![1, landmarks, whole.height / whole.stride, whole.width / whole.stride]];
    outputs.extend(manifest.plausibility.min_side.map(|_| vec![1; 4]));
    (vec![1, 1, whole.height, whole.width], outputs)
}

/// The graph in tract's simplified form, with its weights as constants.
#[cfg(feature = "gpu")]
pub(crate) fn typed(
    onnx: &[u8],
    inputs: &[Vec<usize>],
    outputs: &[Vec<usize>],
) -> Result<TypedModel, Error> {
    use tract_onnx::prelude::InferenceModelExt;

    guarded(|| {
        let mut graph = parse(onnx)?;
        graph.graph.iter_mut().for_each(|graph| Weights::take(graph).put_all_back(graph));
        let model = read(&graph, inputs, outputs.len())?.into_typed()?.into_decluttered()?;
        expect(&model, outputs)?;
        Ok(model)
    })
}

pub(crate) fn parse(onnx: &[u8]) -> TractResult<ModelProto> {
    tract_onnx::onnx().proto_model_for_read(&mut std::io::Cursor::new(onnx))
}

/// `graph` for inputs of these shapes, with its first `outputs` outputs.
pub(crate) fn read(
    graph: &ModelProto,
    inputs: &[Vec<usize>],
    outputs: usize,
) -> TractResult<InferenceModel> {
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
    // Further outputs, of a model of a later version, are not computed.
    model.outputs.truncate(outputs);
    Ok(model)
}

/// Refuses a model whose outputs have other shapes.
pub(crate) fn expect(model: &TypedModel, outputs: &[Vec<usize>]) -> TractResult<()> {
    for (i, output) in outputs.iter().enumerate() {
        let shape = model.output_fact(i)?.shape.as_concrete().map(<[usize]>::to_vec);
        if shape.as_ref() != Some(output) {
            bail!("output shape {shape:?}, expected {output:?}");
        }
    }
    Ok(())
}

/// The graph comes from outside: a panic inside the parser becomes an error like any other.
pub(crate) fn guarded<T>(build: impl FnOnce() -> TractResult<T>) -> Result<T, Error> {
    let built = std::panic::catch_unwind(std::panic::AssertUnwindSafe(build))
        .unwrap_or_else(|_| Err(format_err!("the graph is malformed")));
    built.map_err(|e| Error::new(ErrorKind::Unreadable, format!("{e:#}")))
}

/// Sizes of a convolution or pooling of planes `[height, width]`, without channels.
pub(crate) fn window(spec: &PoolSpec, input: [usize; 2], output: [usize; 2]) -> Conv {
    let pads = spec.computed_padding(&input);
    Conv {
        in_height: input[0] as u32,
        in_width: input[1] as u32,
        out_height: output[0] as u32,
        out_width: output[1] as u32,
        kernel_height: spec.kernel_shape[0] as u32,
        kernel_width: spec.kernel_shape[1] as u32,
        stride_y: spec.stride(0) as u32,
        stride_x: spec.stride(1) as u32,
        pad_y: pads[0].pad_before as u32,
        pad_x: pads[1].pad_before as u32,
        dilation_y: spec.dilation(0) as u32,
        dilation_x: spec.dilation(1) as u32,
        ..Conv::default()
    }
}

/// The values of a tensor in `f32`; `None` where it has another type.
pub(crate) fn floats(tensor: &Tensor) -> Option<Vec<f32>> {
    let values = tensor.try_as_plain_ram().ok()?;
    values.as_slice::<f32>().ok().map(<[f32]>::to_vec)
}
