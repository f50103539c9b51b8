// As conv.wgsl, in whole numbers of 8 bits, four in a word. Pixels are made whole here, with a scale for each
// pixel and each block of channels: as many as a tile holds, 32 of the square one, 16 of the wide one.

// Threads along the pixels of the tile: 8 or 16.
override ACROSS: u32 = 8u;

// [tap][input channel / 4][output channel / 4]: four output channels of four input channels.
@group(0) @binding(2) var<storage, read> weights: array<vec4<u32>>;
// Bias of each output channel, and what a step of its weights is worth.
@group(0) @binding(3) var<storage, read> rows: array<vec2<f32>>;

// [input channel / 4][output channel / 4] and [input channel / 4][pixel] of the block that is at work; the largest
// magnitude that each thread read, and what a step of each pixel is worth.
var<workgroup> weight_tile: array<vec4<u32>, 64>;
var<workgroup> input_tile: array<u32, 256>;
var<workgroup> largest: array<f32, 64>;
var<workgroup> worth: array<f32, 64>;

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
    // The pixel that this thread gathers, 16 channels of it.
    let lane = thread % columns;
    let part = thread / columns;
    let pixel = first_pixel + lane;
    let y0 = i32(pixel / p.out_width * p.stride_y) - i32(p.pad_y);
    let x0 = i32(pixel % p.out_width * p.stride_x) - i32(p.pad_x);
    let fours = (p.in_channels + 3u) / 4u;
    var sums = array<vec4<f32>, 4>();
    for (var tap = 0u; tap < p.kernel_height * p.kernel_width; tap++) {
        let y = y0 + i32(tap / p.kernel_width * p.dilation_y);
        let x = x0 + i32(tap % p.kernel_width * p.dilation_x);
        let inside = pixel < pixels && y >= 0 && x >= 0
            && y < i32(p.in_height) && x < i32(p.in_width);
        let at = image + u32(max(y, 0)) * p.in_width + u32(max(x, 0));
        for (var first = 0u; first < fours; first += down) {
            if (thread < down * down) {
                let four = first + thread / down;
                let row = first_row + 4u * (thread % down);
                var w = vec4<u32>(0u);
                if (four < fours && row < p.padded_out) {
                    w = weights[((tap * fours + four) * p.padded_out + row) / 4u];
                }
                weight_tile[thread] = w;
            }
            var v = array<vec4<f32>, 4>();
            var top = 0.0;
            for (var i = 0u; i < 16u; i++) {
                let channel = 4u * first + 16u * part + i;
                if (inside && channel < p.in_channels) {
                    let read = f32(input[at + channel * plane]);
                    v[i / 4u][i % 4u] = read;
                    top = max(top, abs(read));
                }
            }
            largest[thread] = top;
            workgroupBarrier();
            for (var other = lane; other < 64u; other += columns) {
                top = max(top, largest[other]);
            }
            let inverse = select(0.0, 127.0 / top, top > 0.0);
            for (var i = 0u; i < 4u; i++) {
                input_tile[(4u * part + i) * columns + lane] = whole(v[i] * inverse);
            }
            if (part == 0u) {
                worth[lane] = top / 127.0;
            }
            workgroupBarrier();
            var block = array<vec4<i32>, 4>();
            for (var step = 0u; step < min(down, fours - first); step++) {
                let w = weight_tile[step * down + ty];
                let from_tile = step * columns + 4u * tx;
                let x = vec4<u32>(
                    input_tile[from_tile],
                    input_tile[from_tile + 1u],
                    input_tile[from_tile + 2u],
                    input_tile[from_tile + 3u],
                );
                block[0] += dots(w.x, x);
                block[1] += dots(w.y, x);
                block[2] += dots(w.z, x);
                block[3] += dots(w.w, x);
            }
            let steps = vec4<f32>(
                worth[4u * tx],
                worth[4u * tx + 1u],
                worth[4u * tx + 2u],
                worth[4u * tx + 3u],
            );
            for (var i = 0u; i < 4u; i++) {
                sums[i] += vec4<f32>(block[i]) * steps;
            }
            workgroupBarrier();
        }
    }
    for (var i = 0u; i < 4u; i++) {
        let row = first_row + 4u * ty + i;
        if (row >= p.out_channels) {
            continue;
        }
        let finishing = rows[row];
        let start = (group.z * p.out_channels + row) * pixels;
        for (var j = 0u; j < 4u; j++) {
            let column = first_pixel + 4u * tx + j;
            if (column < pixels) {
                var other = 0.0;
                if (p.epilogue.residual != 0u) {
                    other = f32(skip[start + column]);
                }
                let sum = sums[i][j] * finishing.y + finishing.x;
                output[start + column] = Output(finish(sum, other, p.epilogue));
            }
        }
    }
}
