// Columns written one at a time, for any `n`.

fn store(start: u32, column: u32, sum: vec4<f32>) {
    for (var i = 0u; i < 4u; i++) {
        if (column + i < p.n) {
            put(start + column + i, sum[i]);
        }
    }
}

