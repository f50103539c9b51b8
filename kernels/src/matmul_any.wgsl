// Columns read and written one at a time, for any `n`.

@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(4) var<storage, read> skip: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<f32>;

fn load(start: u32, column: u32) -> vec4<f32> {
    var v = vec4<f32>(0.0);
    for (var i = 0u; i < 4u; i++) {
        if (column + i < p.n) {
            v[i] = input[start + column + i];
        }
    }
    return v;
}

fn store(start: u32, column: u32, sum: vec4<f32>) {
    for (var i = 0u; i < 4u; i++) {
        if (column + i < p.n) {
            let at = start + column + i;
            var other = 0.0;
            if (p.epilogue.residual != 0u) {
                other = skip[at];
            }
            output[at] = finish(sum[i], other, p.epilogue);
        }
    }
}
