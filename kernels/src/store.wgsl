// Writes results one at a time, each with what a skip connection adds to it.

@group(0) @binding(4) var<storage, read> skip: array<Skip>;
@group(0) @binding(5) var<storage, read_write> output: array<Output>;

fn put(at: u32, sum: f32) {
    var other = 0.0;
    if (p.epilogue.residual != 0u) {
        other = f32(skip[at]);
    }
    output[at] = Output(finish(sum, other, p.epilogue));
}

