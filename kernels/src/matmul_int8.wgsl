// As matmul.wgsl, with 8-bit integers, four in a word. The right side is quantised here, with a scale for each column
// and each block of k: as many steps of k as a tile holds, 32 of the square tile, 16 of the wide one.

// [k / 4][row / 4]: four rows of four steps.
@group(0) @binding(2) var<storage, read> weights: array<vec4<u32>>;
// Bias and weight scale of each row.
@group(0) @binding(3) var<storage, read> rows: array<vec2<f32>>;

// [k / 4][row / 4] and [k / 4][column / 4] of the current block, and the largest magnitudes there.
var<workgroup> weight_tile: array<vec4<u32>, 64>;
var<workgroup> input_tile: array<vec4<u32>, 64>;
var<workgroup> largest: array<vec4<f32>, 64>;

@compute @workgroup_size(64)
fn matmul(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let down = 64u / ACROSS;
    let first_column = group.x * 4u * ACROSS;
    let first_row = group.y * 4u * down;
    let batch = group.z;
    // A thread quantises the columns that it sums.
    let tx = thread % ACROSS;
    let ty = thread / ACROSS;
    let column = first_column + 4u * tx;
    let fours = (p.k + 3u) / 4u;
    var sums = array<vec4<f32>, 4>();
    for (var first = 0u; first < fours; first += down) {
        if (thread < down * down) {
            let four = first + thread / down;
            let row = first_row + 4u * (thread % down);
            var w = vec4<u32>(0u);
            if (four < fours && row < p.padded_m) {
                w = weights[(four * p.padded_m + row) / 4u];
            }
            weight_tile[thread] = w;
        }
        // Four steps of k in four columns.
        var x = array<vec4<f32>, 4>();
        for (var i = 0u; i < 4u; i++) {
            let k = 4u * (first + ty) + i;
            if (k < p.k && column < p.n) {
                x[i] = load((batch * p.k + k) * p.n, column);
            }
        }
        largest[thread] = max(max(abs(x[0]), abs(x[1])), max(abs(x[2]), abs(x[3])));
        workgroupBarrier();
        var top = vec4<f32>(0.0);
        for (var i = 0u; i < down; i++) {
            top = max(top, largest[i * ACROSS + tx]);
        }
        let inverse = select(vec4<f32>(0.0), 127.0 / top, top > vec4<f32>(0.0));
        input_tile[thread] = vec4<u32>(
            quantised(vec4<f32>(x[0].x, x[1].x, x[2].x, x[3].x) * inverse.x),
            quantised(vec4<f32>(x[0].y, x[1].y, x[2].y, x[3].y) * inverse.y),
            quantised(vec4<f32>(x[0].z, x[1].z, x[2].z, x[3].z) * inverse.z),
            quantised(vec4<f32>(x[0].w, x[1].w, x[2].w, x[3].w) * inverse.w),
        );
        workgroupBarrier();
        var block = array<vec4<i32>, 4>();
        for (var step = 0u; step < min(down, fours - first); step++) {
            let w = weight_tile[step * down + ty];
            let v = input_tile[step * ACROSS + tx];
            block[0] += dots(w.x, v);
            block[1] += dots(w.y, v);
            block[2] += dots(w.z, v);
            block[3] += dots(w.w, v);
        }
        for (var i = 0u; i < 4u; i++) {
            sums[i] += vec4<f32>(block[i]) * (top / 127.0);
        }
        workgroupBarrier();
    }
    for (var i = 0u; i < 4u; i++) {
        let row = first_row + 4u * ty + i;
        if (row < p.m && column < p.n) {
            let finishing = rows[batch * p.bias_batch + row];
            store((batch * p.m + row) * p.n, column, sums[i] * finishing.y + finishing.x);
        }
    }
}
