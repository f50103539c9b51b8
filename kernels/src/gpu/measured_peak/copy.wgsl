// A copy of a buffer, and the values that are copied.

/// Threads in a row of workgroups.
override ROW: u32;

@group(0) @binding(1) var<storage, read> source: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> copied: array<vec4u>;

@compute @workgroup_size(256)
fn copy(@builtin(global_invocation_id) at: vec3u) {
    let i = at.y * ROW + at.x;
    copied[i] = source[i];
}

@compute @workgroup_size(256)
fn fill(@builtin(global_invocation_id) at: vec3u) {
    let i = at.y * ROW + at.x;
    copied[i] = (4u * i + vec4u(0u, 1u, 2u, 3u)) * 2654435761u;
}
