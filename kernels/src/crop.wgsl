// Cuts regions of interest out of the reduced plane at the centres in a buffer, and normalises each by its own mean and
// standard deviation. A workgroup per region.

struct Params {
    size: u32,
    floor: f32,
    pad0: u32,
    pad1: u32,
}

// Where the regions lie: cosine and sine times the size of a region pixel in units, then the centres, units.
struct Regions {
    along: f32,
    across: f32,
    centres: array<vec2<f32>>,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> picture: Picture;
@group(0) @binding(2) var<storage, read> plane: array<f32>;
@group(0) @binding(3) var<storage, read> regions: Regions;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;

alias Sum = f32;
const THREADS: u32 = 256u;

// A position that is not finite reads the top-left pixel, by its bits: compilers assume there is no NaN.
fn border(v: f32, last: f32) -> f32 {
    let bits = bitcast<u32>(v) & 0x7fffffffu;
    return select(clamp(v, 0.0, last), 0.0, bits > 0x7f800000u);
}

@compute @workgroup_size(256)
fn crop(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let width = picture.plane_width[1];
    let height = picture.plane_height[1];
    let factor = vec2<f32>(f32(picture.factor_x[1]), f32(picture.factor_y[1]));
    let px_per_unit = 1.0 / vec2<f32>(picture.unit_per_px[0], picture.unit_per_px[1]);
    let scale = px_per_unit / factor;
    let centre = regions.centres[group.x] * scale - (factor - 1.0) / (2.0 * factor);
    let middle = (f32(p.size) - 1.0) / 2.0;
    let count = p.size * p.size;
    let start = group.x * count;
    var sum = 0.0;
    for (var i = thread; i < count; i += THREADS) {
        let d = vec2<f32>(f32(i % p.size), f32(i / p.size)) - middle;
        let turned = vec2<f32>(
            regions.along * d.x - regions.across * d.y,
            regions.across * d.x + regions.along * d.y,
        );
        let at = centre + turned * scale;
        let x = border(at.x, f32(width - 1u));
        let y = border(at.y, f32(height - 1u));
        let v = bilinear(x, y, width, height);
        output[start + i] = v;
        sum += v;
    }
    let mean = total(sum, thread) / f32(count);
    var spread = 0.0;
    // Each thread reads only what it wrote itself.
    for (var i = thread; i < count; i += THREADS) {
        let d = output[start + i] - mean;
        spread += d * d;
    }
    let sd = sqrt(total(spread, thread) / f32(count));
    for (var i = thread; i < count; i += THREADS) {
        output[start + i] = (output[start + i] - mean) / (sd + p.floor);
    }
}
