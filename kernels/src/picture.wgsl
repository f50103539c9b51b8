// The uploaded image: a header, then its packed pixels.

struct Picture {
    width: u32,
    height: u32,
    words: u32,
    per_word: u32,
    tail: u32,
    // [whole image, regions]
    plane_width: array<u32, 2>,
    plane_height: array<u32, 2>,
    factor_x: array<u32, 2>,
    factor_y: array<u32, 2>,
    input_to_plane: array<f32, 4>,
    cell_to_units: array<f32, 4>,
    unit_per_px: array<f32, 2>,
    pad: array<u32, 41>,
    pixels: array<u32>,
}

// Results that concern the whole image; read back with the landmarks.
struct Found {
    low: u32,
    high: u32,
    levels: u32,
    white: u32,
    gain: f32,
    offset: f32,
    coarse_mass: f32,
    pose_residual: f32,
    // The pose of the mean shape: cosine and sine times size, then the shift, units.
    along: f32,
    across: f32,
    shift_x: f32,
    shift_y: f32,
    shape_residual: f32,
    side: f32,
    pad: array<u32, 50>,
}
