//! Encoding of payloads: the tables of `docs/format.md`, in the same order.

use heapless::Vec;

use crate::{
    Exposure, Fault, Heartbeat, Hello, Landmark, MAX_PAYLOAD, Message, ModelId, OrientationIssue,
    Phase, Reason, Refusal, Report, Request, Role, State,
};

/// The payload of a frame.
pub(crate) type Payload = Vec<u8, MAX_PAYLOAD>;

const HELLO: u8 = 1;
const HEARTBEAT: u8 = 2;
const EXPOSURE: u8 = 3;
const REQUEST: u8 = 4;
const REPORT: u8 = 5;
const REFUSAL: u8 = 6;

/// Flag of [`Hello`].
const ANSWER: u8 = 1;
/// Flag of [`Report`].
const PLAUSIBLE: u8 = 1;
/// Flag of [`Landmark`].
const CONFIDENT: u8 = 1;

/// Whether a frame of this kind opens a session.
pub(crate) fn opens(kind: u8) -> bool {
    kind == HELLO
}

/// Kind and payload of a message; `None` if it does not fit a frame. All messages of this version fit.
pub(crate) fn write(message: &Message) -> Option<(u8, Payload)> {
    let mut out = Writer(Payload::new());
    let kind = match message {
        Message::Hello(m) => hello(m, &mut out).map(|()| HELLO),
        Message::Heartbeat(m) => heartbeat(m, &mut out).map(|()| HEARTBEAT),
        Message::Exposure(m) => exposure(m, &mut out).map(|()| EXPOSURE),
        Message::Request(m) => request(m, &mut out).map(|()| REQUEST),
        Message::Report(m) => report(m, &mut out).map(|()| REPORT),
        Message::Refusal(m) => refusal(m, &mut out).map(|()| REFUSAL),
    }?;
    Some((kind, out.0))
}

/// Decodes a payload.
///
/// # Errors
/// [`Fault::Kind`] for an unknown kind, [`Fault::Payload`] for a wrong length or an invalid value.
pub(crate) fn read(kind: u8, payload: &[u8]) -> Result<Message, Fault> {
    let mut bytes = Reader(payload);
    let message = match kind {
        HELLO => read_hello(&mut bytes).map(Message::Hello),
        HEARTBEAT => read_heartbeat(&mut bytes).map(Message::Heartbeat),
        EXPOSURE => read_exposure(&mut bytes).map(Message::Exposure),
        REQUEST => read_request(&mut bytes).map(Message::Request),
        REPORT => read_report(&mut bytes).map(Message::Report),
        REFUSAL => read_refusal(&mut bytes).map(Message::Refusal),
        unknown => return Err(Fault::Kind(unknown)),
    };
    message.filter(|_| bytes.0.is_empty()).ok_or(Fault::Payload(kind))
}

fn hello(m: &Hello, out: &mut Writer) -> Option<()> {
    out.put([u8::from(m.role), if m.answer { ANSWER } else { 0 }])?;
    out.put(m.software)?;
    out.put(m.model)?;
    out.put(m.landmarks.to_le_bytes())
}

fn read_hello(bytes: &mut Reader) -> Option<Hello> {
    let [role, flags] = bytes.take()?;
    Some(Hello {
        role: role.into(),
        answer: flags & ANSWER != 0,
        software: bytes.take()?,
        model: bytes.take()?,
        landmarks: bytes.u16()?,
    })
}

fn heartbeat(m: &Heartbeat, out: &mut Writer) -> Option<()> {
    out.put(m.uptime_ms.to_le_bytes())?;
    out.put([m.state.into()])?;
    out.put(m.accepted.to_le_bytes())?;
    out.put(m.damaged.to_le_bytes())?;
    out.put(m.lost.to_le_bytes())
}

fn read_heartbeat(bytes: &mut Reader) -> Option<Heartbeat> {
    Some(Heartbeat {
        uptime_ms: bytes.u32()?,
        state: bytes.u8()?.into(),
        accepted: bytes.u32()?,
        damaged: bytes.u32()?,
        lost: bytes.u32()?,
    })
}

fn exposure(m: &Exposure, out: &mut Writer) -> Option<()> {
    out.put(m.exposure.to_le_bytes())?;
    out.put([match m.phase {
        Phase::Start => 0,
        Phase::End => 1,
    }])?;
    out.put(m.time_us.to_le_bytes())
}

fn read_exposure(bytes: &mut Reader) -> Option<Exposure> {
    let exposure = bytes.u32().filter(|&exposure| exposure != 0)?;
    let phase = match bytes.u8()? {
        0 => Phase::Start,
        1 => Phase::End,
        _ => return None,
    };
    Some(Exposure { exposure, phase, time_us: u64::from_le_bytes(bytes.take()?) })
}

fn request(m: &Request, out: &mut Writer) -> Option<()> {
    out.put(m.exposure.to_le_bytes())?;
    out.put(m.timeout_ms.to_le_bytes())
}

fn read_request(bytes: &mut Reader) -> Option<Request> {
    Some(Request { exposure: bytes.u32()?, timeout_ms: bytes.u16()? })
}

fn report(m: &Report, out: &mut Writer) -> Option<()> {
    out.put(m.exposure.to_le_bytes())?;
    out.put(m.model)?;
    out.put([if m.plausible { PLAUSIBLE } else { 0 }, m.orientation_issue.into()])?;
    out.put(m.taken_ms.to_le_bytes())?;
    out.put(m.total.to_le_bytes())?;
    out.put(m.first.to_le_bytes())?;
    m.landmarks.iter().try_for_each(|landmark| {
        out.put(landmark.x.to_le_bytes())?;
        out.put(landmark.y.to_le_bytes())?;
        out.put(landmark.expected_error.to_le_bytes())?;
        out.put([if landmark.confident { CONFIDENT } else { 0 }])
    })
}

fn read_report(bytes: &mut Reader) -> Option<Report> {
    let exposure = bytes.u32()?;
    let model: ModelId = bytes.take()?;
    let [flags, orientation_issue] = bytes.take()?;
    let mut report = Report {
        exposure,
        model,
        plausible: flags & PLAUSIBLE != 0,
        orientation_issue: orientation_issue.into(),
        taken_ms: bytes.u16()?,
        total: bytes.u16()?,
        first: bytes.u16()?,
        landmarks: Vec::new(),
    };
    while !bytes.0.is_empty() {
        let landmark = Landmark {
            x: i32::from_le_bytes(bytes.take()?),
            y: i32::from_le_bytes(bytes.take()?),
            expected_error: bytes.u16()?,
            confident: bytes.u8()? & CONFIDENT != 0,
        };
        report.landmarks.push(landmark).ok()?;
    }
    // An implausible image has no landmarks, and no frame goes beyond the last landmark.
    let end = usize::from(report.first).checked_add(report.landmarks.len())?;
    let is_in_range = end <= usize::from(report.total);
    (is_in_range && (report.plausible || report.total == 0)).then_some(report)
}

fn refusal(m: &Refusal, out: &mut Writer) -> Option<()> {
    out.put(m.exposure.to_le_bytes())?;
    out.put([m.reason.into()])
}

fn read_refusal(bytes: &mut Reader) -> Option<Refusal> {
    Some(Refusal { exposure: bytes.u32()?, reason: bytes.u8()?.into() })
}

/// Conversions between the codes on the wire and an enum; codes of later versions become `Other`.
macro_rules! codes {
    ($type:ident: $($code:literal => $name:ident),+) => {
        impl From<u8> for $type {
            fn from(code: u8) -> Self {
                match code {
                    $($code => Self::$name,)+
                    other => Self::Other(other),
                }
            }
        }

        impl From<$type> for u8 {
            fn from(meaning: $type) -> Self {
                match meaning {
                    $($type::$name => $code,)+
                    $type::Other(other) => other,
                }
            }
        }
    };
}

codes!(Role: 0 => Runtime, 1 => Display, 2 => Collimator, 3 => Trigger);
codes!(State: 0 => Starting, 1 => Ready, 2 => Busy, 3 => Safe);
codes!(OrientationIssue: 0 => Unspecified, 1 => Inverted, 2 => Mirrored, 3 => InvertedMirrored,
    4 => Turned90, 5 => Turned180, 6 => Turned270);
codes!(Reason: 1 => Malformed, 2 => NoImage, 3 => Unreadable, 4 => Busy, 5 => UnknownExposure,
    6 => Failed);

/// Appends fields to a payload.
struct Writer(Payload);

impl Writer {
    fn put<const N: usize>(&mut self, bytes: [u8; N]) -> Option<()> {
        self.0.extend_from_slice(&bytes).ok()
    }
}

/// Reads fields from the remaining bytes of a payload.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }
}
