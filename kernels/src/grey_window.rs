//! The grey window of an image: the levels below and above which a small share of its pixels lies.

/// The brightest `1 / WHITE_PART` of the grey window counts as white.
const WHITE_PART: u16 = 64;

/// What a histogram says about an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GreyWindow {
    /// Lower end of the window.
    pub low: u16,
    /// Upper end of the window, not below the lower.
    pub high: u16,
    /// Levels inside the window that occur.
    pub levels: u32,
    /// Pixels that are as good as white.
    pub white: u64,
}

/// Adds the pixels of each level to its bin; `bins` holds 65,536.
pub fn histogram(pixels: &[u16], bins: &mut [u32]) {
    for &v in pixels {
        bins[usize::from(v)] += 1;
    }
}

/// The window beyond whose ends at most `tail` pixels lie each; `bins` holds 65,536.
pub fn grey_window(bins: &[u32], tail: u32) -> GreyWindow {
    let bound = |level: &dyn Fn(usize) -> usize| {
        let mut seen = 0;
        let found = (0..bins.len()).map(level).find(|&v| {
            seen += bins[v];
            seen > tail
        });
        found.unwrap_or(0) as u16
    };
    let (low, high) = (bound(&|i| i), bound(&|i| bins.len() - 1 - i));
    let high = high.max(low);
    let white = usize::from(high - (high - low) / WHITE_PART);
    GreyWindow {
        low,
        high,
        levels: bins[low.into()..=high.into()].iter().filter(|&&n| n > 0).count() as u32,
        white: bins[white..].iter().map(|&n| u64::from(n)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_out_the_tails() {
        let mut bins = [0; 1 << 16];
        histogram(&[5, 5, 7, 7, 7, 900, 900, 40_000], &mut bins);
        let found = grey_window(&bins, 1);
        assert_eq!(found, GreyWindow { low: 5, high: 900, levels: 3, white: 3 });
        assert_eq!(grey_window(&bins, 0).high, 40_000);
    }
}
