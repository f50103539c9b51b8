//! The grey window of an image: the grey levels between which nearly all its pixels lie.

use fiducia_kernels::{GreyWindow, grey_window, histogram};

/// Fraction of the pixels that may lie beyond each end of the window.
const WINDOW_TAIL: f64 = 0.001;

/// `[low, high]` grey levels of the window.
pub(crate) fn window(pixels: &[u16]) -> [u16; 2] {
    let found = window_of(pixels);
    [found.low, found.high]
}

pub(crate) fn window_of(pixels: &[u16]) -> GreyWindow {
    let mut bins = vec![0; 1 << 16];
    histogram(pixels, &mut bins);
    grey_window(&bins, tail(pixels.len()))
}

/// How many of `count` pixels may lie beyond each end of the window.
pub(crate) fn tail(count: usize) -> u32 {
    (count as f64 * WINDOW_TAIL) as u32
}
