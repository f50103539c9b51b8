//! A tensor as a graph sees it: axes over values that lie in a slot in some order.

use fiducia_kernels::gpu::Slot;
use fiducia_kernels::{Axes, MAX_AXES};

/// One axis of a view: place `i` lies at `i / divisor · stride`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) size: usize,
    pub(super) stride: usize,
    pub(super) divisor: usize,
}

/// Axes over the values of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) slot: Slot,
    /// Where the first value lies.
    pub(super) offset: usize,
    pub(super) axes: Vec<Axis>,
}

impl View {
    /// All values of `slot`, in row-major order.
    pub(super) fn whole(slot: Slot, shape: &[usize]) -> Self {
        Self { slot, offset: 0, axes: row_major(shape) }
    }

    pub(super) fn shape(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.size).collect()
    }

    /// Whether the values lie in row-major order from the start of the slot.
    pub(super) fn is_plain(&self) -> bool {
        let plain = row_major(&self.shape());
        let same = |(a, b): (&Axis, &Axis)| a.size == 1 || a == b;
        self.offset == 0 && self.axes.iter().zip(&plain).all(same)
    }

    /// The same values with the axes in another order: axis `order[i]` becomes axis `i`.
    pub(super) fn ordered(&self, order: &[usize]) -> Self {
        let axes = order.iter().map(|&axis| self.axes[axis]).collect();
        Self { axes, ..self.clone() }
    }

    /// The same values under other axes from axis `at` on, where that needs no copy.
    pub(super) fn reshaped(&self, at: usize, from: usize, to: &[usize]) -> Option<Self> {
        let merged = merge(&self.axes[at..at + from])?;
        let mut axes = self.axes[..at].to_vec();
        if merged.divisor != 1 && to.iter().filter(|&&size| size != 1).count() > 1 {
            return None;
        }
        let mut stride = merged.stride * to.iter().product::<usize>();
        for &size in to {
            stride /= size.max(1);
            axes.push(Axis { size, stride, divisor: merged.divisor });
        }
        axes.extend_from_slice(&self.axes[at + from..]);
        Some(Self { axes, ..self.clone() })
    }

    /// The axes as the element-wise shader takes them, the last one last.
    pub(super) fn packed(&self) -> Axes {
        let mut packed = Axes { stride: [0; MAX_AXES], divisor: [1; MAX_AXES] };
        let first = MAX_AXES - self.axes.len();
        for (i, axis) in self.axes.iter().enumerate() {
            packed.stride[first + i] = axis.stride as u32;
            packed.divisor[first + i] = axis.divisor as u32;
        }
        packed
    }
}

fn row_major(shape: &[usize]) -> Vec<Axis> {
    let mut stride = 1;
    let mut axes: Vec<Axis> = shape
        .iter()
        .rev()
        .map(|&size| {
            let axis = Axis { size, stride, divisor: 1 };
            stride *= size;
            axis
        })
        .collect();
    axes.reverse();
    axes
}

/// One axis for several that follow each other in memory.
fn merge(axes: &[Axis]) -> Option<Axis> {
    let mut all = Axis { size: 1, stride: 1, divisor: 1 };
    for axis in axes.iter().rev().filter(|axis| axis.size != 1) {
        if all.size == 1 {
            all = *axis;
        } else if axis.divisor == 1 && all.divisor == 1 && axis.stride == all.stride * all.size {
            all.size *= axis.size;
        } else {
            return None;
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fiducia_kernels::gpu::Plan;

    fn view(shape: &[usize]) -> View {
        View::whole(Plan::default().tensor(64), shape)
    }

    #[test]
    fn splits_and_merges_without_a_copy() {
        let split = view(&[2, 12]).reshaped(1, 1, &[3, 4]).unwrap();
        assert_eq!(split, view(&[2, 3, 4]));
        assert_eq!(split.reshaped(0, 3, &[24]).unwrap(), view(&[24]));
        assert!(split.is_plain());
    }

    #[test]
    fn a_transposed_view_does_not_merge() {
        let mut turned = view(&[2, 3]);
        turned.axes.swap(0, 1);
        assert!(!turned.is_plain());
        assert!(turned.reshaped(0, 2, &[6]).is_none());
        assert!(turned.reshaped(0, 1, &[3, 1]).is_some());
    }
}
