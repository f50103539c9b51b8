// A workgroup computes 32 rows x 32 columns of the product, a thread 4 x 4 of them.

struct Params {
    m: u32,
    n: u32,
    k: u32,
    padded_m: u32,
    weight_batch: u32,
    bias_batch: u32,
    pad0: u32,
    pad1: u32,
    epilogue: Epilogue,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;

// [k][row / 4] and [k][column / 4] of the 16 steps of k that are at work.
var<workgroup> weight_tile: array<vec4<f32>, 128>;
var<workgroup> input_tile: array<vec4<f32>, 128>;

@compute @workgroup_size(64)
fn matmul(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let first_column = group.x * 32u;
    let first_row = group.y * 32u;
    let batch = group.z;
    let tx = thread % 8u;
    let ty = thread / 8u;
    var sums = array<vec4<f32>, 4>();
    for (var k0 = 0u; k0 < p.k; k0 += 16u) {
        for (var half = 0u; half < 2u; half++) {
            let step = ty + 8u * half;
            let k = k0 + step;
            var w = vec4<f32>(0.0);
            var x = vec4<f32>(0.0);
            let row = first_row + 4u * tx;
            if (k < p.k && row < p.padded_m) {
                w = weights[(batch * p.weight_batch + k * p.padded_m + row) / 4u];
            }
            let column = first_column + 4u * tx;
            if (k < p.k && column < p.n) {
                x = load((batch * p.k + k) * p.n, column);
            }
            weight_tile[step * 8u + tx] = w;
            input_tile[step * 8u + tx] = x;
        }
        workgroupBarrier();
        for (var step = 0u; step < 16u; step++) {
            let w = weight_tile[step * 8u + ty];
            let x = input_tile[step * 8u + tx];
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
