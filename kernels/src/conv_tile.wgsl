// What a workgroup of `conv` or `conv_int8` computes: a tile of 32 output channels x 32 pixels or of 16 x 64, a thread
// 4 x 4 values of it.

// Threads along the pixels of the tile: 8 or 16.
override ACROSS: u32 = 8u;

struct Tile {
    // Threads down the rows (output channels) of the tile, and its pixels.
    down: u32,
    columns: u32,
    first_row: u32,
    first_pixel: u32,
    // The place of this thread's 4 x 4 values.
    tx: u32,
    ty: u32,
    // The pixel of which this thread reads the input: its place in the tile, its number, and the top-left corner of its
    // window, px of the input.
    lane: u32,
    pixel: u32,
    x0: i32,
    y0: i32,
}

fn tile_of(group: vec3<u32>, thread: u32) -> Tile {
    let down = 64u / ACROSS;
    let columns = 4u * ACROSS;
    let lane = thread % columns;
    let pixel = group.x * columns + lane;
    return Tile(
        down,
        columns,
        group.y * 4u * down,
        group.x * columns,
        thread % ACROSS,
        thread / ACROSS,
        lane,
        pixel,
        i32(pixel % p.out_width * p.stride_x) - i32(p.pad_x),
        i32(pixel / p.out_width * p.stride_y) - i32(p.pad_y),
    );
}

// Whether the pixel exists and its tap at (x, y) lies inside the input.
fn is_inside(pixel: u32, x: i32, y: i32) -> bool {
    return pixel < p.out_height * p.out_width && y >= 0 && x >= 0
        && y < i32(p.in_height) && x < i32(p.in_width);
}

// The place of (x, y) in channel 0 of an image; of any value where that lies outside.
fn place_of(image: u32, x: i32, y: i32) -> u32 {
    let plane = p.in_height * p.in_width;
    return image * p.in_channels * plane + u32(max(y, 0)) * p.in_width + u32(max(x, 0));
}

