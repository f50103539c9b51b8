// Columns read one at a time, for any `n`.

@group(0) @binding(1) var<storage, read> input: array<Input>;

fn load(start: u32, column: u32) -> vec4<f32> {
    var v = vec4<f32>(0.0);
    for (var i = 0u; i < 4u; i++) {
        if (column + i < p.n) {
            v[i] = f32(input[start + column + i]);
        }
    }
    return v;
}
