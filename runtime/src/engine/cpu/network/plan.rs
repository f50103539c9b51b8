//! The steps of a graph in order. Outputs of this project's layers lie in buffers, which are reused after their last
//! reader; outputs of tract's operations are tensors.

use std::sync::Arc;

use fiducia_kernels::simd::Aligned;
use tract_core::internal::*;
use tract_core::ops::konst::Const;
use tract_core::ops::source::TypedSource;

use super::band::{Band, Member};
use super::layer::{Layer, Work};

#[derive(Debug)]
pub(super) struct Plan {
    steps: Arc<[Step]>,
    values: Arc<[Value]>,
    /// Numbers of the values that are the graph's outputs.
    outputs: TVec<usize>,
    buffers: Vec<Aligned>,
    /// By number of the value.
    tensors: Vec<Option<TValue>>,
}

#[derive(Debug)]
struct Step {
    name: String,
    what: What,
    /// Numbers of values.
    inputs: TVec<usize>,
    outputs: TVec<usize>,
    /// Inputs that are not read after this step.
    last: TVec<usize>,
}

#[derive(Debug)]
enum What {
    Layer(Work),
    Band(Band),
    Op(Box<dyn TypedOp>),
}

/// Output of a step, or input of the graph.
#[derive(Clone, Debug)]
struct Value {
    place: Place,
    /// Empty if tract keeps it in an internal format.
    shape: TVec<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    /// An input of the graph.
    Input(usize),
    /// The first values of a buffer.
    Buffer(usize),
    Tensor,
}

impl Value {
    fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// The clone has its own buffers.
impl Clone for Plan {
    fn clone(&self) -> Self {
        Self {
            steps: self.steps.clone(),
            values: self.values.clone(),
            outputs: self.outputs.clone(),
            buffers: self.buffers.iter().map(|buffer| Aligned::zeros(buffer.len())).collect(),
            tensors: self.tensors.clone(),
        }
    }
}

impl Plan {
    /// # Errors
    /// If a shape is unknown, an operation has state, or an input is an output.
    pub(super) fn new(model: &TypedModel) -> TractResult<Self> {
        let groups = groups(model)?;
        let mut plan = Unfinished::new(model, &groups)?;
        for (at, group) in groups.iter().enumerate() {
            plan.add(model, at, group)?;
        }
        let outputs: TVec<usize> =
            model.output_outlets()?.iter().map(|outlet| plan.number(*outlet)).collect();
        if outputs.iter().any(|o| matches!(plan.values[*o].place, Place::Input(_))) {
            bail!("an output is an input");
        }
        let buffers = plan.lengths.into_iter().map(Aligned::zeros);
        Ok(Self {
            steps: plan.steps.into(),
            values: plan.values.into(),
            outputs,
            buffers: buffers.collect(),
            tensors: plan.tensors,
        })
    }

    /// Runs all steps on the values of the graph's inputs.
    pub(super) fn run(&mut self, inputs: &[&[f32]]) -> TractResult<()> {
        let steps = self.steps.clone();
        for step in &*steps {
            self.step(step, inputs).with_context(|| step.name.clone())?;
        }
        Ok(())
    }

    /// Output number `i` of the last run.
    pub(super) fn output(&self, i: usize) -> TractResult<&[f32]> {
        self.floats(self.outputs[i], &[])
    }

    fn step(&mut self, step: &Step, inputs: &[&[f32]]) -> TractResult<()> {
        match &step.what {
            What::Layer(work) => self.layer(step, inputs, |from, to| work.run(from, to))?,
            What::Band(band) => self.layer(step, inputs, |from, to| band.run(from, to))?,
            What::Op(op) => {
                let from: TractResult<TVec<TValue>> =
                    step.inputs.iter().map(|&value| self.tensor(value, inputs)).collect();
                // Dropping the tensor lets the operation work in place.
                step.last.iter().for_each(|&value| self.tensors[value] = None);
                let results = op.eval(&EvalContext::out_of_plan(), from?)?;
                for (&value, result) in step.outputs.iter().zip(results) {
                    self.tensors[value] = Some(result);
                }
            }
        }
        Ok(())
    }

    /// Names of the operations that tract runs.
    #[cfg(test)]
    pub(super) fn operations(&self) -> Vec<String> {
        let name = |step: &Step| match &step.what {
            What::Op(op) => Some(op.name().to_string()),
            What::Layer(_) | What::Band(_) => None,
        };
        self.steps.iter().filter_map(name).collect()
    }

    fn layer(
        &mut self,
        step: &Step,
        inputs: &[&[f32]],
        run: impl FnOnce(&[&[f32]], &mut [f32]),
    ) -> TractResult<()> {
        let out = &self.values[step.outputs[0]];
        let Place::Buffer(buffer) = out.place else { bail!("no buffer to write to") };
        let mut to = std::mem::take(&mut self.buffers[buffer]);
        let from: TractResult<TVec<&[f32]>> =
            step.inputs.iter().map(|&value| self.floats(value, inputs)).collect();
        let done = from.map(|from| run(&from, &mut to[..out.len()]));
        self.buffers[buffer] = to;
        step.last.iter().for_each(|&value| self.tensors[value] = None);
        done
    }

    fn floats<'a>(&'a self, value: usize, inputs: &[&'a [f32]]) -> TractResult<&'a [f32]> {
        let of = &self.values[value];
        match of.place {
            Place::Input(i) => inputs.get(i).copied().context("an input is missing"),
            Place::Buffer(i) => Ok(&self.buffers[i][..of.len()]),
            Place::Tensor => {
                let tensor = self.tensors[value].as_ref().context("a tensor is missing")?;
                tensor.try_as_plain_ram()?.as_slice()
            }
        }
    }

    fn tensor(&self, value: usize, inputs: &[&[f32]]) -> TractResult<TValue> {
        if let Place::Tensor = self.values[value].place {
            return self.tensors[value].clone().context("a tensor is missing");
        }
        let floats = self.floats(value, inputs)?;
        Ok(Tensor::from_shape(&self.values[value].shape, floats)?.into_tvalue())
    }
}

/// The nodes in execution order; those of a band form one group.
fn groups(model: &TypedModel) -> TractResult<Vec<Vec<usize>>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for id in model.eval_order()? {
        match groups.last_mut() {
            Some(group) if joins(model, group[group.len() - 1], id)? => group.push(id),
            _ => groups.push(vec![id]),
        }
    }
    Ok(groups)
}

/// Whether node `one` is a layer that only `next` reads, and both should be computed strip by strip.
fn joins(model: &TypedModel, one: usize, next: usize) -> TractResult<bool> {
    let own = OutletId::from(one);
    let work = |id: usize| model.node(id).op_as::<Layer>().map(|layer| &layer.work);
    let (Some(work), Some(next_work)) = (work(one), work(next)) else { return Ok(false) };
    let alone = model.single_succ(one)?.is_some_and(|node| node.id == next)
        && model.node(next).inputs.iter().position(|input| *input == own) == Some(0)
        && !model.output_outlets()?.contains(&own);
    let shape = model.outlet_fact(own)?.shape.as_concrete().unwrap_or(&[]);
    Ok(alone && Band::joins(work, shape, next_work))
}

/// A plan under construction.
struct Unfinished {
    steps: Vec<Step>,
    values: Vec<Value>,
    tensors: Vec<Option<TValue>>,
    /// Number of the first output of each node.
    first: Vec<usize>,
    /// By number of the value: the last group of nodes that reads it. Outputs of the graph are never released.
    read: Vec<usize>,
    /// Lengths of the buffers, and the numbers of the free ones.
    lengths: Vec<usize>,
    free: Vec<usize>,
}

impl Unfinished {
    fn new(model: &TypedModel, groups: &[Vec<usize>]) -> TractResult<Self> {
        let (mut first, mut values) = (Vec::new(), Vec::new());
        for node in model.nodes() {
            first.push(values.len());
            for outlet in &node.outputs {
                let shape = outlet.fact.shape.as_concrete().unwrap_or(&[]).into();
                values.push(Value { place: Place::Tensor, shape });
            }
        }
        let mut read = vec![0; values.len()];
        for (at, group) in groups.iter().enumerate() {
            for outlet in group.iter().flat_map(|&id| &model.node(id).inputs) {
                read[first[outlet.node] + outlet.slot] = at;
            }
        }
        for outlet in model.output_outlets()? {
            read[first[outlet.node] + outlet.slot] = usize::MAX;
        }
        let tensors = vec![None; values.len()];
        let (steps, lengths, free) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { steps, values, tensors, first, read, lengths, free })
    }

    fn number(&self, outlet: OutletId) -> usize {
        self.first[outlet.node] + outlet.slot
    }

    /// Group number `at`.
    fn add(&mut self, model: &TypedModel, at: usize, group: &[usize]) -> TractResult<()> {
        let node = model.node(group[group.len() - 1]);
        let outputs: TVec<usize> =
            (0..node.outputs.len()).map(|slot| self.first[node.id] + slot).collect();
        if let Some(constant) = node.op_as::<Const>() {
            self.tensors[outputs[0]] = Some(constant.val().clone().into_tvalue());
            // Constants are kept between runs.
            self.read[outputs[0]] = usize::MAX;
            return Ok(());
        }
        if node.op_is::<TypedSource>() {
            let input = model.input_outlets()?.iter().position(|outlet| outlet.node == node.id);
            self.values[outputs[0]].place = Place::Input(input.context("an input is unknown")?);
            return Ok(());
        }
        let mut inputs: TVec<usize> =
            model.node(group[0]).inputs.iter().map(|outlet| self.number(*outlet)).collect();
        let what = match node.op_as::<Layer>() {
            Some(_) if group.len() > 1 => What::Band(self.band(model, group, &mut inputs)),
            Some(layer) => What::Layer(layer.work.clone()),
            None if node.op.state(&EvalContext::out_of_plan())?.is_some() => {
                bail!("{node}: layers with state are not supported")
            }
            None => What::Op(node.op.clone()),
        };
        if !matches!(what, What::Op(_)) {
            let buffer = self.buffer(self.values[outputs[0]].len());
            self.values[outputs[0]].place = Place::Buffer(buffer);
        }
        let mut last: TVec<usize> =
            inputs.iter().copied().filter(|&value| self.read[value] == at).collect();
        last.sort_unstable();
        last.dedup();
        let unread = outputs.iter().filter(|&&value| self.read[value] == 0);
        for &value in last.iter().chain(unread) {
            if let Place::Buffer(buffer) = self.values[value].place {
                self.free.push(buffer);
            }
        }
        self.steps.push(Step { name: node.name.clone(), what, inputs, outputs, last });
        Ok(())
    }

    /// The band of a group of layers; `inputs` are those of the first, to which the skip connections of the others are
    /// appended.
    fn band(&self, model: &TypedModel, group: &[usize], inputs: &mut TVec<usize>) -> Band {
        let mut members = Vec::new();
        for (i, &id) in group.iter().enumerate() {
            let node = model.node(id);
            let Some(Layer { work: Work::Convolution(convolution), .. }) = node.op_as() else {
                continue;
            };
            let shape = &self.values[self.first[id]].shape;
            let skip = node.inputs.get(1).map(|outlet| match i {
                0 => 1,
                _ => {
                    inputs.push(self.number(*outlet));
                    inputs.len() - 1
                }
            });
            members.push(Member {
                convolution: convolution.clone(),
                skip,
                row: shape[2] * shape[3],
                height: shape[1],
            });
        }
        Band::new(members)
    }

    /// A free buffer for `len` values: the smallest that is large enough, else the largest, which grows.
    fn buffer(&mut self, len: usize) -> usize {
        let short = |&at: &usize| {
            let has = self.lengths[self.free[at]];
            (has < len, has.abs_diff(len))
        };
        match (0..self.free.len()).min_by_key(short) {
            Some(at) => {
                let buffer = self.free.swap_remove(at);
                self.lengths[buffer] = self.lengths[buffer].max(len);
                buffer
            }
            None => {
                self.lengths.push(len);
                self.lengths.len() - 1
            }
        }
    }
}
