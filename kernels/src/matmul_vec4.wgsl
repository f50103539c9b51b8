// Columns read and written four at a time; `n` is a multiple of 4.

@group(0) @binding(1) var<storage, read> input: array<vec4<Input>>;
@group(0) @binding(4) var<storage, read> skip: array<vec4<Skip>>;
@group(0) @binding(5) var<storage, read_write> output: array<vec4<Output>>;

fn load(start: u32, column: u32) -> vec4<f32> {
    return vec4<f32>(input[(start + column) / 4u]);
}

fn store(start: u32, column: u32, sum: vec4<f32>) {
    let at = (start + column) / 4u;
    var other = vec4<f32>(0.0);
    if (p.epilogue.residual != 0u) {
        other = vec4<f32>(skip[at]);
    }
    output[at] = vec4<Output>(vec4<f32>(
        finish(sum.x, other.x, p.epilogue),
        finish(sum.y, other.y, p.epilogue),
        finish(sum.z, other.z, p.epilogue),
        finish(sum.w, other.w, p.epilogue),
    ));
}
