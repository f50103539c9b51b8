//! The model file (pack, `.fid`): a trained model with its patches, each of which adds a landmark. `docs/format.md`
//! draws the byte layouts.

pub mod layout;
pub(crate) mod container;
mod manifest;
mod delta;
mod read;
mod patch;
mod edit;
mod signature;

pub use container::{Section, assemble, hex};
pub use delta::{Coding, Deltas, group_len, slice_len};
pub use layout::{FileKind, SectionKind};
pub use manifest::{
    AdapterInput, Calibration, FullImageInput, Manifest, Plausibility, RefineFrame, Scale,
};
pub use patch::{Patch, PatchInfo};
pub use read::Pack;
pub use signature::PublicKey;
