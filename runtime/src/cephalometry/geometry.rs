//! Angles and lengths between points `[x, y]`; x points to the front of the face, y down.

pub(super) type Point = [f64; 2];

pub(super) fn length(a: Point, b: Point) -> f64 {
    (b[0] - a[0]).hypot(b[1] - a[1])
}

/// The angle at `at` between `a` and `b`, 0 to 180 degrees.
pub(super) fn corner(a: Point, at: Point, b: Point) -> f64 {
    turn([at, a], [at, b]).abs()
}

/// By how much the direction of `b` is turned against that of `a`, degrees, -180 to 180; positive where a line to the
/// front is turned downwards.
pub(super) fn turn(a: [Point; 2], b: [Point; 2]) -> f64 {
    let [u, v] = [a, b].map(|[from, to]| [to[0] - from[0], to[1] - from[1]]);
    (u[0] * v[1] - u[1] * v[0]).atan2(u[0] * v[0] + u[1] * v[1]).to_degrees()
}

/// How far the upper incisor's edge lies in front of and below the lower one's, along the Frankfort plane and across it.
pub(super) fn incisors(p: &[Point]) -> [f64; 2] {
    let plane = length(p[0], p[1]);
    let along = [0, 1].map(|axis| (p[1][axis] - p[0][axis]) / plane);
    let apart = [0, 1].map(|axis| p[3][axis] - p[2][axis]);
    [along[0] * apart[0] + along[1] * apart[1], along[0] * apart[1] - along[1] * apart[0]]
}
