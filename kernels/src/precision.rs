//! The number format of a network.

/// The number format of the values between layers. Weights and sums are `f32` unless stated otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 4 bytes, 24 bits of mantissa.
    #[default]
    F32,
    /// 2 bytes, 11 bits of mantissa, 65,504 at most.
    F16,
    /// 4 bytes; but large products are computed with 8-bit integers.
    Int8,
}

impl Precision {
    /// `f32`, `f16` or `int8`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Int8 => "int8",
        }
    }
}
