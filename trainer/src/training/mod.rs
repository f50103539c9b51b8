//! Training of the two networks on pseudo-labels that improve during the training.

pub mod rng;
pub mod schedule;
pub mod heatmap;
pub mod checkpoint;
pub mod average;
mod step;
pub mod coarse;
pub mod side;
pub mod regions;
pub mod phase;
pub mod bank;
pub mod rounds;
pub mod joint;
pub mod fuse;

pub use coarse::{CoarseConfig, train_coarse};
pub use fuse::{FuseConfig, fuse};
pub use joint::{JointConfig, train_jointly};
pub use rounds::{RoundsConfig, train_in_rounds};
pub use side::learn_side;
