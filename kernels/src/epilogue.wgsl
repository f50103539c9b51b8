// What happens to a finished sum: activation, and the skip connection before or after it.

struct Epilogue {
    activation: u32,
    low: f32,
    high: f32,
    residual: u32,
}

fn activate(v: f32, e: Epilogue) -> f32 {
    switch e.activation {
        case 1u: { return clamp(v, e.low, e.high); }
        case 2u: { return 1.0 / (1.0 + exp(-v)); }
        case 3u: { return v / (1.0 + exp(-v)); }
        case 4u: { return v * clamp(v / 6.0 + 0.5, 0.0, 1.0); }
        case 5u: { return select(v * e.low, v, v >= 0.0); }
        // Saturates long before: a larger argument overflows some drivers' tanh.
        case 7u: { return tanh(clamp(v, -15.0, 15.0)); }
        case 8u: { return 1.0 / v; }
        case 9u: { return v * v; }
        case 10u: { return abs(v); }
        case 11u: { return sqrt(v); }
        case 12u: { return exp(v); }
        default: { return v; }
    }
}

fn finish(v: f32, skip: f32, e: Epilogue) -> f32 {
    switch e.residual {
        case 1u: { return activate(v + skip, e); }
        case 2u: { return activate(v, e) + skip; }
        default: { return activate(v, e); }
    }
}
