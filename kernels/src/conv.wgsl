// A workgroup computes 32 output channels x 32 pixels or 16 x 64, a thread 4 x 4 of them: a matrix product
// whose right side is gathered tap by tap, 16 input channels at a time.

// Threads along the pixels of the tile: 8 or 16.
override ACROSS: u32 = 8u;

@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;

// [input channel][output channel / 4] and [input channel][pixel] of the 16 channels at work.
var<workgroup> weight_tile: array<vec4<f32>, 128>;
var<workgroup> input_tile: array<f32, 1024>;

@compute @workgroup_size(64)
fn conv(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let pixels = p.out_height * p.out_width;
    let plane = p.in_height * p.in_width;
    let down = 64u / ACROSS;
    let columns = 4u * ACROSS;
    let first_pixel = group.x * columns;
    let first_row = group.y * 4u * down;
    let image = group.z * p.in_channels * plane;
    let tx = thread % ACROSS;
    let ty = thread / ACROSS;
    // The pixel that this thread gathers.
    let lane = thread % columns;
    let pixel = first_pixel + lane;
    let y0 = i32(pixel / p.out_width * p.stride_y) - i32(p.pad_y);
    let x0 = i32(pixel % p.out_width * p.stride_x) - i32(p.pad_x);
    var sums = array<vec4<f32>, 4>();
    for (var ky = 0u; ky < p.kernel_height; ky++) {
        for (var kx = 0u; kx < p.kernel_width; kx++) {
            let y = y0 + i32(ky * p.dilation_y);
            let x = x0 + i32(kx * p.dilation_x);
            let inside = pixel < pixels && y >= 0 && x >= 0
                && y < i32(p.in_height) && x < i32(p.in_width);
            let at = image + u32(max(y, 0)) * p.in_width + u32(max(x, 0));
            let tap = (ky * p.kernel_width + kx) * p.in_channels;
            for (var c0 = 0u; c0 < p.in_channels; c0 += 16u) {
                for (var i = thread; i < 16u * down; i += 64u) {
                    let step = i / down;
                    let row = first_row + 4u * (i % down);
                    var w = vec4<f32>(0.0);
                    if (c0 + step < p.in_channels && row < p.padded_out) {
                        w = weights[((tap + c0 + step) * p.padded_out + row) / 4u];
                    }
                    weight_tile[i] = w;
                }
                for (var step = thread / columns; step < 16u; step += 64u / columns) {
                    var v = 0.0;
                    if (inside && c0 + step < p.in_channels) {
                        v = f32(input[at + (c0 + step) * plane]);
                    }
                    input_tile[step * columns + lane] = v;
                }
                workgroupBarrier();
                for (var step = 0u; step < 16u; step++) {
                    let w = weight_tile[step * down + ty];
                    let from_tile = step * columns + 4u * tx;
                    let v = vec4<f32>(
                        input_tile[from_tile],
                        input_tile[from_tile + 1u],
                        input_tile[from_tile + 2u],
                        input_tile[from_tile + 3u],
                    );
                    sums[0] += w.x * v;
                    sums[1] += w.y * v;
                    sums[2] += w.z * v;
                    sums[3] += w.w * v;
                }
                workgroupBarrier();
            }
        }
    }
    for (var i = 0u; i < 4u; i++) {
        let row = first_row + 4u * ty + i;
        if (row >= p.out_channels) {
            continue;
        }
        let start = (group.z * p.out_channels + row) * pixels;
        for (var j = 0u; j < 4u; j++) {
            let column = first_pixel + 4u * tx + j;
            if (column < pixels) {
                var other = 0.0;
                if (p.epilogue.residual != 0u) {
                    other = f32(skip[start + column]);
                }
                output[start + column] = Output(finish(sums[i][j] + bias[row], other, p.epilogue));
            }
        }
    }
}
