// Reduction of the uploaded image by integer factors: a thread computes one pixel of the reduced plane.

// Which of the two planes: 0 for the whole image, 1 for the regions.
override PLANE: u32 = 0u;

@group(0) @binding(1) var<storage, read> picture: Picture;
@group(0) @binding(2) var<storage, read> found: Found;
@group(0) @binding(3) var<storage, read_write> plane: array<f32>;

fn pixel(at: u32) -> u32 {
    if (picture.per_word == 4u) {
        return (picture.pixels[at / 4u] >> (at % 4u * 8u)) & 0xffu;
    }
    return (picture.pixels[at / 2u] >> (at % 2u * 16u)) & 0xffffu;
}

@compute @workgroup_size(64)
fn box_mean(@builtin(global_invocation_id) id: vec3<u32>) {
    let width = picture.plane_width[PLANE];
    if (id.x >= width) {
        return;
    }
    let factor_x = picture.factor_x[PLANE];
    let factor_y = picture.factor_y[PLANE];
    // A row of the widest image fits 32 bits, a box of the largest does not.
    var sum = 0u;
    var carries = 0u;
    for (var row = 0u; row < factor_y; row++) {
        let start = (id.y * factor_y + row) * picture.width + id.x * factor_x;
        var row_sum = 0u;
        // Four at a time: four loads are under way at once (and lavapipe ends loops after 65,535 rounds).
        var i = 0u;
        for (; i + 4u <= factor_x; i += 4u) {
            let at = start + i;
            row_sum += pixel(at) + pixel(at + 1u) + pixel(at + 2u) + pixel(at + 3u);
        }
        for (; i < factor_x; i++) {
            row_sum += pixel(start + i);
        }
        sum += row_sum;
        carries += select(0u, 1u, sum < row_sum);
    }
    let scale = found.gain / f32(factor_x * factor_y);
    let total = f32(carries) * 4294967296.0 + f32(sum);
    plane[id.y * width + id.x] = total * scale + found.offset;
}
