//! Finds anatomical landmarks on X-ray images.
//!
//! ```text
//! Radiograph ─preprocess→ Input ─backbone, once→ coarse HeatMaps ─peak→ coarse points
//!   ─shape→ pose ─preprocess→ regions of interest ─refine, all landmarks at once→ fine HeatMaps
//!   ─peak→ landmarks ─shape→ plausibility ─report→ Report
//! ```
//!
//! Coordinates of an image: `(0, 0)` is the centre of the top-left pixel, x to the right, y down;
//! `mm = px · spacing`, with its own spacing for x and y.

mod error;
pub mod radiograph;
pub mod pack;
mod preprocess;
mod network;
mod backbone;
mod shape;
mod refine;
#[cfg(feature = "gpu")]
mod gpu;
mod detector;
mod cephalometry;
mod report;
mod overlay;
#[cfg(feature = "results")]
pub mod results;
mod atomic;

pub use atomic::{Staged, check_writable, write_atomically};
pub use backbone::{Backbone, Coarse};
pub use cephalometry::{Measure, Unit, measures};
pub use detector::{Backend, Detector, Found, Observation, Presentation, Started, Wanted};
pub use error::{Error, ErrorKind};
pub use fiducia_kernels::Precision;
#[cfg(feature = "gpu")]
pub use fiducia_kernels::gpu::{Adapter, Counters, Reach, adapters};
#[cfg(feature = "gpu")]
pub use gpu::{ShaderTime, StepTime, by_shader};
pub use overlay::overlay;
pub use pack::{
    AdapterInput, Calibration, Coding, Deltas, FileKind, Manifest, Pack, Patch, PatchInfo,
    Plausibility, PublicKey, RefineFrame, Scale, Section, SectionKind, WholeFrame, assemble,
    group_len, layout, slice_len,
};
pub use preprocess::{
    Grey, Plane, crop, normalise_crop, normalise_whole, whole_frame, whole_input,
};
pub use radiograph::{
    Depth, DicomFacts, GreyBuffer, GreyValues, MmSource, Radiograph, Reading, Voi, file_start,
    is_dicom,
};
pub use refine::Refine;
pub use report::{BackendInfo, Landmark, ModelInfo, Report, Timings, csv, measures_csv, table};
pub use shape::{Follower, Pose, ShapeModel, distance};
