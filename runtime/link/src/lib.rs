//! The serial protocol between the fiducia runtime and the microcontrollers of imaging equipment.
//!
//! ```text
//! Message ─Sender→ Wire, the bytes of a frame ─line→ bytes ─Receiver→ Message or Fault
//! ```
//!
//! [`Session`] adds connection state and heartbeats on top. Nothing allocates, blocks, or panics on any input.
//! `docs/format.md` specifies the protocol byte by byte, with test vectors that `tests/vectors.rs` checks.
#![no_std]
// These would panic on the microcontroller.
#![warn(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod fault;
mod message;
mod payload;
mod frame;
mod order;
mod sender;
mod receiver;
mod clock;
mod session;

pub use clock::Clock;
pub use fault::Fault;
pub use frame::{MAX_PAYLOAD, VERSION, Wire};
pub use message::{
    Exposure, Heartbeat, Hello, Landmark, MAX_LANDMARKS, Message, ModelId, OrientationIssue, Phase,
    Reason, Refusal, Report, Request, Role, State,
};
pub use receiver::{Counts, Receiver};
pub use sender::Sender;
pub use session::{Event, HEARTBEAT_MS, HELLO_MS, SILENCE_MS, Session};
