// A matrix product: a workgroup computes a tile of 32 rows x 32 columns or of 16 x 64, a thread 4 x 4 values of it.

@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;

// [k][row / 4] and [k][column / 4] of the 16 steps of k that are at work.
var<workgroup> weight_tile: array<vec4<f32>, 128>;
var<workgroup> input_tile: array<vec4<f32>, 256>;

@compute @workgroup_size(64)
fn matmul(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let down = 64u / ACROSS;
    let first_column = group.x * 4u * ACROSS;
    let first_row = group.y * 4u * down;
    let batch = group.z;
    let tx = thread % ACROSS;
    let ty = thread / ACROSS;
    var sums = array<vec4<f32>, 4>();
    for (var k0 = 0u; k0 < p.k; k0 += 16u) {
        for (var i = thread; i < 16u * down; i += 64u) {
            let k = k0 + i / down;
            let row = first_row + 4u * (i % down);
            var w = vec4<f32>(0.0);
            if (k < p.k && row < p.padded_m) {
                w = weights[(batch * p.weight_batch + k * p.padded_m + row) / 4u];
            }
            weight_tile[i] = w;
        }
        for (var i = thread; i < 16u * ACROSS; i += 64u) {
            let k = k0 + i / ACROSS;
            let column = first_column + 4u * (i % ACROSS);
            var x = vec4<f32>(0.0);
            if (k < p.k && column < p.n) {
                x = load((batch * p.k + k) * p.n, column);
            }
            input_tile[i] = x;
        }
        workgroupBarrier();
        for (var step = 0u; step < 16u; step++) {
            let w = weight_tile[step * down + ty];
            let x = input_tile[step * ACROSS + tx];
            sums[0] += w.x * x;
            sums[1] += w.y * x;
            sums[2] += w.z * x;
            sums[3] += w.w * x;
        }
        workgroupBarrier();
    }
    let column = first_column + 4u * tx;
    for (var i = 0u; i < 4u; i++) {
        let row = first_row + 4u * ty + i;
        if (row < p.m && column < p.n) {
            let sum = sums[i] + bias[batch * p.bias_batch + row];
            store((batch * p.m + row) * p.n, column, sum);
        }
    }
}
