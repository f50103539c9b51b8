// A transposed convolution: a thread gathers one pixel of one output channel from the input pixels whose taps
// reach it.

@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;

// Whether an input place adds to output place `at` through a tap, and which.
struct Source {
    there: bool,
    place: u32,
}

fn source(at: u32, shift: u32, stride: u32, pad: u32, size: u32) -> Source {
    let shifted = at + pad - shift;
    let there = at + pad >= shift && shifted % stride == 0u && shifted / stride < size;
    return Source(there, shifted / stride);
}

@compute @workgroup_size(64)
fn transposed(@builtin(global_invocation_id) id: vec3<u32>) {
    let pixels = p.out_height * p.out_width;
    if (id.x >= pixels) {
        return;
    }
    let row = id.y;
    let per_group = p.in_channels / p.groups;
    let first_in = row / (p.out_channels / p.groups) * per_group;
    let plane = p.in_height * p.in_width;
    let image = (id.z * p.in_channels + first_in) * plane;
    let taps = p.kernel_height * p.kernel_width;
    var sum = 0.0;
    for (var ky = 0u; ky < p.kernel_height; ky++) {
        let y = source(id.x / p.out_width, ky * p.dilation_y, p.stride_y, p.pad_y, p.in_height);
        if (!y.there) {
            continue;
        }
        for (var kx = 0u; kx < p.kernel_width; kx++) {
            let x = source(id.x % p.out_width, kx * p.dilation_x, p.stride_x, p.pad_x, p.in_width);
            if (!x.there) {
                continue;
            }
            let at = image + y.place * p.in_width + x.place;
            let tap = row * per_group * taps + ky * p.kernel_width + kx;
            for (var c = 0u; c < per_group; c++) {
                sum += weights[tap + c * taps] * f32(input[at + c * plane]);
            }
        }
    }
    put((id.z * p.out_channels + row) * pixels + id.x, sum + bias[row]);
}
