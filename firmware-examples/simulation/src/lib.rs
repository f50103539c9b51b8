//! Runs an example on the host, against a simulated runtime and clock.

use device::{Device, milliseconds};
use fiducia_link::{Event, Hello, Message, ModelId, Role, Session, State};

/// Time step, µs.
const STEP_US: u64 = 5_000;

/// A device, the serial line, and the runtime at its other end.
pub struct Simulation<D> {
    /// The example.
    pub device: D,
    /// False: no byte passes in either direction.
    pub connected: bool,
    /// Lines that the device has shown.
    pub lines: Vec<String>,
    /// Messages that the device has sent, without heartbeats.
    pub messages: Vec<Message>,
    runtime: Session,
    now_us: u64,
}

impl<D: Device> Simulation<D> {
    /// Both ends, just switched on; the model of the runtime has `landmarks` landmarks.
    pub fn new(device: D, model: ModelId, landmarks: u16) -> Self {
        let hello =
            Hello { role: Role::Runtime, answer: false, software: [0, 1, 0], model, landmarks };
        let runtime = Session::new(hello, 0);
        Self { device, connected: true, lines: vec![], messages: vec![], runtime, now_us: 0 }
    }

    /// Time since the start, µs.
    pub fn now_us(&self) -> u64 {
        self.now_us
    }

    /// Advances the clock.
    pub fn run(&mut self, time_ms: u64) {
        let until = self.now_us.saturating_add(time_ms.saturating_mul(1000));
        while self.now_us < until {
            self.step();
            self.now_us = self.now_us.saturating_add(STEP_US);
        }
    }

    /// Changes the input of the device.
    pub fn input(&mut self, active: bool) {
        self.device.input(active, self.now_us);
        self.run(10);
    }

    /// Sends a message from the runtime.
    pub fn send(&mut self, message: &Message) {
        if let Some(wire) = self.runtime.frame(message) {
            self.deliver(&wire);
        }
        self.run(10);
    }

    /// Sends a message from the runtime, and disconnects the line in the middle of its frame.
    pub fn send_half(&mut self, message: &Message) {
        if let Some(wire) = self.runtime.frame(message) {
            let (half, _) = wire.split_at(wire.len() / 2);
            self.deliver(half);
        }
        self.connected = false;
    }

    /// Restarts the runtime.
    pub fn restart_runtime(&mut self, hello: Hello) {
        self.runtime = Session::new(hello, milliseconds(self.now_us));
    }

    /// Takes the lines that the device has shown so far.
    pub fn shown(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    /// Takes the messages that the device has sent so far.
    pub fn sent(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.messages)
    }

    fn step(&mut self) {
        let now_ms = milliseconds(self.now_us);
        while let Some(wire) = self.runtime.poll(State::Ready, now_ms) {
            self.deliver(&wire);
        }
        while let Some(wire) = self.device.poll(self.now_us) {
            let bytes: &[u8] = if self.connected { &wire } else { &[] };
            for &byte in bytes {
                if let Some(Event::Message(message)) = self.runtime.receive(byte, now_ms) {
                    self.messages.push(message);
                }
            }
        }
        self.show();
    }

    fn deliver(&mut self, wire: &[u8]) {
        let bytes = if self.connected { wire } else { &[] };
        bytes.iter().for_each(|&byte| self.device.receive(byte, self.now_us));
        self.show();
    }

    fn show(&mut self) {
        while let Some(line) = self.device.show() {
            self.lines.push(line.as_str().to_owned());
        }
    }
}
