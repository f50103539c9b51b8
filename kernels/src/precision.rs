//! How the numbers of a network are kept.

/// The form of weights and of what layers hand on. Sums are `f32` in either form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 4 bytes, 24 bits of mantissa.
    #[default]
    F32,
    /// 2 bytes, 11 bits of mantissa, 65,504 at most.
    F16,
}

impl Precision {
    /// `f32` or `f16`, as WGSL calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        }
    }
}
