//! Memory whose first value starts a line of the cache: a vector that lies across two lines takes twice as long to read.

extern crate std;
use core::ops::{Deref, DerefMut};
use std::{vec, vec::Vec};

/// A line of the cache, and the longest vector, bytes.
const LINE: usize = 64;
/// Values in it.
const SLACK: usize = LINE / size_of::<f32>();

/// Values that start at a line of the cache.
#[derive(Debug, Default)]
pub struct Aligned {
    memory: Vec<f32>,
    len: usize,
}

impl Aligned {
    /// None.
    pub const fn new() -> Self {
        Self { memory: Vec::new(), len: 0 }
    }

    /// So many zeros, which take no memory until they are written.
    pub fn zeros(len: usize) -> Self {
        Self { memory: vec![0.0; len + SLACK], len }
    }

    /// Makes it `len` values, of which those that were not there before are zero and the others anything.
    pub fn resize(&mut self, len: usize) {
        if self.memory.len() < len + SLACK {
            self.memory.resize(len + SLACK, 0.0);
        }
        self.len = len;
    }

    fn start(&self) -> usize {
        // Where a pointer cannot be aligned, any start will do.
        self.memory.as_ptr().align_offset(LINE).min(SLACK)
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        self.memory.get(self.start()..).map_or(&[], |values| &values[..self.len])
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        let (start, len) = (self.start(), self.len);
        self.memory.get_mut(start..).map_or(&mut [], |values| &mut values[..len])
    }
}

impl From<Vec<f32>> for Aligned {
    fn from(values: Vec<f32>) -> Self {
        let mut aligned = Self::zeros(values.len());
        aligned.copy_from_slice(&values);
        aligned
    }
}
