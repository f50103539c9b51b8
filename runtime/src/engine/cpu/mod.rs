//! The networks on the CPU: tract reads the graphs, the vector kernels of `fiducia-kernels` run their layers.

mod network;
mod backbone;
mod refine;
mod path;

pub use backbone::{Backbone, Coarse};
pub(crate) use path::CpuPath;
pub use refine::Refine;
