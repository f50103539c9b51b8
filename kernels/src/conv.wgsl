// A convolution as a matrix product whose right side is gathered tap by tap, 16 input channels at a time.

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
    let t = tile_of(group, thread);
    var sums = array<vec4<f32>, 4>();
    for (var ky = 0u; ky < p.kernel_height; ky++) {
        for (var kx = 0u; kx < p.kernel_width; kx++) {
            let x = t.x0 + i32(kx * p.dilation_x);
            let y = t.y0 + i32(ky * p.dilation_y);
            let inside = is_inside(t.pixel, x, y);
            let at = place_of(group.z, x, y);
            let tap = (ky * p.kernel_width + kx) * p.in_channels;
            for (var c0 = 0u; c0 < p.in_channels; c0 += 16u) {
                for (var i = thread; i < 16u * t.down; i += 64u) {
                    let step = i / t.down;
                    let row = t.first_row + 4u * (i % t.down);
                    var w = vec4<f32>(0.0);
                    if (c0 + step < p.in_channels && row < p.padded_out) {
                        w = weights[((tap + c0 + step) * p.padded_out + row) / 4u];
                    }
                    weight_tile[i] = w;
                }
                for (var step = thread / t.columns; step < 16u; step += 64u / t.columns) {
                    var v = 0.0;
                    if (inside && c0 + step < p.in_channels) {
                        v = f32(input[at + (c0 + step) * plane]);
                    }
                    input_tile[step * t.columns + t.lane] = v;
                }
                workgroupBarrier();
                for (var step = 0u; step < 16u; step++) {
                    let w = weight_tile[step * t.down + t.ty];
                    let from_tile = step * t.columns + 4u * t.tx;
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
        let row = t.first_row + 4u * t.ty + i;
        if (row >= p.out_channels) {
            continue;
        }
        let start = (group.z * p.out_channels + row) * pixels;
        for (var j = 0u; j < 4u; j++) {
            let column = t.first_pixel + 4u * t.tx + j;
            if (column < pixels) {
                put(start + column, sums[i][j] + bias[row]);
            }
        }
    }
}
