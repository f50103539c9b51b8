//! The time of each shader in a profile, compared with the roofline bound of the device.

use fiducia_kernels::gpu::{KERNELS, MeasuredPeak};

use super::StepTime;

/// All steps of one shader.
#[derive(Clone, Debug, PartialEq)]
pub struct ShaderTime {
    /// Name of the shader.
    pub kernel: &'static str,
    /// How many steps it has.
    pub steps: usize,
    /// Time on the device, ms.
    pub ms: f64,
    /// Multiplications and additions of convolutions and matrix products.
    pub flops: u64,
    /// Bytes that have to be read and written at least.
    pub bytes: u64,
    /// The roofline bound of these steps, ms.
    pub bound_ms: f64,
}

impl StepTime {
    /// The roofline bound of this step on a device with this peak, ms: the longer of moving its bytes through memory and
    /// doing its operations. Where caches hold the bytes the step may be faster.
    pub fn bound_ms(&self, peak: &MeasuredPeak) -> f64 {
        let int8 = KERNELS.iter().any(|kernel| kernel.int8 && kernel.name == self.kernel);
        peak.bound_ms(self.flops, self.bytes, int8)
    }
}

/// The sums for each shader, the longest time first.
pub fn by_shader(steps: &[StepTime], peak: &MeasuredPeak) -> Vec<ShaderTime> {
    let mut shaders: Vec<ShaderTime> = Vec::new();
    for step in steps {
        let at = shaders.iter().position(|s| s.kernel == step.kernel).unwrap_or(shaders.len());
        if at == shaders.len() {
            let kernel = step.kernel;
            shaders.push(ShaderTime {
                kernel,
                steps: 0,
                ms: 0.0,
                flops: 0,
                bytes: 0,
                bound_ms: 0.0,
            });
        }
        let shader = &mut shaders[at];
        shader.steps += 1;
        shader.ms += step.ms;
        shader.flops += step.flops;
        shader.bytes += step.bytes;
        shader.bound_ms += step.bound_ms(peak);
    }
    shaders.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    shaders
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEAK: MeasuredPeak = MeasuredPeak {
        by_clock: true,
        copy: 1e9,
        copied: 0,
        copy_again: 1e9,
        f32: 1e9,
        f16: None,
        int8: 4e9,
        dispatch_ms: 0.0,
        submit_ms: 0.0,
    };

    fn step(kernel: &'static str, ms: f64, flops: u64, bytes: u64) -> StepTime {
        StepTime { kernel, label: String::new(), ms, flops, bytes }
    }

    #[test]
    fn bounds_are_of_steps_and_added_up_for_shaders() {
        let steps = [
            step("elementwise", 2.5, 0, 1_000_000),
            step("conv", 3.0, 2_000_000, 500_000),
            step("conv", 4.0, 1_000_000, 3_000_000),
            step("conv_int8", 1.0, 8_000_000, 1_000_000),
        ];
        // The bound of both convolutions together would be 3.5 ms of bytes: each step has its own bound.
        assert_eq!(steps.each_ref().map(|s| s.bound_ms(&PEAK)), [1.0, 2.0, 3.0, 2.0]);
        let shaders = by_shader(&steps, &PEAK);
        let kernels: Vec<&str> = shaders.iter().map(|s| s.kernel).collect();
        assert_eq!(kernels, ["conv", "elementwise", "conv_int8"]);
        let conv = &shaders[0];
        assert_eq!((conv.steps, conv.ms, conv.bound_ms), (2, 7.0, 5.0));
        assert_eq!((conv.flops, conv.bytes), (3_000_000, 3_500_000));
    }
}
