//! The `fiducia` command.
fn main() {}
