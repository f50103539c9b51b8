// Next to no work, in a dispatch that waits for the one before it.

@group(0) @binding(1) var<storage, read_write> count: array<u32>;

@compute @workgroup_size(1)
fn wait() {
    count[0] += 1u;
}
