// Any convolution, directly: a thread computes one pixel of LANES output channels of one group. For few
// input channels per group (the first layer, grouped convolutions), where a matrix product would idle.

override LANES: u32 = 1u;

@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;

@compute @workgroup_size(64)
fn grouped(@builtin(global_invocation_id) id: vec3<u32>) {
    let pixels = p.out_height * p.out_width;
    let pixel = id.x;
    if (pixel >= pixels) {
        return;
    }
    let first = id.y * LANES;
    let per_group = p.in_channels / p.groups;
    let first_in = first / (p.out_channels / p.groups) * per_group;
    let y0 = i32(pixel / p.out_width * p.stride_y) - i32(p.pad_y);
    let x0 = i32(pixel % p.out_width * p.stride_x) - i32(p.pad_x);
    let taps = p.kernel_height * p.kernel_width;
    var sums = array<f32, 4>();
    for (var c = 0u; c < per_group; c++) {
        let plane = (id.z * p.in_channels + first_in + c) * p.in_height;
        for (var ky = 0u; ky < p.kernel_height; ky++) {
            let y = y0 + i32(ky * p.dilation_y);
            if (y < 0 || y >= i32(p.in_height)) {
                continue;
            }
            for (var kx = 0u; kx < p.kernel_width; kx++) {
                let x = x0 + i32(kx * p.dilation_x);
                if (x < 0 || x >= i32(p.in_width)) {
                    continue;
                }
                let v = f32(input[(plane + u32(y)) * p.in_width + u32(x)]);
                let tap = c * taps + ky * p.kernel_width + kx;
                for (var i = 0u; i < LANES; i++) {
                    sums[i] += v * weights[(first + i) * per_group * taps + tap];
                }
            }
        }
    }
    for (var i = 0u; i < LANES; i++) {
        let at = (id.z * p.out_channels + first + i) * pixels + pixel;
        put(at, sums[i] + bias[first + i]);
    }
}
