//! Exponential moving average of a network's weights (mean teacher, Tarvainen and Valpola 2017).

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

/// Largest decay of the average per step.
const KEEP: f64 = 0.97;

/// Updates `average` with `network` after step `step`; the decay is smaller in the first steps.
pub fn update_average<M: Module>(average: M, network: &M, step: usize) -> M {
    let keep = KEEP.min((step as f64 + 1.0) / (step as f64 + 11.0));
    let mut new = Collect { tensors: Vec::new() };
    network.valid().visit(&mut new);
    average.map(&mut Blend { tensors: new.tensors.into_iter(), keep: keep as f32 })
}

/// Flat copies of all float parameters, in visiting order.
struct Collect {
    tensors: Vec<Tensor<1>>,
}

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let count = tensor.shape().num_elements();
        self.tensors.push(tensor.reshape([count]));
    }
}

struct Blend {
    tensors: std::vec::IntoIter<Tensor<1>>,
    keep: f32,
}

impl ModuleMapper for Blend {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let new = self.tensors.next().expect("both networks have the same parameters");
        let keep = self.keep;
        param.map(|old| {
            let new = new.reshape(old.dims());
            old.mul_scalar(keep) + new.mul_scalar(1.0 - keep)
        })
    }
}
