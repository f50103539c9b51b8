// What all convolutions are told, and what they read and write; weights and what sums are finished with differ.

struct Params {
    in_channels: u32,
    in_height: u32,
    in_width: u32,
    out_channels: u32,
    out_height: u32,
    out_width: u32,
    kernel_height: u32,
    kernel_width: u32,
    stride_y: u32,
    stride_x: u32,
    pad_y: u32,
    pad_x: u32,
    dilation_y: u32,
    dilation_x: u32,
    groups: u32,
    padded_out: u32,
    epilogue: Epilogue,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> input: array<Input>;
@group(0) @binding(4) var<storage, read> skip: array<Skip>;
@group(0) @binding(5) var<storage, read_write> output: array<Output>;

