//! The networks: the frozen trunk, the coarse decoder on top of it, the refine network.

pub mod onnx;
mod layers;
mod trunk;
mod coarse;
mod refine;

pub use coarse::CoarseDecoder;
pub use layers::{ConvBn, Residual, values};
pub use refine::{AdapterForm, MAX_RANK, RefineNet};
pub use trunk::{Trunk, TrunkFeatures, TrunkRunner};
