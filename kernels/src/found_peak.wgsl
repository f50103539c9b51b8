// A decoded heat map, as one step leaves it for the next.

struct Peak {
    x: f32,
    y: f32,
    mass: f32,
    expected_error: f32,
    xx: f32,
    xy: f32,
    yy: f32,
    // 1 where the map holds a peak, else 0 and so is all of the rest.
    valid: u32,
}

