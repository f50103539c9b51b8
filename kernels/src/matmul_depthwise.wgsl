// What a product reads is a depthwise convolution, computed where it is read: nothing between the two goes
// through memory. A pixel is computed again for every 32 rows of the product.

// Width (7 at most) and stride (2 at most) of the convolution.
override KERNEL_WIDTH: u32 = 3u;
override STRIDE_X: u32 = 1u;

struct Depthwise {
    in_channels: u32,
    in_height: u32,
    in_width: u32,
    out_channels: u32,
    out_height: u32,
    out_width: u32,
    kernel_height: u32,
    kernel_width: u32,
    stride_y: u32,
    stride_x: u32,
    pad_y: u32,
    pad_x: u32,
    dilation_y: u32,
    dilation_x: u32,
    groups: u32,
    padded_out: u32,
    epilogue: Epilogue,
}

@group(0) @binding(1) var<storage, read> input: array<Input>;
@group(0) @binding(6) var<storage, read> before: Depthwise;
// [channel][tap], and a bias for each channel.
@group(0) @binding(7) var<storage, read> taps: array<f32>;
@group(0) @binding(8) var<storage, read> taps_bias: array<f32>;

// Four pixels of one row, whose width is a multiple of 4; every input row segment is read once for all of them.
fn load(start: u32, column: u32) -> vec4<f32> {
    let plane = start / p.n;
    let channel = plane % p.k;
    let y0 = i32(column / before.out_width * before.stride_y) - i32(before.pad_y);
    let x0 = i32(column % before.out_width * STRIDE_X) - i32(before.pad_x);
    var sums = vec4<f32>(taps_bias[channel]);
    for (var ky = 0u; ky < before.kernel_height; ky++) {
        let y = y0 + i32(ky);
        if (y < 0 || y >= i32(before.in_height)) {
            continue;
        }
        let row = (plane * before.in_height + u32(y)) * before.in_width;
        var segment = array<f32, 16>();
        for (var i = 0u; i < 3u * STRIDE_X + KERNEL_WIDTH; i++) {
            let x = x0 + i32(i);
            if (x >= 0 && x < i32(before.in_width)) {
                segment[i] = f32(input[row + u32(x)]);
            }
        }
        for (var kx = 0u; kx < KERNEL_WIDTH; kx++) {
            let w = taps[(channel * before.kernel_height + ky) * KERNEL_WIDTH + kx];
            sums += w * vec4<f32>(
                segment[kx],
                segment[kx + STRIDE_X],
                segment[kx + 2u * STRIDE_X],
                segment[kx + 3u * STRIDE_X],
            );
        }
    }
    return vec4<f32>(
        activate(sums.x, before.epilogue),
        activate(sums.y, before.epilogue),
        activate(sums.z, before.epilogue),
        activate(sums.w, before.epilogue),
    );
}
