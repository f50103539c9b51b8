//! Training the two networks on labels that improve while they learn.

pub mod chance;
pub mod schedule;
pub mod heatmap;
pub mod checkpoint;
pub mod coarse;
pub mod refine;

pub use coarse::{CoarseConfig, Material, train_coarse};
pub use refine::{RefineConfig, train_refine};
