//! The pack: one file that holds a trained model, and patches that bring it landmarks. The byte layouts are
//! drawn in `docs/format.md`.

pub mod layout;
pub(crate) mod container;
mod manifest;
mod delta;
mod read;
mod patch;
mod edit;
mod signature;

pub use container::hex;
pub use container::{Section, assemble};
pub use delta::{Coding, Deltas, group_len, slice_len};
pub use layout::{FileKind, SectionKind};
pub use manifest::{
    AdapterInput, Calibration, Manifest, Plausibility, RefineFrame, Scale, WholeFrame,
};
pub use patch::{Patch, PatchInfo};
pub use read::Pack;
pub use signature::PublicKey;
