// Dot products of four packed bytes, in eight chains as in multiply_add.wgsl.

struct Params {
    rounds: u32,
    weights: u32,
    summand: i32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;

fn n(value: u32) -> u32 {
    return bitcast<u32>(dot4I8Packed(value, params.weights) + params.summand);
}

@compute @workgroup_size(256)
fn dot(@builtin(global_invocation_id) at: vec3u) {
    var a = 8u * (at.x % 16u);
    var b = a + 1u;
    var c = a + 2u;
    var d = a + 3u;
    var e = a + 4u;
    var f = a + 5u;
    var g = a + 6u;
    var h = a + 7u;
    for (var round = 0u; round < params.rounds; round++) {
        a = n(a); b = n(b); c = n(c); d = n(d); e = n(e); f = n(f); g = n(g); h = n(h);
        a = n(a); b = n(b); c = n(c); d = n(d); e = n(e); f = n(f); g = n(g); h = n(h);
        a = n(a); b = n(b); c = n(c); d = n(d); e = n(e); f = n(f); g = n(g); h = n(h);
        a = n(a); b = n(b); c = n(c); d = n(d); e = n(e); f = n(f); g = n(g); h = n(h);
        a = n(a); b = n(b); c = n(c); d = n(d); e = n(e); f = n(f); g = n(g); h = n(h);
        a = n(a); b = n(b); c = n(c); d = n(d); e = n(e); f = n(f); g = n(g); h = n(h);
        a = n(a); b = n(b); c = n(c); d = n(d); e = n(e); f = n(f); g = n(g); h = n(h);
        a = n(a); b = n(b); c = n(c); d = n(d); e = n(e); f = n(f); g = n(g); h = n(h);
    }
    out[at.x] = (((((((a * 31u + b) * 31u + c) * 31u + d) * 31u + e) * 31u + f) * 31u + g) * 31u) + h;
}
