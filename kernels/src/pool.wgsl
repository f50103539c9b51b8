// Largest or mean value of a window of each plane: a thread computes one pixel.

struct Params {
    in_height: u32,
    in_width: u32,
    out_height: u32,
    out_width: u32,
    kernel_height: u32,
    kernel_width: u32,
    stride_y: u32,
    stride_x: u32,
    pad_y: u32,
    pad_x: u32,
    // 0 the largest, 1 the sum, 2 the mean over what lies inside, 3 the mean over the whole window.
    kind: u32,
    planes: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> input: array<Input>;
@group(0) @binding(2) var<storage, read_write> output: array<Output>;

@compute @workgroup_size(64)
fn pool(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let pixels = p.out_height * p.out_width;
    let index = id.x + id.y * groups.x * 64u;
    if (index >= pixels * p.planes) {
        return;
    }
    let plane = index / pixels;
    let pixel = index % pixels;
    let y0 = i32(pixel / p.out_width * p.stride_y) - i32(p.pad_y);
    let x0 = i32(pixel % p.out_width * p.stride_x) - i32(p.pad_x);
    let first_y = u32(max(y0, 0));
    let first_x = u32(max(x0, 0));
    let end_y = u32(min(y0 + i32(p.kernel_height), i32(p.in_height)));
    let end_x = u32(min(x0 + i32(p.kernel_width), i32(p.in_width)));
    var largest = -3.4028234e38;
    var sum = 0.0;
    for (var y = first_y; y < end_y; y++) {
        for (var x = first_x; x < end_x; x++) {
            let v = f32(input[(plane * p.in_height + y) * p.in_width + x]);
            largest = max(largest, v);
            sum += v;
        }
    }
    var result = largest;
    switch p.kind {
        case 1u: { result = sum; }
        case 2u: { result = sum / f32((end_y - first_y) * (end_x - first_x)); }
        case 3u: { result = sum / f32(p.kernel_height * p.kernel_width); }
        default: {}
    }
    output[index] = Output(result);
}
