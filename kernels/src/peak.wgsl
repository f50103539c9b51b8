// From heat maps to points: the largest logit, a mean shift from there with a bell-shaped window, and the moments of the
// whole map. A workgroup per map, of any size: every thread sums its part, then the threads are reduced.

struct Params {
    width: u32,
    height: u32,
    radius: u32,
    pad0: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> maps: array<f32>;
@group(0) @binding(2) var<storage, read_write> peaks: array<Peak>;

alias Sum = vec3<f32>;
const THREADS: u32 = 256u;

// An integer that orders like the float, with NaN lowest and both zeros equal. WGSL defines the comparison of integers, but
// not that of NaN.
fn key(v: f32) -> u32 {
    let bits = bitcast<u32>(v);
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return 0u;
    }
    if (bits == 0x80000000u) {
        return 0x80000000u;
    }
    return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}

const NEGATIVE_INFINITY: u32 = 0x007fffffu;
const INFINITY: u32 = 0xff800000u;
// Steps of the mean shift.
const MOVES: u32 = 8u;

fn weight(v: f32, top: f32) -> f32 {
    return select(exp(v - top), 0.0, key(v) <= NEGATIVE_INFINITY);
}

@compute @workgroup_size(256)
fn peak(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let count = p.width * p.height;
    let start = group.x * count;
    var best = 0u;
    var place = 0xffffffffu;
    for (var i = thread; i < count; i += THREADS) {
        let k = key(maps[start + i]);
        if (k > best) {
            best = k;
            place = i;
        }
    }
    let found = largest(best, place, thread);
    let valid = found.x > NEGATIVE_INFINITY && found.x < INFINITY;
    // Without a peak the values below mean nothing, and are not used.
    place = select(0u, found.y, valid);
    let top = select(0.0, maps[start + place], valid);
    let px = place % p.width;
    let py = place / p.width;

    let x0 = px - min(px, p.radius);
    let y0 = py - min(py, p.radius);
    let x1 = min(px + p.radius + 1u, p.width);
    let y1 = min(py + p.radius + 1u, p.height);
    let side = x1 - x0;
    var mass = 0.0;
    for (var i = thread; i < side * (y1 - y0); i += THREADS) {
        mass += weight(maps[start + (y0 + i / side) * p.width + x0 + i % side], top);
    }

    let support = f32(3u * p.radius + 1u);
    let edge = vec2<i32>(i32(p.width), i32(p.height));
    var middle = vec2<f32>(f32(px), f32(py));
    for (var i = 0u; i < MOVES; i += 1u) {
        let first = max(vec2<i32>(middle - support), vec2<i32>(0));
        let cells = max(min(vec2<i32>(middle + support) + 1, edge) - first, vec2<i32>(0));
        var under = vec3<f32>(0.0);
        for (var j = i32(thread); j < cells.x * cells.y; j += i32(THREADS)) {
            let cell = first + vec2<i32>(j % cells.x, j / cells.x);
            let d = vec2<f32>(cell) - middle;
            let bell = max(1.0 - dot(d, d) / (support * support), 0.0);
            let w = weight(maps[start + u32(cell.y) * p.width + u32(cell.x)], top) * bell * bell;
            under += w * vec3<f32>(1.0, d);
        }
        under = total(under, thread);
        middle += under.yz / under.x;
    }

    var sums = vec3<f32>(0.0);
    var covariance = vec3<f32>(0.0);
    for (var i = thread; i < count; i += THREADS) {
        let w = weight(maps[start + i], top);
        let dx = f32(i % p.width) - middle.x;
        let dy = f32(i / p.width) - middle.y;
        sums += w * vec3<f32>(1.0, sqrt(dx * dx + dy * dy), 0.0);
        covariance += w * vec3<f32>(dx * dx, dx * dy, dy * dy);
    }
    sums.z = mass;
    sums = total(sums, thread);
    covariance = total(covariance, thread) / sums.x;
    if (thread == 0u) {
        if (valid) {
            peaks[group.x] = Peak(
                middle.x, middle.y, sums.z / sums.x, sums.y / sums.x,
                covariance.x, covariance.y, covariance.z, 1u,
            );
        } else {
            peaks[group.x] = Peak(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0u);
        }
    }
}
