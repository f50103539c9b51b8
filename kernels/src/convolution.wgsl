// Parameters and input of every convolution; the bindings of weights and bias differ.

@group(0) @binding(0) var<uniform> p: Convolution;
@group(0) @binding(1) var<storage, read> input: array<Input>;

