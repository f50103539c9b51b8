// Columns written one at a time, for any `n`.

@group(0) @binding(4) var<storage, read> skip: array<Skip>;
@group(0) @binding(5) var<storage, read_write> output: array<Output>;

fn store(start: u32, column: u32, sum: vec4<f32>) {
    for (var i = 0u; i < 4u; i++) {
        if (column + i < p.n) {
            let at = start + column + i;
            var other = 0.0;
            if (p.epilogue.residual != 0u) {
                other = f32(skip[at]);
            }
            output[at] = Output(finish(sum[i], other, p.epilogue));
        }
    }
}
