//! `fiducia bench --profile`: times of the GPU's shaders and steps, compared with the measured peak of the device.

use std::fmt::Write;

use fiducia::engine::gpu::{ShaderTime, StepTime, by_shader};
use fiducia::{Detector, Error, ErrorKind, MeasuredPeak};
use serde::Serialize;

/// The steps of one image, sums by shader, and the total.
#[derive(Serialize)]
pub(super) struct Profile {
    peak: Peak,
    all: Shader,
    shaders: Vec<Shader>,
    steps: Vec<Step>,
}

/// The measured peak of the device; rates per second.
#[derive(Serialize)]
struct Peak {
    /// Whether the device's own clock measured the times.
    by_clock: bool,
    copied_bytes: usize,
    copy_bytes: f64,
    copy_again_bytes: f64,
    f32_operations: f64,
    f16_operations: Option<f64>,
    int8_operations: f64,
    /// A dispatch that depends on the previous one.
    dispatch_ms: f64,
    /// A submission and a read-back, wall time.
    submit_ms: f64,
}

/// A time and its roofline bound.
#[derive(Clone, Copy, Serialize)]
struct Bounded {
    ms: f64,
    bound_ms: f64,
    /// The bound as a fraction of the time; none if the clock showed no time.
    reached: Option<f64>,
}

#[derive(Serialize)]
struct Shader {
    kernel: String,
    steps: usize,
    #[serde(flatten)]
    time: Bounded,
    flops: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Step {
    kernel: String,
    label: String,
    #[serde(flatten)]
    time: Bounded,
    flops: u64,
    bytes: u64,
}

/// Profiles the last image of `detector`.
///
/// # Errors
/// [`ErrorKind::Usage`] if it does not run on a GPU with timestamps; else as [`Detector::measured_peak`].
pub(super) fn profile(detector: &mut Detector) -> Result<Profile, Error> {
    let no_profile = || {
        let message =
            "--profile needs a GPU with timestamps; omit it, or choose a GPU with --adapter";
        Error::new(ErrorKind::Usage, message)
    };
    let steps = detector.profile()?.ok_or_else(no_profile)?;
    let peak = detector.measured_peak()?.ok_or_else(no_profile)?;
    Ok(Profile::of(steps, &peak))
}

impl Profile {
    fn of(steps: Vec<StepTime>, peak: &MeasuredPeak) -> Self {
        let shaders: Vec<Shader> = by_shader(&steps, peak).into_iter().map(Shader::of).collect();
        let all = Shader {
            kernel: "all".to_owned(),
            steps: steps.len(),
            time: Bounded::of(
                shaders.iter().map(|s| s.time.ms).sum(),
                shaders.iter().map(|s| s.time.bound_ms).sum(),
            ),
            flops: shaders.iter().map(|s| s.flops).sum(),
            bytes: shaders.iter().map(|s| s.bytes).sum(),
        };
        let step = |s: StepTime| Step {
            kernel: s.kernel.to_owned(),
            time: Bounded::of(s.ms, s.bound_ms(peak)),
            label: s.label,
            flops: s.flops,
            bytes: s.bytes,
        };
        let steps = steps.into_iter().map(step).collect();
        Self { peak: Peak::of(peak), all, shaders, steps }
    }

    /// Writes tables of at most 100 columns; only long names of graph nodes may exceed that.
    pub(super) fn write(&self, out: &mut String) {
        self.peak.write(out);
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "\n{:<21} {:>5} {:>9} {:>8} {:>10} {:>10} {:>8}",
            "shader", "steps", "MFLOP", "MB", "ms", "bound, ms", "of peak"
        );
        for s in self.shaders.iter().chain([&self.all]) {
            let (flops, bytes) = (s.flops as f64 * 1e-6, s.bytes as f64 * 1e-6);
            let _ = writeln!(
                out,
                "{:<21} {:>5} {flops:>9.1} {bytes:>8.2} {:>10.4} {:>10.4} {:>8}",
                s.kernel,
                s.steps,
                s.time.ms,
                s.time.bound_ms,
                s.time.percent()
            );
        }
        let waits = self.all.steps as f64 * self.peak.dispatch_ms;
        let _ = writeln!(
            out,
            "\nBound (roofline): the longer of a step's memory traffic and arithmetic, at the peak of the device.\n\
             Caches can be faster. {} dependent dispatches add {waits:.4} ms.",
            self.all.steps
        );
        let _ = writeln!(
            out,
            "\n{:>10} {:>10} {:>8} {:>9} {:>8}  {:<21} layer",
            "ms", "bound, ms", "of peak", "MFLOP", "kB", "shader"
        );
        for s in &self.steps {
            let (flops, bytes) = (s.flops as f64 * 1e-6, s.bytes as f64 * 1e-3);
            let _ = writeln!(
                out,
                "{:>10.4} {:>10.4} {:>8} {flops:>9.2} {bytes:>8.0}  {:<21} {}",
                s.time.ms,
                s.time.bound_ms,
                s.time.percent(),
                s.kernel,
                s.label
            );
        }
    }
}

impl Peak {
    fn of(peak: &MeasuredPeak) -> Self {
        Self {
            by_clock: peak.by_clock,
            copied_bytes: peak.copied,
            copy_bytes: peak.copy,
            copy_again_bytes: peak.copy_again,
            f32_operations: peak.f32,
            f16_operations: peak.f16,
            int8_operations: peak.int8,
            dispatch_ms: peak.dispatch_ms,
            submit_ms: peak.submit_ms,
        }
    }

    fn write(&self, out: &mut String) {
        let _ = writeln!(out, "\nmeasured peak of this device\n");
        let mut line = |what: &str, value: String| {
            let _ = writeln!(out, "{what:<40}{value:>14}");
        };
        let large = format!("copy of {} MiB, read and written", self.copied_bytes >> 20);
        line(&large, rate(self.copy_bytes, "B/s"));
        line("repeated copy of 4 MiB", rate(self.copy_again_bytes, "B/s"));
        line("multiplications and additions, f32", rate(self.f32_operations, "op/s"));
        let f16 = self.f16_operations.map_or("none".to_owned(), |f16| rate(f16, "op/s"));
        line("the same, f16", f16);
        line("the same, dot4I8Packed", rate(self.int8_operations, "op/s"));
        line("dependent dispatch", format!("{:.2} us", 1e3 * self.dispatch_ms));
        line("submit and read-back", format!("{:.2} us", 1e3 * self.submit_ms));
    }
}

impl Bounded {
    fn of(ms: f64, bound_ms: f64) -> Self {
        Self { ms, bound_ms, reached: (ms > 0.0).then(|| bound_ms / ms) }
    }

    fn percent(&self) -> String {
        self.reached.map_or("-".to_owned(), |part| format!("{:.1} %", 100.0 * part))
    }
}

impl Shader {
    fn of(shader: ShaderTime) -> Self {
        Self {
            kernel: shader.kernel.to_owned(),
            steps: shader.steps,
            time: Bounded::of(shader.ms, shader.bound_ms),
            flops: shader.flops,
            bytes: shader.bytes,
        }
    }
}

/// A rate with three digits and its unit, such as `1.23 Top/s`.
fn rate(per_second: f64, unit: &str) -> String {
    let (prefix, scale) = match per_second {
        v if v >= 1e12 => ("T", 1e12),
        v if v >= 1e9 => ("G", 1e9),
        _ => ("M", 1e6),
    };
    let value = per_second / scale;
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$} {prefix}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_three_digits() {
        assert_eq!(rate(1.28e12, "op/s"), "1.28 Top/s");
        assert_eq!(rate(68.04e9, "B/s"), "68.0 GB/s");
        assert_eq!(rate(999.6e9, "B/s"), "1000 GB/s");
        assert_eq!(rate(3.5e6, "B/s"), "3.50 MB/s");
    }

    #[test]
    fn a_profile_adds_up_and_fits_a_hundred_columns() {
        let peak = MeasuredPeak {
            by_clock: true,
            copy: 1e12,
            copied: 256 << 20,
            copy_again: 5e12,
            f32: 1e12,
            f16: None,
            int8: 4e12,
            dispatch_ms: 0.003,
            submit_ms: 0.05,
        };
        let step = |kernel, ms, flops, bytes| StepTime {
            kernel,
            label: "backbone conv87".to_owned(),
            ms,
            flops,
            bytes,
        };
        let steps = vec![
            step("matmul_vec4_int8", 9000.0, 16_000_000_000, 999_000_000),
            step("conv", 1000.0, 1_000_000_000, 999_000_000),
            step("elementwise", 0.0, 0, 1_000),
        ];
        let profile = Profile::of(steps, &peak);
        assert!((profile.all.time.bound_ms - 5.0).abs() < 1e-3, "{}", profile.all.time.bound_ms);
        assert_eq!((profile.all.time.ms, profile.all.steps), (10_000.0, 3));
        assert_eq!(profile.shaders[0].time.reached, Some(4.0 / 9000.0));
        assert_eq!(profile.shaders[2].time.reached, None);
        let mut text = String::new();
        profile.write(&mut text);
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert!(text.contains("0.1 %") && text.contains("1.00 TB/s"), "{text}");
    }
}
