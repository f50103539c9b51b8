// Values along one axis as weighted sums of others on it, by a table: a thread computes one result.

struct Params {
    count: u32,
    in_size: u32,
    out_size: u32,
    inner: u32,
    taps: u32,
    pad0: u32,
    pad1: u32,
    pad2: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> input: array<Input>;
// Both [place of the output][tap].
@group(0) @binding(2) var<storage, read> places: array<u32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<Output>;

@compute @workgroup_size(64)
fn resample(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let index = id.x + id.y * groups.x * 64u;
    if (index >= p.count) {
        return;
    }
    let place = index / p.inner % p.out_size;
    let start = index / (p.inner * p.out_size) * p.in_size;
    var sum = 0.0;
    for (var tap = place * p.taps; tap < (place + 1u) * p.taps; tap++) {
        let weight = weights[tap];
        if (weight != 0.0) {
            sum += weight * f32(input[(start + places[tap]) * p.inner + index % p.inner]);
        }
    }
    output[index] = Output(sum);
}
