//! The program `fiducia-train`.
fn main() {}
