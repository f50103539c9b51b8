// The right side of the product is the result of a depthwise convolution, computed where it is read: nothing between the
// two goes through memory. A pixel is computed again for every tile of rows of the product.

@group(0) @binding(1) var<storage, read> input: array<Input>;
@group(0) @binding(6) var<storage, read> before: Convolution;
// [channel][tap], and a bias for each channel.
@group(0) @binding(7) var<storage, read> taps: array<f32>;
@group(0) @binding(8) var<storage, read> taps_bias: array<f32>;

// Four pixels of one row, whose width is a multiple of 4.
fn load(start: u32, column: u32) -> vec4<f32> {
    let plane = start / p.n;
    let channel = plane % p.k;
    let sums = depthwise_row(
        taps_bias[channel],
        plane,
        channel * before.kernel_height * KERNEL_WIDTH,
        i32(column % before.out_width * STRIDE_X) - i32(before.pad_x),
        i32(column / before.out_width * before.stride_y) - i32(before.pad_y),
        vec2<u32>(before.in_width, before.in_height),
        before.kernel_height,
    );
    return vec4<f32>(
        activate(sums.x, before.epilogue),
        activate(sums.y, before.epilogue),
        activate(sums.z, before.epilogue),
        activate(sums.w, before.epilogue),
    );
}

