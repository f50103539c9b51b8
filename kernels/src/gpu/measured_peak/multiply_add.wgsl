// Multiplications and additions in registers, in eight chains that do not wait for each other; `alias Number` stands
// before this. A line for each of eight steps, so that the loop itself takes next to nothing.

struct Params {
    rounds: u32,
    factor: f32,
    summand: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn multiply_add(@builtin(global_invocation_id) at: vec3u) {
    let m = vec4<Number>(Number(params.factor));
    let s = vec4<Number>(Number(params.summand));
    let first = Number(at.x % 16u) + vec4<Number>(0, 1, 2, 3);
    var a = first;
    var b = first + 4;
    var c = first + 8;
    var d = first + 12;
    var e = first + 16;
    var f = first + 20;
    var g = first + 24;
    var h = first + 28;
    for (var round = 0u; round < params.rounds; round++) {
        a = a * m + s; b = b * m + s; c = c * m + s; d = d * m + s; e = e * m + s; f = f * m + s; g = g * m + s; h = h * m + s;
        a = a * m + s; b = b * m + s; c = c * m + s; d = d * m + s; e = e * m + s; f = f * m + s; g = g * m + s; h = h * m + s;
        a = a * m + s; b = b * m + s; c = c * m + s; d = d * m + s; e = e * m + s; f = f * m + s; g = g * m + s; h = h * m + s;
        a = a * m + s; b = b * m + s; c = c * m + s; d = d * m + s; e = e * m + s; f = f * m + s; g = g * m + s; h = h * m + s;
        a = a * m + s; b = b * m + s; c = c * m + s; d = d * m + s; e = e * m + s; f = f * m + s; g = g * m + s; h = h * m + s;
        a = a * m + s; b = b * m + s; c = c * m + s; d = d * m + s; e = e * m + s; f = f * m + s; g = g * m + s; h = h * m + s;
        a = a * m + s; b = b * m + s; c = c * m + s; d = d * m + s; e = e * m + s; f = f * m + s; g = g * m + s; h = h * m + s;
        a = a * m + s; b = b * m + s; c = c * m + s; d = d * m + s; e = e * m + s; f = f * m + s; g = g * m + s; h = h * m + s;
    }
    let sums = vec4f(a) + vec4f(b) + vec4f(c) + vec4f(d) + vec4f(e) + vec4f(f) + vec4f(g) + vec4f(h);
    out[at.x] = sums.x + sums.y + sums.z + sums.w;
}
