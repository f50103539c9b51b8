// A convolution of each channel by itself: a thread computes four pixels of a row, and reads every input
// row segment once for all of them. Kernel width (7 at most) and stride (2 at most) are constants of the
// pipeline, so that the loops unroll and the segment lives in registers.

override KERNEL_WIDTH: u32 = 3u;
override STRIDE_X: u32 = 1u;

@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;

@compute @workgroup_size(64)
fn depthwise(@builtin(global_invocation_id) id: vec3<u32>) {
    let blocks = (p.out_width + 3u) / 4u;
    if (id.x >= blocks * p.out_height) {
        return;
    }
    let oy = id.x / blocks;
    let ox = id.x % blocks * 4u;
    let channel = id.y;
    let plane = (id.z * p.in_channels + channel) * p.in_height;
    let y0 = i32(oy * p.stride_y) - i32(p.pad_y);
    let x0 = i32(ox * STRIDE_X) - i32(p.pad_x);
    var sums = vec4<f32>(0.0);
    for (var ky = 0u; ky < p.kernel_height; ky++) {
        let y = y0 + i32(ky);
        if (y < 0 || y >= i32(p.in_height)) {
            continue;
        }
        let row = (plane + u32(y)) * p.in_width;
        var segment = array<f32, 16>();
        for (var i = 0u; i < 3u * STRIDE_X + KERNEL_WIDTH; i++) {
            let x = x0 + i32(i);
            if (x >= 0 && x < i32(p.in_width)) {
                segment[i] = f32(input[row + u32(x)]);
            }
        }
        for (var kx = 0u; kx < KERNEL_WIDTH; kx++) {
            let w = weights[(channel * p.kernel_height + ky) * KERNEL_WIDTH + kx];
            sums += w * vec4<f32>(
                segment[kx],
                segment[kx + STRIDE_X],
                segment[kx + 2u * STRIDE_X],
                segment[kx + 3u * STRIDE_X],
            );
        }
    }
    let start = ((id.z * p.out_channels + channel) * p.out_height + oy) * p.out_width;
    for (var i = 0u; i < 4u; i++) {
        if (ox + i < p.out_width) {
            let at = start + ox + i;
            var other = 0.0;
            if (p.epilogue.residual != 0u) {
                other = f32(skip[at]);
            }
            output[at] = Output(finish(sums[i] + bias[channel], other, p.epilogue));
        }
    }
}
