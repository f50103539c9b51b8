// A plane between its pixels.

// `plane` at a position inside it.
fn bilinear(x: f32, y: f32, width: u32, height: u32) -> f32 {
    let x0 = u32(x);
    let y0 = u32(y);
    let x1 = min(x0 + 1u, width - 1u);
    let y1 = min(y0 + 1u, height - 1u);
    let fx = x - f32(x0);
    let fy = y - f32(y0);
    let top = plane[y0 * width + x0] * (1.0 - fx) + plane[y0 * width + x1] * fx;
    let low = plane[y1 * width + x0] * (1.0 - fx) + plane[y1 * width + x1] * fx;
    return top * (1.0 - fy) + low * fy;
}

