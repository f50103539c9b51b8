// The largest of the threads' keys and the first place that has it, by a tree reduction over the workgroup.

var<workgroup> keys: array<u32, 256>;
var<workgroup> places: array<u32, 256>;

// Key and place.
fn largest(key: u32, place: u32, thread: u32) -> vec2<u32> {
    keys[thread] = key;
    places[thread] = place;
    workgroupBarrier();
    for (var half = 128u; half > 0u; half /= 2u) {
        if (thread < half) {
            let k = keys[thread + half];
            let i = places[thread + half];
            if (k > keys[thread] || (k == keys[thread] && i < places[thread])) {
                keys[thread] = k;
                places[thread] = i;
            }
        }
        workgroupBarrier();
    }
    return vec2<u32>(keys[0], places[0]);
}

