//! Training the two networks on labels that improve while they learn.

pub mod chance;
pub mod schedule;
pub mod heatmap;
pub mod checkpoint;
pub mod average;
pub mod material;
pub mod coarse;
pub mod side;
pub mod regions;
pub mod lesson;
pub mod bank;
pub mod rounds;
pub mod joint;
pub mod fuse;

pub use coarse::{CoarseConfig, train_coarse};
pub use fuse::{FuseConfig, fuse};
pub use joint::{JointConfig, train_jointly};
pub use material::{Annotated, Material};
pub use rounds::{RoundsConfig, train_in_rounds};
pub use side::learn_side;
