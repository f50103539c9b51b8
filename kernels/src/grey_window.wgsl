// The grey window: the levels below and above which a small share of the pixels lies. One workgroup.

@group(0) @binding(1) var<storage, read> picture: Picture;
@group(0) @binding(2) var<storage, read> bins: array<u32>;
@group(0) @binding(3) var<storage, read_write> found: Found;

const WHITE_PART: u32 = 64u;
const GREY_LEVELS: f32 = 255.0;

var<workgroup> sums: array<u32, 256>;
var<workgroup> levels: atomic<u32>;
var<workgroup> white: atomic<u32>;
var<workgroup> ends: array<u32, 2>;

@compute @workgroup_size(256)
fn grey_window(@builtin(local_invocation_index) thread: u32) {
    var sum = 0u;
    for (var i = 0u; i < 256u; i++) {
        sum += bins[thread * 256u + i];
    }
    sums[thread] = sum;
    if (thread == 0u) {
        atomicStore(&levels, 0u);
        atomicStore(&white, 0u);
    }
    workgroupBarrier();
    if (thread == 0u) {
        var seen = 0u;
        var part = 0u;
        while (part < 255u && seen + sums[part] <= picture.tail) {
            seen += sums[part];
            part++;
        }
        var low = part * 256u;
        while (low < part * 256u + 255u && seen + bins[low] <= picture.tail) {
            seen += bins[low];
            low++;
        }
        seen = 0u;
        part = 255u;
        while (part > 0u && seen + sums[part] <= picture.tail) {
            seen += sums[part];
            part--;
        }
        var high = part * 256u + 255u;
        while (high > part * 256u && seen + bins[high] <= picture.tail) {
            seen += bins[high];
            high--;
        }
        ends[0] = low;
        ends[1] = max(high, low);
    }
    workgroupBarrier();
    let low = ends[0];
    let high = ends[1];
    let first_white = high - (high - low) / WHITE_PART;
    var own_levels = 0u;
    var own_white = 0u;
    for (var i = 0u; i < 256u; i++) {
        let level = i * 256u + thread;
        let count = bins[level];
        own_levels += select(0u, 1u, count > 0u && level >= low && level <= high);
        own_white += select(0u, count, level >= first_white);
    }
    atomicAdd(&levels, own_levels);
    atomicAdd(&white, own_white);
    workgroupBarrier();
    if (thread == 0u) {
        // An image of one level is refused after the read-back; here it must only do no harm.
        let gain = GREY_LEVELS / f32(max(high - low, 1u));
        found.low = low;
        found.high = high;
        found.levels = atomicLoad(&levels);
        found.white = atomicLoad(&white);
        found.gain = gain;
        found.offset = -f32(low) * gain;
    }
}
