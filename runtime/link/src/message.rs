//! The messages of the protocol.

use heapless::Vec;

/// Largest number of landmarks in one [`Report`] frame; longer lists take several frames.
pub const MAX_LANDMARKS: usize = 20;

/// The first eight bytes of the SHA-256 of the model file; zeros for a device without a model.
pub type ModelId = [u8; 8];

/// A message, the content of one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
// Messages are held one at a time, and there is no heap to box the large variant on.
#[allow(clippy::large_enum_variant)]
pub enum Message {
    /// Opens a session.
    Hello(Hello),
    /// The sender is alive.
    Heartbeat(Heartbeat),
    /// The exposure line changed.
    Exposure(Exposure),
    /// Requests the landmarks of an exposure.
    Request(Request),
    /// All or some of the landmarks of an exposure.
    Report(Report),
    /// Why there is no report.
    Refusal(Refusal),
}

/// Introduces the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// What the sender is.
    pub role: Role,
    /// Whether this answers a hello. Answers are not answered.
    pub answer: bool,
    /// Software version of the sender: major, minor, patch.
    pub software: [u8; 3],
    /// The model that the sender runs.
    pub model: ModelId,
    /// Number of landmarks of that model.
    pub landmarks: u16,
}

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The board that detects landmarks.
    Runtime,
    /// Shows or records reports.
    Display,
    /// Moves the collimator.
    Collimator,
    /// Watches the exposure line.
    Trigger,
    /// Anything else.
    Other(u8),
}

/// Sent periodically, with the reception statistics of the sender since its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Time since the sender started, ms; wraps after 49 days.
    pub uptime_ms: u32,
    /// State of the sender.
    pub state: State,
    /// Frames received intact.
    pub accepted: u32,
    /// Damaged frames.
    pub damaged: u32,
    /// Frames missing by their sequence numbers, damaged ones included.
    pub lost: u32,
}

/// State of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not ready yet.
    Starting,
    /// Idle.
    Ready,
    /// A detection runs.
    Busy,
    /// In its safe state, for example with the blades open.
    Safe,
    /// Anything else.
    Other(u8),
}

/// The exposure line changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// Number of the exposure, chosen by the sender, not 0.
    pub exposure: u32,
    /// Whether radiation started or ended.
    pub phase: Phase,
    /// Time by the clock of the sender, µs since its start.
    pub time_us: u64,
}

/// An edge of the exposure line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Radiation starts.
    Start,
    /// Radiation ends.
    End,
}

/// Requests the landmarks of an exposure. May be repeated: an exposure is analysed only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Number of the exposure as in [`Exposure`]; 0 for the newest image.
    pub exposure: u32,
    /// Time-out of the answer, ms from the request; 0 for the default of the runtime.
    pub timeout_ms: u16,
}

/// Landmarks of an exposure: those from index `first` on, of `total`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// As in the request.
    pub exposure: u32,
    /// The model that found them. It defines the meaning of a list index.
    pub model: ModelId,
    /// False: the image does not look like the images that the model was trained on. There are no landmarks then.
    pub plausible: bool,
    /// The likely orientation issue of an implausible image.
    pub orientation_issue: OrientationIssue,
    /// Time from the arrival of the request to the report, ms; saturates at 65,535.
    pub taken_ms: u16,
    /// Number of landmarks in all reports of this exposure.
    pub total: u16,
    /// Index of the first of `landmarks` in the landmark list of the model.
    pub first: u16,
    /// The landmarks.
    pub landmarks: Vec<Landmark, MAX_LANDMARKS>,
}

/// One landmark. Lengths are mm/100 in the detector plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landmark {
    /// Position to the right of the centre of the top-left pixel, mm/100.
    pub x: i32,
    /// Position below it, mm/100.
    pub y: i32,
    /// Expected radial error, mm/100, rounded up; saturates at 65,535.
    pub expected_error: u16,
    /// False: low confidence, do not rely on it.
    pub confident: bool,
}

/// The orientation issue that was detected in an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrientationIssue {
    /// None, or unknown.
    Unspecified,
    /// Inverted grey values: bone is dark.
    Inverted,
    /// Mirrored left to right.
    Mirrored,
    /// Inverted and mirrored.
    InvertedMirrored,
    /// Rotated clockwise by 90 degrees.
    Turned90,
    /// Rotated by 180 degrees.
    Turned180,
    /// Rotated anticlockwise by 90 degrees.
    Turned270,
    /// Anything else.
    Other(u8),
}

/// Why there is no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Number of the exposure; 0 for none, or for a request for the newest image.
    pub exposure: u32,
    /// The reason.
    pub reason: Reason,
}

/// Why there is no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// An intact frame that the sender cannot interpret: unknown kind or invalid payload.
    Malformed,
    /// No image arrived in time.
    NoImage,
    /// The image cannot be read, or is empty.
    Unreadable,
    /// Another exposure is being analysed.
    Busy,
    /// The exposure was not announced.
    UnknownExposure,
    /// The detection failed for an internal reason.
    Failed,
    /// Anything else.
    Other(u8),
}
