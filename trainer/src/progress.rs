//! Progress bars on the terminal, one per stage.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Creates the progress bars of one run.
#[derive(Clone, Debug)]
pub struct Progress {
    bars: MultiProgress,
}

impl Progress {
    /// Bars on standard error; `indicatif` hides them where it is not a terminal.
    pub fn terminal() -> Self {
        Self { bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()) }
    }

    /// No bars.
    pub fn hidden() -> Self {
        Self { bars: MultiProgress::with_draw_target(ProgressDrawTarget::hidden()) }
    }

    /// A bar for `count` items of `stage`.
    pub fn bar(&self, stage: &str, count: usize) -> ProgressBar {
        let style = ProgressStyle::with_template(
            "{prefix:>10} {bar:30} {pos}/{len} {elapsed} (left {eta}) {msg}",
        );
        let bar = self.bars.add(ProgressBar::new(count as u64)).with_prefix(stage.to_owned());
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar
    }
}
