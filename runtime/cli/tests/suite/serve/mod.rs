//! `fiducia serve` as its peers see it: the program itself, over network connections.
//!
//! Waits have time limits so that every test ends; no test checks how long something takes.

mod node;
mod peer;
mod archive;
mod exchange;
mod queue;
mod hostile;
mod tls;
mod pages;
mod latency;
