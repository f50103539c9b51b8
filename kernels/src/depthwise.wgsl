// A convolution of each channel by itself: a thread computes four pixels of a row.

// [channel][tap].
@group(0) @binding(2) var<storage, read> taps: array<f32>;
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
    let sums = depthwise_row(
        0.0,
        id.z * p.in_channels + channel,
        channel * p.kernel_height * KERNEL_WIDTH,
        i32(ox * STRIDE_X) - i32(p.pad_x),
        i32(oy * p.stride_y) - i32(p.pad_y),
        vec2<u32>(p.in_width, p.in_height),
        p.kernel_height,
    );
    let start = ((id.z * p.out_channels + channel) * p.out_height + oy) * p.out_width;
    for (var i = 0u; i < 4u; i++) {
        if (ox + i < p.out_width) {
            put(start + ox + i, sums[i] + bias[channel]);
        }
    }
}
