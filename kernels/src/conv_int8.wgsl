// As conv.wgsl, with 8-bit integers, four in a word. Inputs are quantised here, with a scale for each pixel and each
// block of channels: as many as a tile holds, 32 of the square tile, 16 of the wide one.

// [tap][input channel / 4][output channel / 4]: four output channels of four input channels.
@group(0) @binding(2) var<storage, read> weights: array<vec4<u32>>;
// Bias and weight scale of each output channel.
@group(0) @binding(3) var<storage, read> rows: array<vec2<f32>>;

// [input channel / 4][output channel / 4] and [input channel / 4][pixel] of the current block; the largest magnitude that
// each thread read, and the scale of each pixel.
var<workgroup> weight_tile: array<vec4<u32>, 64>;
var<workgroup> input_tile: array<u32, 256>;
var<workgroup> largest: array<f32, 64>;
var<workgroup> scales: array<f32, 64>;

@compute @workgroup_size(64)
fn conv(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let pixels = p.out_height * p.out_width;
    let plane = p.in_height * p.in_width;
    let t = tile_of(group, thread);
    // Which 16 of the channels this thread reads.
    let part = thread / t.columns;
    let fours = (p.in_channels + 3u) / 4u;
    var sums = array<vec4<f32>, 4>();
    for (var tap = 0u; tap < p.kernel_height * p.kernel_width; tap++) {
        let x = t.x0 + i32(tap % p.kernel_width * p.dilation_x);
        let y = t.y0 + i32(tap / p.kernel_width * p.dilation_y);
        let inside = is_inside(t.pixel, x, y);
        let at = place_of(group.z, x, y);
        for (var first = 0u; first < fours; first += t.down) {
            if (thread < t.down * t.down) {
                let four = first + thread / t.down;
                let row = t.first_row + 4u * (thread % t.down);
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
            for (var other = t.lane; other < 64u; other += t.columns) {
                top = max(top, largest[other]);
            }
            let inverse = select(0.0, 127.0 / top, top > 0.0);
            for (var i = 0u; i < 4u; i++) {
                input_tile[(4u * part + i) * t.columns + t.lane] = quantised(v[i] * inverse);
            }
            if (part == 0u) {
                scales[t.lane] = top / 127.0;
            }
            workgroupBarrier();
            var block = array<vec4<i32>, 4>();
            for (var step = 0u; step < min(t.down, fours - first); step++) {
                let w = weight_tile[step * t.down + t.ty];
                let from_tile = step * t.columns + 4u * t.tx;
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
                scales[4u * t.tx],
                scales[4u * t.tx + 1u],
                scales[4u * t.tx + 2u],
                scales[4u * t.tx + 3u],
            );
            for (var i = 0u; i < 4u; i++) {
                sums[i] += vec4<f32>(block[i]) * steps;
            }
            workgroupBarrier();
        }
    }
    for (var i = 0u; i < 4u; i++) {
        let row = t.first_row + 4u * t.ty + i;
        if (row >= p.out_channels) {
            continue;
        }
        let finishing = rows[row];
        let start = (group.z * p.out_channels + row) * pixels;
        for (var j = 0u; j < 4u; j++) {
            let column = t.first_pixel + 4u * t.tx + j;
            if (column < pixels) {
                put(start + column, sums[i][j] * finishing.y + finishing.x);
            }
        }
    }
}
