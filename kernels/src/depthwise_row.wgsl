// Four neighbouring pixels of one row of a depthwise convolution: every input row segment is read once for all of them.
// Kernel width (7 at most) and horizontal stride (2 at most) are constants of the pipeline, so that the loops unroll and
// the segment stays in registers.

override KERNEL_WIDTH: u32 = 3u;
override STRIDE_X: u32 = 1u;

// `start` and the sums over the window whose top-left corner lies at (x0, y0) of input plane number `plane`, px.
// `first_tap` is the first weight of the channel.
fn depthwise_row(
    start: f32,
    plane: u32,
    first_tap: u32,
    x0: i32,
    y0: i32,
    in_size: vec2<u32>,
    kernel_height: u32,
) -> vec4<f32> {
    var sums = vec4<f32>(start);
    for (var ky = 0u; ky < kernel_height; ky++) {
        let y = y0 + i32(ky);
        if (y < 0 || y >= i32(in_size.y)) {
            continue;
        }
        let row = (plane * in_size.y + u32(y)) * in_size.x;
        var segment = array<f32, 16>();
        for (var i = 0u; i < 3u * STRIDE_X + KERNEL_WIDTH; i++) {
            let x = x0 + i32(i);
            if (x >= 0 && x < i32(in_size.x)) {
                segment[i] = f32(input[row + u32(x)]);
            }
        }
        for (var kx = 0u; kx < KERNEL_WIDTH; kx++) {
            let w = taps[first_tap + ky * KERNEL_WIDTH + kx];
            sums += w * vec4<f32>(
                segment[kx],
                segment[kx + STRIDE_X],
                segment[kx + 2u * STRIDE_X],
                segment[kx + 3u * STRIDE_X],
            );
        }
    }
    return sums;
}

