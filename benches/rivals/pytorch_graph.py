"""An ONNX graph as a PyTorch module, for the layers that occur in the networks of the model files. Any other layer
raises an error that names it."""

import torch
from torch import nn
from torch.nn import functional as F


class Graph(nn.Module):
    """Nodes in the order of the graph; weights are buffers, so that `.half()` and `.to()` convert them."""

    def __init__(self, path):
        super().__init__()
        import onnx
        from onnx import numpy_helper

        graph = onnx.load(path).graph
        self.values = {}
        for k, value in enumerate(graph.initializer):
            array = numpy_helper.to_array(value)
            # Shapes and sizes are needed on the host.
            if array.dtype.kind == "i" or "Resize" in uses(graph, value.name):
                self.values[value.name] = array.tolist()
            else:
                self.register_buffer(f"w{k}", torch.from_numpy(array.copy()))
                self.values[value.name] = f"w{k}"
        self.inputs = [i.name for i in graph.input if i.name not in self.values]
        self.outputs = [o.name for o in graph.output]
        self.nodes = []
        for node in graph.node:
            if node.op_type not in LAYERS:
                raise ValueError(f"node {node.name or node.output[0]}: no layer {node.op_type}")
            of = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            self.nodes.append((LAYERS[node.op_type], of, list(node.input), node.output[0]))

    def forward(self, *inputs):
        known = dict(zip(self.inputs, inputs))

        def value(name):
            if name in known or not name:
                return known.get(name)
            kept = self.values[name]
            return getattr(self, kept) if isinstance(kept, str) else kept

        for layer, of, names, out in self.nodes:
            known[out] = layer(of, *map(value, names))
        (out,) = (known[name] for name in self.outputs)
        return out


def uses(graph, name):
    return {node.op_type for node in graph.node if name in node.input}


def conv(of, x, weight, bias=None):
    top, left, bottom, right = of.get("pads", [0, 0, 0, 0])
    padding = (top, left)
    if (top, left) != (bottom, right):
        x, padding = F.pad(x, (left, right, top, bottom)), 0
    stride, dilation = of.get("strides", [1, 1]), of.get("dilations", [1, 1])
    return F.conv2d(x, weight, bias, stride, padding, dilation, of.get("group", 1))


def clip(_, x, low=None, high=None):
    return torch.clamp(x, low, high)


def resize(of, x, _, scales):
    expected = (b"nearest", b"asymmetric", b"floor")
    modes = ("mode", "coordinate_transformation_mode", "nearest_mode")
    if tuple(of.get(mode) for mode in modes) != expected or scales[:2] != [1, 1]:
        raise ValueError(f"no such resizing: {of}, {scales}")
    return F.interpolate(x, scale_factor=tuple(scales[2:]), mode="nearest")


def reshape(_, x, shape):
    return x.reshape([x.shape[i] if size == 0 else size for i, size in enumerate(shape)])


def depth_to_space(of, x):
    if of.get("mode") != b"CRD":
        raise ValueError(f"no such order of channels: {of}")
    return F.pixel_shuffle(x, of["blocksize"])


LAYERS = {
    "Add": lambda _, a, b: a + b,
    "Clip": clip,
    "Conv": conv,
    "DepthToSpace": depth_to_space,
    "Identity": lambda _, x: x,
    "MatMul": lambda _, a, b: a @ b,
    "Mul": lambda _, a, b: a * b,
    "Relu": lambda _, x: torch.relu(x),
    "Reshape": reshape,
    "Resize": resize,
}
