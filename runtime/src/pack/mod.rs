//! The pack: one file that holds a trained model. The byte layout is drawn in `docs/format.md`.

pub mod layout;
mod manifest;
mod delta;
mod read;

pub use delta::{Coding, Deltas, group_len, slice_len};
pub use layout::SectionKind;
pub use manifest::{
    AdapterInput, Calibration, Manifest, Plausibility, RefineFrame, Scale, WholeFrame,
};
pub use read::{Pack, Section};
