//! One value of two, read through views: sums, products, copies, and with them broadcasting,
//! transposition, slicing, nearest-neighbour upsampling and depth-to-space.

use crate::epilogue::Epilogue;

/// Axes of a view at most.
pub const MAX_AXES: usize = 8;

/// What is done with two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The first value.
    Copy,
    /// `a + b`.
    Add,
    /// `a − b`.
    Sub,
    /// `a · b`.
    Mul,
    /// `a / b`.
    Div,
    /// The larger.
    Max,
    /// The smaller.
    Min,
}

/// How a tensor is read: place `i` along an axis lies at `i / divisor · stride`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "gpu", derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Axes {
    /// Distance of two values, values.
    pub stride: [u32; MAX_AXES],
    /// Places that read the same value.
    pub divisor: [u32; MAX_AXES],
}

/// Shape and views of an element-wise step, as the shader reads them.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "gpu", derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Elementwise {
    /// Number of results.
    pub count: u32,
    operation: u32,
    /// Where the first value of `a` lies.
    pub offset_a: u32,
    /// Where the first value of `b` lies.
    pub offset_b: u32,
    /// Where the first result goes.
    pub offset_out: u32,
    pad: [u32; 3],
    /// Size along each axis, the slowest first; unused axes are 1.
    pub shape: [u32; MAX_AXES],
    /// How `a` is read.
    pub a: Axes,
    /// How `b` is read.
    pub b: Axes,
    /// Distance of two results along each axis, values.
    pub stride_out: [u32; MAX_AXES],
    /// Activation of the result; no skip connection.
    pub epilogue: Epilogue,
}

impl Elementwise {
    /// A step over `shape` with operands that both lie in row-major order, as the result does.
    pub fn new(operation: Operation, shape: [u32; MAX_AXES], epilogue: Epilogue) -> Self {
        let mut stride = [1; MAX_AXES];
        for axis in (1..MAX_AXES).rev() {
            stride[axis - 1] = stride[axis] * shape[axis];
        }
        let view = Axes { stride, divisor: [1; MAX_AXES] };
        Self {
            count: shape.iter().product(),
            operation: operation as u32,
            offset_a: 0,
            offset_b: 0,
            offset_out: 0,
            pad: [0; 3],
            shape,
            a: view,
            b: view,
            stride_out: stride,
            epilogue,
        }
    }
}

/// Writes all results into `out`; `b` may be empty for [`Operation::Copy`].
pub fn elementwise(p: &Elementwise, a: &[f32], b: &[f32], out: &mut [f32]) {
    for index in 0..p.count {
        let (mut rest, mut at_a, mut at_b, mut at_out) =
            (index, p.offset_a, p.offset_b, p.offset_out);
        for axis in (0..MAX_AXES).rev() {
            let place = rest % p.shape[axis];
            rest /= p.shape[axis];
            at_a += place / p.a.divisor[axis] * p.a.stride[axis];
            at_b += place / p.b.divisor[axis] * p.b.stride[axis];
            at_out += place * p.stride_out[axis];
        }
        let v = a[at_a as usize];
        let w = b.get(at_b as usize).copied().unwrap_or(0.0);
        let result = match p.operation {
            1 => v + w,
            2 => v - w,
            3 => v * w,
            4 => v / w,
            5 => v.max(w),
            6 => v.min(w),
            _ => v,
        };
        out[at_out as usize] = p.epilogue.activate(result);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_divisor_repeats_and_a_stride_transposes() {
        let mut p = Elementwise::new(Operation::Add, [1, 1, 1, 1, 1, 1, 2, 4], Epilogue::default());
        p.a.divisor[7] = 2;
        p.a.stride = [0, 0, 0, 0, 0, 0, 2, 1];
        p.b.stride = [0, 0, 0, 0, 0, 0, 1, 2];
        let b: [f32; 8] = core::array::from_fn(|i| 10.0 * i as f32);
        let mut out = [0.0; 8];
        elementwise(&p, &[1.0, 2.0, 3.0, 4.0], &b, &mut out);
        assert_eq!(out, [1.0, 21.0, 42.0, 62.0, 13.0, 33.0, 54.0, 74.0]);
    }
}
