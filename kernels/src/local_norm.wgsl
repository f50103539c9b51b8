// Local contrast normalisation in two steps, rows and then columns. Each keeps a mean and the spread about
// it, never a sum of squares: those would cost half the digits of an f32.

struct Params {
    width: u32,
    height: u32,
    radius: u32,
    pad0: u32,
    floor: f32,
    gain: f32,
    pad1: u32,
    pad2: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> plane: array<f32>;
@group(0) @binding(2) var<storage, read> rows: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> row_moments: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(64)
fn local_norm_rows(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= p.width) {
        return;
    }
    let start = id.y * p.width;
    let first = id.x - min(id.x, p.radius);
    let end = min(id.x + p.radius + 1u, p.width);
    let count = f32(end - first);
    var sum = 0.0;
    for (var x = first; x < end; x++) {
        sum += plane[start + x];
    }
    let mean = sum / count;
    var spread = 0.0;
    for (var x = first; x < end; x++) {
        let d = plane[start + x] - mean;
        spread += d * d;
    }
    row_moments[start + id.x] = vec2<f32>(mean, spread / count);
}

@compute @workgroup_size(64)
fn local_norm(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= p.width) {
        return;
    }
    let first = id.y - min(id.y, p.radius);
    let end = min(id.y + p.radius + 1u, p.height);
    let count = f32(end - first);
    var sums = vec2<f32>(0.0);
    for (var y = first; y < end; y++) {
        sums += rows[y * p.width + id.x];
    }
    let means = sums / count;
    var between = 0.0;
    for (var y = first; y < end; y++) {
        let d = rows[y * p.width + id.x].x - means.x;
        between += d * d;
    }
    let sd = sqrt(means.y + between / count);
    let at = id.y * p.width + id.x;
    output[at] = p.gain * (plane[at] - means.x) / (sd + p.floor);
}
