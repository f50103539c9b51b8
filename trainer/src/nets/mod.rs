//! The networks: the frozen trunk, the coarse decoder on top of it, and the refine network.

pub mod onnx;
pub mod onnx_read;
mod layers;
mod trunk;
mod coarse;
mod side;
mod adapter_form;
mod private;
mod refine;

pub use adapter_form::{AdapterForm, MAX_RANK};
pub use coarse::CoarseDecoder;
pub use layers::{ConvBn, Residual, values};
pub use refine::RefineNet;
pub use side::Side;
pub use trunk::{Trunk, TrunkFeatures, TrunkRunner};
