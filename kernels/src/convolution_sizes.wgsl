// The sizes of a convolution, in the order of the Rust type `Conv`.

struct Convolution {
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

