//! The serial link between the runtime and the micro-controllers of imaging equipment.
//!
//! ```text
//! Message ─Sender→ Wire, the bytes of a frame ─line→ bytes ─Receiver→ Message, or a Fault
//! ```
//!
//! Nothing is allocated, nothing blocks, and no input makes it panic. `docs/format.md` has every byte
//! with test vectors; `tests/vectors.rs` reads them from there.
#![no_std]
// What would be a panic on the micro-controller.
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
    Exposure, Heartbeat, Hello, Message, ModelId, Phase, Presentation, Reason, Refusal, Report,
    Request, Role, SPOTS, Spot, State,
};
pub use receiver::{Counts, Receiver};
pub use sender::Sender;
pub use session::{Event, HEARTBEAT_MS, HELLO_MS, SILENCE_MS, Session};
