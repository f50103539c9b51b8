//! Which products are summed in 8 bits: those that this makes faster, by the data sheet of an Orin Nano
//! (docs/gpu.md). Values between layers stay `f32`, so what is saved is arithmetic, and bytes of weights.

use fiducia_kernels::Conv;
use fiducia_kernels::gpu::steps;

use super::product::Sums;

/// Operations in the time of a byte: in `f32`, and in packed bytes.
const PER_BYTE: [f64; 2] = [19.0, 38.0];
/// The part of its least time that a step may still take.
const WORTH: f64 = 0.6;

/// Whether the product is taken in 8 bits, where the numbers of its network are.
pub(super) fn pays(sums: &Sums, batch: usize) -> bool {
    // Rows, pixels, length of the sums, and values that are read.
    let [m, n, k, inputs] = match sums {
        Sums::Conv(p) if steps::takes_conv_int8(p) => {
            let [m, n] = [[p.out_channels, 1], [p.out_height, p.out_width]].map(count);
            let k = count([p.in_channels, 1]) * count([p.kernel_height, p.kernel_width]);
            [m, n, k, inputs(p)]
        }
        Sums::Matmul { sizes, private: false } => {
            let [m, n, k] = sizes.map(|size| size as f64);
            [m, n, k, n * k]
        }
        // Behind a depthwise convolution there are few rows, which bytes bound.
        _ => return false,
    };
    let (batch, weights) = (batch as f64, m * k);
    let values = 4.0 * batch * (inputs + m * n);
    let least = |per_byte: f64, weight: f64| {
        (2.0 * batch * n * weights / per_byte).max(values + weight * weights)
    };
    least(PER_BYTE[1], 1.0) <= WORTH * least(PER_BYTE[0], 4.0)
}

fn inputs(p: &Conv) -> f64 {
    f64::from(p.in_channels) * count([p.in_height, p.in_width])
}

fn count([a, b]: [u32; 2]) -> f64 {
    f64::from(a) * f64::from(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(sizes: [usize; 3]) -> bool {
        pays(&Sums::Matmul { sizes, private: false }, 1)
    }

    #[test]
    fn arithmetic_is_worth_it_and_bytes_are_not() {
        assert!(product([480, 180, 480]), "much to multiply");
        assert!(!product([16, 11_520, 32]), "values to move");
        assert!(!pays(&Sums::Matmul { sizes: [480, 180, 480], private: true }, 1));
        let conv = Conv {
            in_channels: 64,
            out_channels: 64,
            in_height: 8,
            in_width: 8,
            out_height: 8,
            out_width: 8,
            kernel_height: 3,
            kernel_width: 3,
            groups: 1,
            ..Conv::default()
        };
        assert!(pays(&Sums::Conv(conv), 19));
        assert!(!pays(&Sums::Conv(Conv { groups: 64, ..conv }), 19));
        assert!(!pays(&Sums::Transposed(conv), 19));
    }
}
