//! Finds anatomical landmarks on X-ray images.
//!
//! ```text
//! Radiograph ─preprocess→ Input ─backbone, once→ coarse HeatMaps ─peak→ coarse points
//!   ─shape→ pose ─preprocess→ regions of interest ─refine, all landmarks at once→ fine HeatMaps
//!   ─peak→ landmarks ─shape→ plausibility ─report→ Report
//! ```
//!
//! ```
//! use std::path::Path;
//!
//! use fiducia::{Backend, Detector, Pack, Radiograph};
//!
//! # fn main() -> Result<(), fiducia::Error> {
//! # let models = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"));
//! let pack = Pack::open(&models.join("head.fid"))?;
//! let mut detector = Detector::new(&pack, Backend::Cpu)?;
//! let radiograph = Radiograph::open(&models.join("demo.png"), Some([0.2, 0.2]))?;
//! print!("{}", fiducia::report::table(&detector.detect(&radiograph)?));
//! # Ok(())
//! # }
//! ```
//!
//! Coordinates of an image: `(0, 0)` is the centre of the top-left pixel, x to the right, y down;
//! `mm = px · spacing`, with its own spacing for x and y.

// Users import from the root; modules of this crate import each other by path.
pub mod error;
pub mod atomic;
pub mod radiograph;
pub mod orientation;
pub mod shape;
pub mod pack;
pub mod preprocess;
pub mod engine;
pub mod landmark;
pub mod cephalometry;
pub mod report;
pub mod detector;
pub mod overlay;
#[cfg(feature = "results")]
pub mod results;

pub use detector::Detector;
pub use engine::{Backend, BackendInfo, DetectorOptions};
pub use error::{Error, ErrorKind};
pub use fiducia_kernels::Precision;
#[cfg(feature = "gpu")]
pub use fiducia_kernels::gpu::{Adapter, Counters, MeasuredPeak, adapters};
pub use landmark::Landmark;
pub use orientation::OrientationIssue;
pub use overlay::overlay;
pub use pack::{Pack, Patch, PublicKey};
pub use radiograph::{Depth, GreyBuffer, MmSource, Radiograph, Reading};
pub use report::Report;
