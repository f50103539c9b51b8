// One value of two, read through views: per axis a stride and a divisor, which covers broadcasting,
// transposition, slicing, nearest-neighbour upsampling and depth-to-space.

struct Params {
    count: u32,
    operation: u32,
    offset_a: u32,
    offset_b: u32,
    offset_out: u32,
    pad0: u32,
    pad1: u32,
    pad2: u32,
    shape: array<vec4<u32>, 2>,
    stride_a: array<vec4<u32>, 2>,
    divisor_a: array<vec4<u32>, 2>,
    stride_b: array<vec4<u32>, 2>,
    divisor_b: array<vec4<u32>, 2>,
    stride_out: array<vec4<u32>, 2>,
    epilogue: Epilogue,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<A>;
@group(0) @binding(2) var<storage, read> b: array<B>;
@group(0) @binding(3) var<storage, read_write> output: array<Output>;

@compute @workgroup_size(64)
fn elementwise(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let index = id.x + id.y * groups.x * 64u;
    if (index >= p.count) {
        return;
    }
    var rest = index;
    var at_a = p.offset_a;
    var at_b = p.offset_b;
    var at_out = p.offset_out;
    for (var axis = 8u; axis > 0u; axis--) {
        let i = (axis - 1u) / 4u;
        let j = (axis - 1u) % 4u;
        let size = p.shape[i][j];
        if (size == 1u) {
            continue;
        }
        let place = rest % size;
        rest = rest / size;
        at_a += place / p.divisor_a[i][j] * p.stride_a[i][j];
        at_b += place / p.divisor_b[i][j] * p.stride_b[i][j];
        at_out += place * p.stride_out[i][j];
    }
    let v = f32(a[at_a]);
    var result = v;
    switch p.operation {
        case 1u: { result = v + f32(b[at_b]); }
        case 2u: { result = v - f32(b[at_b]); }
        case 3u: { result = v * f32(b[at_b]); }
        case 4u: { result = v / f32(b[at_b]); }
        case 5u: { result = max(v, f32(b[at_b])); }
        case 6u: { result = min(v, f32(b[at_b])); }
        default: {}
    }
    output[at_out] = Output(activate(result, p.epilogue));
}
