// Resampling of the reduced plane onto the backbone's input, bilinear, the border repeated outwards.

struct Params {
    width: u32,
    height: u32,
    pad0: u32,
    pad1: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> picture: Picture;
@group(0) @binding(2) var<storage, read> plane: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(64)
fn warp(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= p.width) {
        return;
    }
    let width = picture.plane_width[0];
    let height = picture.plane_height[0];
    let map = picture.input_to_plane;
    let x = clamp(f32(id.x) * map[0] + map[2], 0.0, f32(width - 1u));
    let y = clamp(f32(id.y) * map[1] + map[3], 0.0, f32(height - 1u));
    output[id.y * p.width + id.x] = bilinear(x, y, width, height);
}
