// The largest of the threads' keys and the first place that has it: subgroups reduce by themselves, their
// results meet in two words. These are integers, so that the order has no effect.

var<workgroup> top_key: atomic<u32>;
// All bits turned, so that the first place is the largest, and none is zero.
var<workgroup> top_place: atomic<u32>;

// Key and place.
fn largest(key: u32, place: u32, thread: u32) -> vec2<u32> {
    let near_key = subgroupMax(key);
    if (key == near_key) {
        atomicMax(&top_key, near_key);
    }
    workgroupBarrier();
    let top = atomicLoad(&top_key);
    let own = select(0u, ~place, key == top);
    let near_place = subgroupMax(own);
    if (own == near_place) {
        atomicMax(&top_place, near_place);
    }
    workgroupBarrier();
    return vec2<u32>(top, ~atomicLoad(&top_place));
}

