// `coarse` runs between the two networks: it fits the pose of the mean shape and the likely shape, and places the regions.
// `fine` runs after them: points, residuals and the values that are read back. One workgroup: little work in many small
// steps. The reference implementation of the fits is pose.rs.

struct Params {
    model_landmarks: u32,
    landmarks: u32,
    modes: u32,
    fine_cells: u32,
    fine_stride: f32,
    region_size: f32,
    region_unit: f32,
    outlier: f32,
    scale_low: f32,
    scale_high: f32,
    coarse_middle_x: f32,
    coarse_middle_y: f32,
}

struct Regions {
    along: f32,
    across: f32,
    centres: array<vec2<f32>>,
}

struct Results {
    found: Found,
    rows: array<vec4<u32>>,
}

// A similarity: x' = along x - across y + shift_x, y' = across x + along y + shift_y.
struct Pose {
    along: f32,
    across: f32,
    shift: vec2<f32>,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> picture: Picture;
// Written by `pack_shape` in gpu/steps/packing.rs: mean shape, ridge of each mode, modes; for each landmark its model
// landmark, or the number of model landmarks plus the number of its derived landmark; then for each derived landmark its
// mean and its modes.
@group(0) @binding(2) var<storage, read> model: array<f32>;
@group(0) @binding(3) var<storage, read> peaks: array<Peak>;
// Points, their image in the model's frame, the fitted shape, the guided points, weights, robust weights, and
// the linear system with its solution.
@group(0) @binding(4) var<storage, read_write> work: array<f32>;
@group(0) @binding(5) var<storage, read_write> regions: Regions;
@group(0) @binding(6) var<storage, read_write> results: Results;

// Set by the host from the constants of pose.rs.
override ROUNDS: u32;
override POSE_ROBUST_UNITS: f32;
override SHAPE_ROBUST_UNITS: f32;
// Set by the host from the constants of gpu/wire/results.rs.
override PLACE_STEPS: f32;
override COVARIANCE_CELLS: f32;

alias Sum = vec4<f32>;
const THREADS: u32 = 64u;

var<workgroup> pivot: u32;

fn points_at(i: u32) -> u32 { return 2u * i; }
fn local_at(i: u32) -> u32 { return 2u * (p.model_landmarks + i); }
fn shape_at(i: u32) -> u32 { return 2u * (2u * p.model_landmarks + i); }
fn guided_at(i: u32) -> u32 { return 2u * (3u * p.model_landmarks + i); }
fn weight_at(i: u32) -> u32 { return 8u * p.model_landmarks + i; }
fn robust_at(i: u32) -> u32 { return 9u * p.model_landmarks + i; }
fn system_at(row: u32, column: u32) -> u32 {
    return 10u * p.model_landmarks + row * (p.modes + 1u) + column;
}
fn amount_at(mode: u32) -> u32 { return 10u * p.model_landmarks + p.modes * (p.modes + 1u) + mode; }

fn vec_at(at: u32) -> vec2<f32> { return vec2<f32>(work[at], work[at + 1u]); }
fn set_vec(at: u32, v: vec2<f32>) {
    work[at] = v.x;
    work[at + 1u] = v.y;
}

fn mean_shape(i: u32) -> vec2<f32> { return vec2<f32>(model[2u * i], model[2u * i + 1u]); }
fn ridge(mode: u32) -> f32 { return model[2u * p.model_landmarks + mode]; }
fn mode_of(mode: u32, i: u32) -> vec2<f32> {
    let at = 2u * p.model_landmarks + p.modes + 2u * (mode * p.model_landmarks + i);
    return vec2<f32>(model[at], model[at + 1u]);
}
fn model_landmark_of(landmark: u32) -> u32 {
    return u32(model[2u * p.model_landmarks + p.modes + 2u * p.modes * p.model_landmarks + landmark]);
}

// Where a derived landmark lies in the frame of the mean shape, given the amounts of the last fit.
fn derived(number: u32) -> vec2<f32> {
    let start = 2u * p.model_landmarks + p.modes + 2u * p.modes * p.model_landmarks + p.landmarks;
    let at = start + 2u * number * (1u + p.modes);
    var v = vec2<f32>(model[at], model[at + 1u]);
    for (var mode = 0u; mode < p.modes; mode++) {
        let moved = at + 2u * (1u + mode);
        v += work[amount_at(mode)] * vec2<f32>(model[moved], model[moved + 1u]);
    }
    return v;
}

// The expected position of a landmark: its model landmark among the values from `first` on, or where the shape puts its
// derived landmark.
fn expected_at(landmark: u32, first: u32, pose: Pose) -> vec2<f32> {
    let place = model_landmark_of(landmark);
    if (place >= p.model_landmarks) {
        return to_image(pose, derived(place - p.model_landmarks));
    }
    return vec_at(first + 2u * place);
}

fn turn(pose: Pose, v: vec2<f32>) -> vec2<f32> {
    return vec2<f32>(pose.along * v.x - pose.across * v.y, pose.across * v.x + pose.along * v.y);
}
fn to_image(pose: Pose, v: vec2<f32>) -> vec2<f32> { return turn(pose, v) + pose.shift; }

// The weighted least-squares similarity from the mean shape to the points.
fn similarity(thread: u32) -> Pose {
    var sums = vec4<f32>(0.0);
    var weights = 0.0;
    for (var i = thread; i < p.model_landmarks; i += THREADS) {
        let w = work[robust_at(i)];
        sums += w * vec4<f32>(mean_shape(i), vec_at(points_at(i)));
        weights += w;
    }
    sums = total(sums, thread);
    let weight = max(total(vec4<f32>(weights), thread).x, 1e-12);
    let a = sums.xy / weight;
    let b = sums.zw / weight;
    var products = vec4<f32>(0.0);
    for (var i = thread; i < p.model_landmarks; i += THREADS) {
        let w = work[robust_at(i)];
        let s = mean_shape(i) - a;
        let d = vec_at(points_at(i)) - b;
        products += w * vec4<f32>(dot(s, d), s.x * d.y - s.y * d.x, dot(s, s), 0.0);
    }
    products = total(products, thread);
    var pose = Pose(1.0, 0.0, vec2<f32>(0.0));
    if (length(products.xy) > 1e-9 && products.z > 1e-9) {
        pose.along = products.x / products.z;
        pose.across = products.y / products.z;
    }
    pose.shift = b - turn(pose, a);
    return pose;
}

// Fits the mean shape to the points; points far from it count less.
fn fit_pose(thread: u32) -> Pose {
    for (var i = thread; i < p.model_landmarks; i += THREADS) {
        work[robust_at(i)] = work[weight_at(i)];
    }
    storageBarrier();
    var pose = similarity(thread);
    for (var round = 0u; round < ROUNDS; round++) {
        for (var i = thread; i < p.model_landmarks; i += THREADS) {
            let off = distance(to_image(pose, mean_shape(i)), vec_at(points_at(i)));
            let r = off / POSE_ROBUST_UNITS;
            work[robust_at(i)] = work[weight_at(i)] / (1.0 + r * r);
        }
        storageBarrier();
        pose = similarity(thread);
    }
    return pose;
}

// Gaussian elimination with pivoting; writes the solution to the amounts.
fn solve(thread: u32) {
    for (var k = 0u; k < p.modes; k++) {
        if (thread == 0u) {
            pivot = k;
            for (var i = k + 1u; i < p.modes; i++) {
                if (abs(work[system_at(i, k)]) >= abs(work[system_at(pivot, k)])) {
                    pivot = i;
                }
            }
        }
        workgroupBarrier();
        let lead = pivot;
        for (var j = k + thread; j <= p.modes; j += THREADS) {
            let v = work[system_at(k, j)];
            work[system_at(k, j)] = work[system_at(lead, j)];
            work[system_at(lead, j)] = v;
        }
        storageBarrier();
        workgroupBarrier();
        for (var i = k + 1u + thread; i < p.modes; i += THREADS) {
            let factor = work[system_at(i, k)] / work[system_at(k, k)];
            for (var j = k; j <= p.modes; j++) {
                work[system_at(i, j)] -= factor * work[system_at(k, j)];
            }
        }
        storageBarrier();
        workgroupBarrier();
    }
    if (thread == 0u) {
        for (var back = p.modes; back > 0u; back--) {
            let k = back - 1u;
            var known = 0.0;
            for (var j = back; j < p.modes; j++) {
                known += work[system_at(k, j)] * work[amount_at(j)];
            }
            work[amount_at(k)] = (work[system_at(k, p.modes)] - known) / work[system_at(k, k)];
        }
    }
    storageBarrier();
    workgroupBarrier();
}

// Weighted ridge regression of the modes on the points, all in the frame of the model.
fn reconstruct(thread: u32) {
    var weights = 0.0;
    for (var i = thread; i < p.model_landmarks; i += THREADS) {
        weights += work[robust_at(i)];
    }
    let mean_weight = max(total(vec4<f32>(weights), thread).x / f32(p.model_landmarks), 1e-9);
    for (var cell = thread; cell < p.modes * (p.modes + 1u); cell += THREADS) {
        let a = cell / (p.modes + 1u);
        let b = cell % (p.modes + 1u);
        var sum = 0.0;
        for (var i = 0u; i < p.model_landmarks; i++) {
            var other = vec_at(local_at(i)) - mean_shape(i);
            if (b < p.modes) {
                other = mode_of(b, i);
            }
            sum += work[robust_at(i)] * dot(mode_of(a, i), other);
        }
        if (a == b) {
            sum += ridge(a) * mean_weight;
        }
        work[system_at(a, b)] = sum;
    }
    storageBarrier();
    workgroupBarrier();
    solve(thread);
    for (var i = thread; i < p.model_landmarks; i += THREADS) {
        var v = mean_shape(i);
        for (var mode = 0u; mode < p.modes; mode++) {
            v += work[amount_at(mode)] * mode_of(mode, i);
        }
        set_vec(shape_at(i), v);
    }
    storageBarrier();
    workgroupBarrier();
}

// The likely shape nearest to the points under a pose; writes it to the shape, image units.
fn fit_shape(pose: Pose, thread: u32) {
    let size = pose.along * pose.along + pose.across * pose.across;
    for (var i = thread; i < p.model_landmarks; i += THREADS) {
        let d = vec_at(points_at(i)) - pose.shift;
        let back = vec2<f32>(pose.along * d.x + pose.across * d.y, pose.along * d.y - pose.across * d.x);
        set_vec(local_at(i), select(d, back / size, size > 1e-30));
        work[robust_at(i)] = work[weight_at(i)];
    }
    storageBarrier();
    workgroupBarrier();
    for (var round = 0u; round < ROUNDS; round++) {
        reconstruct(thread);
        for (var i = thread; i < p.model_landmarks; i += THREADS) {
            let r = distance(vec_at(shape_at(i)), vec_at(local_at(i))) / SHAPE_ROBUST_UNITS;
            work[robust_at(i)] = work[weight_at(i)] / (1.0 + r * r);
        }
        storageBarrier();
        workgroupBarrier();
    }
    for (var i = thread; i < p.model_landmarks; i += THREADS) {
        set_vec(shape_at(i), to_image(pose, vec_at(shape_at(i))));
    }
    storageBarrier();
    workgroupBarrier();
}

@compute @workgroup_size(64)
fn coarse(@builtin(local_invocation_index) thread: u32) {
    let map = picture.cell_to_units;
    var masses = 0.0;
    for (var i = thread; i < p.model_landmarks; i += THREADS) {
        let peak = peaks[i];
        var cell = vec2<f32>(p.coarse_middle_x, p.coarse_middle_y);
        if (peak.valid == 1u) {
            cell = vec2<f32>(peak.x, peak.y);
        }
        set_vec(points_at(i), cell * vec2<f32>(map[0], map[1]) + vec2<f32>(map[2], map[3]));
        work[weight_at(i)] = peak.mass;
        masses += peak.mass;
    }
    storageBarrier();
    workgroupBarrier();
    let pose = fit_pose(thread);
    fit_shape(pose, thread);
    var squares = 0.0;
    for (var i = thread; i < p.model_landmarks; i += THREADS) {
        let point = vec_at(points_at(i));
        let fitted = vec_at(shape_at(i));
        set_vec(guided_at(i), select(point, fitted, distance(point, fitted) > p.outlier));
        let d = point - to_image(pose, mean_shape(i));
        squares += dot(d, d);
    }
    storageBarrier();
    workgroupBarrier();
    for (var i = thread; i < p.landmarks; i += THREADS) {
        regions.centres[i] = expected_at(i, guided_at(0u), pose);
    }
    let sums = total(vec4<f32>(masses, squares, 0.0, 0.0), thread) / f32(p.model_landmarks);
    if (thread == 0u) {
        let size = length(vec2<f32>(pose.along, pose.across));
        let grown = p.region_unit * clamp(size, p.scale_low, p.scale_high) / size;
        regions.along = pose.along * grown;
        regions.across = pose.across * grown;
        results.found.coarse_mass = sums.x;
        results.found.pose_residual = sqrt(sums.y);
        results.found.along = pose.along;
        results.found.across = pose.across;
        results.found.shift_x = pose.shift.x;
        results.found.shift_y = pose.shift.y;
    }
}

// A point of the image as 24 bits: from one image width left of the image to one right of it.
fn place(px: f32, size: u32) -> u32 {
    return u32(round(clamp((px / f32(size) + 1.0) / 3.0, 0.0, 1.0) * PLACE_STEPS));
}

fn halves(a: f32, b: f32) -> u32 {
    return pack2x16float(clamp(vec2<f32>(a, b), vec2<f32>(-65504.0), vec2<f32>(65504.0)));
}

// The position that the fine heat map of a landmark gives, units; the centre of its region where the map has no peak.
fn fine_point(landmark: u32) -> vec2<f32> {
    let peak = peaks[landmark];
    var cell = vec2<f32>((f32(p.fine_cells) - 1.0) / 2.0);
    if (peak.valid == 1u) {
        cell = vec2<f32>(peak.x, peak.y);
    }
    let px = cell * p.fine_stride + (p.fine_stride - 1.0) / 2.0;
    let frame = Pose(regions.along, regions.across, regions.centres[landmark]);
    return to_image(frame, px - (p.region_size - 1.0) / 2.0);
}

@compute @workgroup_size(64)
fn fine(@builtin(local_invocation_index) thread: u32) {
    for (var i = thread; i < p.model_landmarks; i += THREADS) {
        set_vec(points_at(i), vec_at(guided_at(i)));
        work[weight_at(i)] = 1.0;
    }
    storageBarrier();
    workgroupBarrier();
    for (var i = thread; i < p.landmarks; i += THREADS) {
        let model_landmark = model_landmark_of(i);
        if (model_landmark < p.model_landmarks) {
            set_vec(points_at(model_landmark), fine_point(i));
        }
    }
    storageBarrier();
    workgroupBarrier();
    let pose = fit_pose(thread);
    fit_shape(pose, thread);
    let cell_units = length(vec2<f32>(regions.along, regions.across)) * p.fine_stride;
    let grown = COVARIANCE_CELLS / f32(p.fine_cells) * COVARIANCE_CELLS / f32(p.fine_cells);
    let middle = (f32(p.fine_cells) - 1.0) / 2.0;
    // Derived landmarks have a residual too, but are not part of the plausibility check.
    var squares = vec2<f32>(0.0);
    for (var i = thread; i < p.landmarks; i += THREADS) {
        let point = fine_point(i);
        let residual = distance(point, expected_at(i, shape_at(0u), pose));
        let counts = model_landmark_of(i) < p.model_landmarks;
        squares += select(vec2<f32>(0.0), vec2<f32>(residual * residual, 1.0), counts);
        var peak = peaks[i];
        if (peak.valid != 1u) {
            peak = Peak(middle, middle, 0.0, middle, middle * middle, 0.0, middle * middle, 0u);
        }
        let x = place(point.x / picture.unit_per_px[0], picture.width);
        let y = place(point.y / picture.unit_per_px[1], picture.height);
        let spread = halves(peak.expected_error * cell_units, 0.0) & 0xffffu;
        results.rows[i] = vec4<u32>(
            x | (y << 24u),
            (y >> 8u) | (spread << 16u),
            halves(peak.xx * grown, peak.xy * grown),
            halves(peak.yy * grown, residual),
        );
    }
    let sums = total(vec4<f32>(squares, 0.0, 0.0), thread);
    if (thread == 0u) {
        results.found.shape_residual = sqrt(sums.x / max(sums.y, 1.0));
    }
}
