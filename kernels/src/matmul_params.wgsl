// Parameters of every matrix product, and the shape of the tile that a workgroup computes.

// Threads along the columns of the tile: 8 or 16.
override ACROSS: u32 = 8u;

struct Params {
    m: u32,
    n: u32,
    k: u32,
    padded_m: u32,
    weight_batch: u32,
    bias_batch: u32,
    pad0: u32,
    pad1: u32,
    epilogue: Epilogue,
}

@group(0) @binding(0) var<uniform> p: Params;
