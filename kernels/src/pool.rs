//! Largest or mean value of a window of each plane.

/// What is taken from a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// The largest value.
    Max,
    /// The sum.
    Sum,
    /// The mean over the pixels inside the plane.
    MeanInside,
    /// The sum over the size of the window, pixels outside counting as zero.
    Mean,
}

/// Sizes of a pooling, as the shader reads them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "gpu", derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Pool {
    /// Height of the input, px.
    pub in_height: u32,
    /// Width of the input, px.
    pub in_width: u32,
    /// Height of the output, px.
    pub out_height: u32,
    /// Width of the output, px.
    pub out_width: u32,
    /// Height of the window, px.
    pub kernel_height: u32,
    /// Width of the window, px.
    pub kernel_width: u32,
    /// Input rows per output row.
    pub stride_y: u32,
    /// Input columns per output column.
    pub stride_x: u32,
    /// Rows of nothing above the input.
    pub pad_y: u32,
    /// Columns of nothing left of the input.
    pub pad_x: u32,
    /// What is taken; see [`Pool::taking`].
    pub kind: u32,
    /// Planes, of all images together.
    pub planes: u32,
}

impl Pool {
    /// The same sizes with another thing to take.
    #[must_use]
    pub fn taking(self, kind: PoolKind) -> Self {
        let kind = match kind {
            PoolKind::Max => 0,
            PoolKind::Sum => 1,
            PoolKind::MeanInside => 2,
            PoolKind::Mean => 3,
        };
        Self { kind, ..self }
    }
}

/// Fills `out` `[planes, out_height, out_width]` from `input` `[planes, in_height, in_width]`.
pub fn pool(p: &Pool, input: &[f32], out: &mut [f32]) {
    let [in_height, in_width, out_height, out_width] =
        [p.in_height, p.in_width, p.out_height, p.out_width].map(|v| v as usize);
    let span = |place: usize, stride: u32, pad: u32, kernel: u32, size: usize| {
        let start = place * stride as usize;
        let first = start.saturating_sub(pad as usize);
        (first, (start + kernel as usize).saturating_sub(pad as usize).min(size))
    };
    for (at, cell) in out.iter_mut().enumerate() {
        let (x, y) = (at % out_width, at / out_width % out_height);
        let plane = at / (out_width * out_height);
        let (first_y, end_y) = span(y, p.stride_y, p.pad_y, p.kernel_height, in_height);
        let (first_x, end_x) = span(x, p.stride_x, p.pad_x, p.kernel_width, in_width);
        let (mut largest, mut sum) = (f32::MIN, 0.0);
        for y in first_y..end_y {
            for x in first_x..end_x {
                let v = input[(plane * in_height + y) * in_width + x];
                largest = largest.max(v);
                sum += v;
            }
        }
        let inside = end_y.saturating_sub(first_y) * end_x.saturating_sub(first_x);
        *cell = match p.kind {
            1 => sum,
            2 => sum / inside as f32,
            3 => sum / (p.kernel_height * p.kernel_width) as f32,
            _ => largest,
        };
    }
}
