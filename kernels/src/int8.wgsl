// 8-bit integers, four in a word.

// Four values, scaled to at most 127, as integers.
fn quantised(scaled: vec4<f32>) -> u32 {
    return pack4xI8Clamp(vec4<i32>(round(scaled)));
}

// The dot products of one word with each of four.
fn dots(w: u32, v: vec4<u32>) -> vec4<i32> {
    return vec4<i32>(
        dot4I8Packed(w, v.x),
        dot4I8Packed(w, v.y),
        dot4I8Packed(w, v.z),
        dot4I8Packed(w, v.w),
    );
}

