//! What is said over the link.

use heapless::Vec;

/// Most landmarks in one [`Report`] frame; more come in several.
pub const SPOTS: usize = 20;

/// The first eight bytes of the SHA-256 of the model's file; zeros where there is no model.
pub type ModelId = [u8; 8];

/// One message, the content of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
// Held one at a time, and there is no heap to put the large one on.
#[allow(clippy::large_enum_variant)]
pub enum Message {
    /// Opens a session.
    Hello(Hello),
    /// The sender lives.
    Heartbeat(Heartbeat),
    /// The exposure line changed.
    Exposure(Exposure),
    /// Asks for the landmarks of an exposure.
    Request(Request),
    /// Landmarks of an exposure, all or some.
    Report(Report),
    /// Why there will be no report.
    Refusal(Refusal),
}

/// Who is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// What the sender is.
    pub role: Role,
    /// Whether this answers a hello: an answer is not answered.
    pub answer: bool,
    /// Version of the sender's software: major, minor, patch.
    pub software: [u8; 3],
    /// The model that the sender runs.
    pub model: ModelId,
    /// Number of landmarks of that model.
    pub landmarks: u16,
}

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The board that finds landmarks.
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

/// A sign of life, with what the sender has received so far in this session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Time since the sender started, ms; wraps after 49 days.
    pub uptime_ms: u32,
    /// What the sender does.
    pub state: State,
    /// Frames accepted.
    pub accepted: u32,
    /// Pieces of the line that were no whole frame.
    pub damaged: u32,
    /// Frames that did not arrive whole.
    pub lost: u32,
}

/// What a device does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not usable yet.
    Starting,
    /// Waits for something to do.
    Ready,
    /// A detection runs.
    Busy,
    /// In its safe state.
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
    /// When, by the clock of the sender, µs since it started.
    pub time_us: u64,
}

/// Which edge of the exposure line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Radiation starts.
    Start,
    /// Radiation ends.
    End,
}

/// Asks for the landmarks of an exposure. May be repeated: an exposure is looked at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Number of the exposure as in [`Exposure`]; 0 for the newest image, whatever it is.
    pub exposure: u32,
    /// How long the answer is of use, ms from the request; 0 leaves it to the runtime.
    pub patience_ms: u16,
}

/// Landmarks of an exposure: those from `first` on, of `total`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// As in the request.
    pub exposure: u32,
    /// The model that found them: what a place in the list means depends on it.
    pub model: ModelId,
    /// False: the image is unlike what the model was made for; there are no landmarks then.
    pub plausible: bool,
    /// How an implausible image seems to be presented.
    pub presentation: Presentation,
    /// Time from the arrival of the request to the report, ms; at most 65,535.
    pub taken_ms: u16,
    /// Number of landmarks in all reports of this exposure.
    pub total: u16,
    /// Place of the first of `spots` in the list of the model's landmarks.
    pub first: u16,
    /// The landmarks.
    pub spots: Vec<Spot, SPOTS>,
}

/// One landmark. Lengths are hundredths of a millimetre.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Position from the centre of the top-left pixel to the right, mm/100.
    pub x: i32,
    /// Position down, mm/100.
    pub y: i32,
    /// Expected radial error, mm/100; 65,535 for this or more.
    pub expected_error: u16,
    /// False: not to be relied on.
    pub confident: bool,
}

/// How an image seems to be presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presentation {
    /// Rightly, or nothing that is known.
    Unnamed,
    /// Bone is dark.
    Inverted,
    /// Left and right are exchanged.
    Mirrored,
    /// Both.
    InvertedMirrored,
    /// Turned clockwise by 90 degrees.
    Turned90,
    /// Upside down.
    Turned180,
    /// Turned anticlockwise by 90 degrees.
    Turned270,
    /// Anything else.
    Other(u8),
}

/// Why there will be no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which exposure it is about; 0 for none, or for a request of the newest image.
    pub exposure: u32,
    /// Why.
    pub reason: Reason,
}

/// Why there will be no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A whole frame that the sender cannot make sense of: its kind or its payload.
    Senseless,
    /// No image came in time.
    NoImage,
    /// The image cannot be read, or has nothing in it.
    Unreadable,
    /// Another exposure is being looked at.
    Busy,
    /// No such exposure was announced.
    UnknownExposure,
    /// The detection failed, through no fault of the image.
    Failed,
    /// Anything else.
    Other(u8),
}
