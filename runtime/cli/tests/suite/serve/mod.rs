//! `fiducia serve` as its peers see it: the program itself, over connections.
//!
//! Waits have limits so that a test ends; nothing here is measured by the time it takes.

mod node;
mod peer;
mod archive;
mod exchange;
mod queue;
mod hostile;
mod tls;
mod pages;
mod latency;
