// The sum of a value over the threads of a workgroup. `Sum` is the type of the value, `THREADS` their number, a power of
// two.

var<workgroup> parts: array<Sum, THREADS>;

fn total(v: Sum, thread: u32) -> Sum {
    parts[thread] = v;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if (thread < half) {
            parts[thread] += parts[thread + half];
        }
        workgroupBarrier();
    }
    let sum = parts[0];
    workgroupBarrier();
    return sum;
}

