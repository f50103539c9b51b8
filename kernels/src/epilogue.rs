//! What happens to a finished sum: activation, and the skip connection before or after it.

use crate::math;

/// A function of one value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// The value itself.
    #[default]
    None,
    /// Between two limits: ReLU, ReLU6, clip.
    Clamp(f32, f32),
    /// `1 / (1 + exp(−v))`.
    Sigmoid,
    /// `v · sigmoid(v)`.
    Silu,
    /// `v · clamp(v / 6 + 1/2, 0, 1)`.
    HardSwish,
    /// Negative values times this.
    Leaky(f32),
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / v`.
    Reciprocal,
    /// `v²`.
    Square,
    /// `|v|`.
    Abs,
    /// Square root.
    Sqrt,
    /// Exponential.
    Exp,
}

impl Activation {
    /// One of each kind that is defined for every value: tests and the self-test draw from these.
    pub const SAMPLES: [Self; 10] = [
        Self::None,
        Self::Clamp(0.0, f32::MAX),
        Self::Clamp(0.0, 6.0),
        Self::Sigmoid,
        Self::Silu,
        Self::HardSwish,
        Self::Leaky(0.1),
        Self::Square,
        Self::Abs,
        Self::Tanh,
    ];
}

/// Where a skip connection is added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Skip {
    /// Nowhere.
    #[default]
    None,
    /// Before the activation.
    Before,
    /// After the activation.
    After,
}

/// Activation and skip connection, as the shaders read them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "gpu", derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Epilogue {
    activation: u32,
    low: f32,
    high: f32,
    residual: u32,
}

impl Epilogue {
    /// Applies `activation`, and a skip connection at `skip`.
    pub fn new(activation: Activation, skip: Skip) -> Self {
        let (activation, low, high) = match activation {
            Activation::None => (0, 0.0, 0.0),
            Activation::Clamp(low, high) => (1, low, high),
            Activation::Sigmoid => (2, 0.0, 0.0),
            Activation::Silu => (3, 0.0, 0.0),
            Activation::HardSwish => (4, 0.0, 0.0),
            Activation::Leaky(slope) => (5, slope, 0.0),
            Activation::Tanh => (7, 0.0, 0.0),
            Activation::Reciprocal => (8, 0.0, 0.0),
            Activation::Square => (9, 0.0, 0.0),
            Activation::Abs => (10, 0.0, 0.0),
            Activation::Sqrt => (11, 0.0, 0.0),
            Activation::Exp => (12, 0.0, 0.0),
        };
        let residual = match skip {
            Skip::None => 0,
            Skip::Before => 1,
            Skip::After => 2,
        };
        Self { activation, low, high, residual }
    }

    /// The activation of `v`.
    pub fn activate(&self, v: f32) -> f32 {
        match self.activation {
            1 => v.max(self.low).min(self.high),
            2 => 1.0 / (1.0 + math::expf(-v)),
            3 => v / (1.0 + math::expf(-v)),
            4 => v * (v / 6.0 + 0.5).clamp(0.0, 1.0),
            5 => {
                if v >= 0.0 {
                    v
                } else {
                    v * self.low
                }
            }
            7 => {
                let e = math::expf(2.0 * v.clamp(-15.0, 15.0));
                (e - 1.0) / (e + 1.0)
            }
            8 => 1.0 / v,
            9 => v * v,
            10 => v.abs(),
            11 => math::sqrtf(v),
            12 => math::expf(v),
            0 => v,
            // No activation has this number: a comparison with anything fails.
            _ => f32::NAN,
        }
    }

    /// The activation of the sum `v`, and `skip` where it belongs.
    pub fn finish(&self, v: f32, skip: f32) -> f32 {
        match self.residual {
            1 => self.activate(v + skip),
            2 => self.activate(v) + skip,
            _ => self.activate(v),
        }
    }

    /// The limits that a sum is held between, and where a skip connection is added; `None` where the activation is
    /// anything else.
    #[cfg(feature = "simd")]
    pub(crate) fn as_clamp(&self) -> Option<(f32, f32, Skip)> {
        let (low, high) = match self.activation {
            0 => (f32::NEG_INFINITY, f32::INFINITY),
            1 => (self.low, self.high),
            _ => return None,
        };
        let skip = match self.residual {
            0 => Skip::None,
            1 => Skip::Before,
            _ => Skip::After,
        };
        Some((low, high, skip))
    }

    /// Whether a skip connection is read.
    pub fn has_skip(&self) -> bool {
        self.residual != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_have_every_activation_that_is_defined_for_all_values() {
        let kinds = Activation::SAMPLES.map(|sample| {
            for v in [-3.0, 0.0, 3.0] {
                assert!(Epilogue::new(sample, Skip::None).activate(v).is_finite(), "{sample:?}");
            }
            // A new one belongs here and in the list above.
            match sample {
                Activation::None => 0,
                Activation::Clamp(..) => 1,
                Activation::Sigmoid => 2,
                Activation::Silu => 3,
                Activation::HardSwish => 4,
                Activation::Leaky(_) => 5,
                Activation::Tanh => 6,
                Activation::Square => 7,
                Activation::Abs => 8,
                Activation::Reciprocal | Activation::Sqrt | Activation::Exp => 9,
            }
        });
        assert!((0..9).all(|kind| kinds.contains(&kind)) && !kinds.contains(&9), "{kinds:?}");
    }

    #[test]
    fn the_skip_stands_before_or_after() {
        let relu = Activation::Clamp(0.0, f32::MAX);
        assert_eq!(Epilogue::new(relu, Skip::Before).finish(-2.0, 1.0), 0.0);
        assert_eq!(Epilogue::new(relu, Skip::After).finish(-2.0, 1.0), 1.0);
        assert_eq!(Epilogue::new(relu, Skip::None).finish(3.0, 1.0), 3.0);
    }
}
