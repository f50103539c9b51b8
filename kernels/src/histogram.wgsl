// Counts how many pixels have each grey level. Levels below 256 are counted in the workgroup first: an
// 8-bit film would else queue at a few words of memory.

@group(0) @binding(1) var<storage, read> picture: Picture;
@group(0) @binding(2) var<storage, read_write> bins: array<atomic<u32>>;

var<workgroup> low_bins: array<atomic<u32>, 256>;

@compute @workgroup_size(256)
fn histogram(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    atomicStore(&low_bins[thread], 0u);
    workgroupBarrier();
    let per_word = picture.per_word;
    let bits = 32u / per_word;
    let mask = (1u << bits) - 1u;
    let pixels = picture.width * picture.height;
    for (var word = id.x; word < picture.words; word += groups.x * 256u) {
        let packed = picture.pixels[word];
        for (var i = 0u; i < per_word; i++) {
            if (word * per_word + i < pixels) {
                let level = (packed >> (i * bits)) & mask;
                if (level < 256u) {
                    atomicAdd(&low_bins[level], 1u);
                } else {
                    atomicAdd(&bins[level], 1u);
                }
            }
        }
    }
    workgroupBarrier();
    let count = atomicLoad(&low_bins[thread]);
    if (count > 0u) {
        atomicAdd(&bins[thread], count);
    }
}
