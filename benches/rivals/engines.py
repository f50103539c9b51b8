"""Engines that run the two networks of a model file, each with the same interface: construct it, then run it."""

import json
import os
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np


class Inputs:
    """The files that `networks PACK DIR` wrote."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.shapes = json.loads((self.folder / "shapes.json").read_text())
        self.whole = self.floats("whole.f32", self.shapes["whole"])
        self.regions = self.floats("regions.f32", self.shapes["regions"])
        adapters = enumerate(self.shapes["adapters"])
        self.adapters = [self.floats(f"adapter{k}.f32", shape) for k, shape in adapters]
        self.peaks = self.floats("peaks.f32", [-1, 2])

    def floats(self, name, shape):
        return np.fromfile(self.folder / name, "<f4").reshape(shape)

    def refine(self):
        return [self.regions, *self.adapters]

    def graph(self, name, form="f32"):
        """Path of a graph with f32 weights (the model file has 8-bit integers); form `one` is the same for one region
        instead of all; form `int8` is quantised entirely."""
        path = self.folder / f"{name}.{form}.onnx"
        if not path.exists():
            (quantised if form == "int8" else widened)(self, name, path)
        return str(path)


class Single(Inputs):
    """The model of a single landmark: the same graphs for its one region."""

    def __init__(self, folder, landmark):
        super().__init__(folder)
        keep = slice(landmark, landmark + 1)
        self.regions = self.regions[keep]
        self.adapters = [a[keep] for a in self.adapters]

    def graph(self, name, form="one"):
        return super().graph(name, "one")


def widened(inputs, name, path):
    """Folds constant `DequantizeLinear` nodes, which some engines do not support."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(inputs.folder / f"{name}.onnx")
    graph = model.graph
    constants = {i.name: i for i in graph.initializer}
    keep = []
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and all(i in constants for i in node.input):
            values, scale, *zero = [numpy_helper.to_array(constants[i]) for i in node.input]
            axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
            along = [1] * values.ndim
            if scale.ndim:
                along[axis] = -1
            zero = zero[0].reshape(along).astype("f4") if zero else 0
            wide = (values.astype("f4") - zero) * scale.reshape(along)
            graph.initializer.append(numpy_helper.from_array(wide.astype("f4"), node.output[0]))
        else:
            keep.append(node)
    del graph.node[:]
    graph.node.extend(keep)
    used = {i for node in keep for i in node.input}
    left = [i for i in graph.initializer if i.name in used]
    del graph.initializer[:]
    graph.initializer.extend(left)
    # Newer tools need fixed shapes.
    arrays = [inputs.whole] if name == "backbone" else inputs.refine()
    shapes = [(1, *a.shape[1:]) if ".one." in path.name else a.shape for a in arrays]
    for value, shape in zip(graph.input, shapes):
        for dim, size in zip(value.type.tensor_type.shape.dim, shape):
            dim.Clear()
            dim.dim_value = size
    onnx.save(onnx.shape_inference.infer_shapes(model), path)


def quantised(inputs, name, path):
    """Static 8-bit quantisation by onnxruntime's own tool, calibrated on the same inputs that are timed."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    arrays = [inputs.whole] if name == "backbone" else inputs.refine()
    source = inputs.graph(name)
    prepared = str(path).replace(".onnx", ".prepared.onnx")
    quant_pre_process(source, prepared)
    import onnx

    names = [i.name for i in onnx.load(prepared).graph.input]

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.left = [dict(zip(names, arrays))]

        def get_next(self):
            return self.left.pop() if self.left else None

    with quiet():
        quantize_static(prepared, path, Reader(), quant_format=QuantFormat.QDQ, per_channel=True)


class OnnxRuntime:
    form = "f32"

    def __init__(self, inputs, threads):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3

        def session(name):
            path = inputs.graph(name, self.form)
            return onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])

        self.backbone, self.net = session("backbone"), session("refine")

    @staticmethod
    def feed(session, arrays):
        names = [i.name for i in session.get_inputs()]
        return session.run(None, dict(zip(names, arrays)))[0]

    def run(self, inputs):
        coarse = self.feed(self.backbone, [inputs.whole])
        return coarse, self.feed(self.net, inputs.refine())


class OnnxRuntimeInt8(OnnxRuntime):
    form = "int8"


class OpenVino:
    form = "f32"

    def __init__(self, inputs, threads):
        import openvino

        core = openvino.Core()
        config = {
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        }
        model = lambda name: core.compile_model(inputs.graph(name, self.form), "CPU", config)
        self.backbone, self.net = model("backbone"), model("refine")

    def run(self, inputs):
        coarse = self.backbone([inputs.whole])[0]
        return coarse, self.net(inputs.refine())[0]


class OpenVinoInt8(OpenVino):
    form = "int8"


class Mnn:
    options = {"precision": "high"}
    convert = []

    def __init__(self, inputs, threads):
        import MNN

        self.nn, self.expr = MNN.nn, MNN.expr
        runtime = MNN.nn.create_runtime_manager(
            ({**self.options, "backend": "CPU", "numThread": threads},)
        )

        def net(name):
            path = convert_mnn(inputs.graph(name), self.convert)
            import onnx

            graph = onnx.load(inputs.graph(name)).graph
            names = ([i.name for i in graph.input], [o.name for o in graph.output])
            return MNN.nn.load_module_from_file(path, *names, runtime_manager=runtime)

        self.backbone, self.net = net("backbone"), net("refine")

    def feed(self, net, arrays):
        of = lambda a: self.expr.const(a, list(a.shape), self.expr.NCHW)
        (out,) = net.onForward([of(a) for a in arrays])
        return np.array(self.expr.convert(out, self.expr.NCHW).read())

    def run(self, inputs):
        coarse = self.feed(self.backbone, [inputs.whole])
        return coarse, self.feed(self.net, inputs.refine())


class MnnInt8(Mnn):
    """8-bit weights and dynamically quantised inputs: MNN's own method, because it does not support QDQ graphs."""

    options = {"precision": "high", "memory": "low"}
    convert = ["--weightQuantBits", "8"]


class PyTorch:
    def __init__(self, inputs, threads):
        import onnx
        import onnx2torch
        import torch

        torch.set_num_threads(threads)
        self.torch = torch
        # Tracing warns about shapes that depend on values; here they are fixed.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)

        def net(name, arrays):
            module = onnx2torch.convert(onnx.load(inputs.graph(name))).eval()
            with torch.inference_mode():
                return torch.jit.freeze(torch.jit.trace(module, [self.of(a) for a in arrays]))

        self.backbone, self.net = net("backbone", [inputs.whole]), net("refine", inputs.refine())

    def of(self, array):
        return self.torch.from_numpy(array.copy())

    def run(self, inputs):
        with self.torch.inference_mode():
            coarse = self.backbone(self.of(inputs.whole))
            fine = self.net(*[self.of(a) for a in inputs.refine()])
        return coarse.numpy(), fine.numpy()


class Ncnn:
    def __init__(self, inputs, threads):
        import ncnn

        self.ncnn = ncnn

        def net(name, arrays):
            param = convert_ncnn(inputs.graph(name, "one"), arrays)
            net = ncnn.Net()
            net.opt.num_threads = threads
            net.opt.use_fp16_packed = net.opt.use_fp16_storage = False
            net.opt.use_fp16_arithmetic = net.opt.use_bf16_storage = False
            net.load_param(param)
            net.load_model(param.replace(".param", ".bin"))
            return net

        self.backbone = net("backbone", [inputs.whole])
        self.net = net("refine", [a[:1] for a in inputs.refine()])

    def feed(self, net, arrays):
        extractor = net.create_extractor()
        # ncnn has no batch axis: the first axis is dropped.
        for k, array in enumerate(arrays):
            extractor.input(f"in{k}", self.ncnn.Mat(np.ascontiguousarray(array[0])))
        return np.array(extractor.extract("out0")[1])

    def run(self, inputs):
        coarse = self.feed(self.backbone, [inputs.whole])
        arrays = inputs.refine()
        regions = range(len(inputs.regions))
        fine = [self.feed(self.net, [a[r : r + 1] for a in arrays]) for r in regions]
        return coarse, np.stack(fine)


def convert_ncnn(path, arrays):
    import shutil
    import subprocess
    import tempfile

    param = path.replace(".onnx", ".ncnn.param")
    if not os.path.exists(param):
        with tempfile.TemporaryDirectory() as scratch:
            copy = shutil.copy(path, f"{scratch}/net.onnx")
            shapes = ",".join(str(list(a.shape)).replace(" ", "") for a in arrays)
            tool = str(Path(sys.executable).parent / "pnnx")
            command = [tool, copy, f"inputshape={shapes}", "fp16=0"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=scratch)
            for kind in ("param", "bin"):
                shutil.copy(f"{scratch}/net.ncnn.{kind}", param.replace(".param", f".{kind}"))
    return param


def convert_mnn(path, options):
    import subprocess

    out = path.replace(".onnx", ".int8.mnn" if options else ".mnn")
    if not os.path.exists(out):
            # Not the command `mnnconvert`, which installs a package for usage statistics.
        convert = "import sys, MNN, _tools; _tools.mnnconvert(['mnnconvert', *sys.argv[1:]])"
        command = [sys.executable, "-c", convert, "-f", "ONNX", "--modelFile", path]
        command += ["--MNNModel", out, "--bizCode", "x", *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return out


@contextmanager
def quiet():
    """Redirects the output of tools to standard error: standard output is the protocol."""
    out = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(out, 1)
        os.close(out)


# Name → engine, and the package that is imported before the clock starts.
ENGINES = {
    "onnxruntime": (OnnxRuntime, "onnxruntime"),
    "onnxruntime-int8": (OnnxRuntimeInt8, "onnxruntime"),
    "openvino": (OpenVino, "openvino"),
    "openvino-int8": (OpenVinoInt8, "openvino"),
    "mnn": (Mnn, "MNN"),
    "mnn-int8": (MnnInt8, "MNN"),
    "pytorch": (PyTorch, "torch"),
    "ncnn": (Ncnn, "ncnn"),
}


def peaks(maps, radius):
    """Position of the peak of each map `[n, 1 or landmarks, h, w]`, cells: the mean of a window around the largest value. The
    engines are timed with this method: it is cheaper than fiducia's decoding, and common."""
    h, w = maps.shape[-2:]
    maps = maps.reshape(-1, h, w)
    found = np.empty((len(maps), 2), "f4")
    for k, best in enumerate(maps.reshape(len(maps), -1).argmax(1)):
        y, x = divmod(int(best), w)
        top, left = max(y - radius, 0), max(x - radius, 0)
        window = maps[k, top : y + radius + 1, left : x + radius + 1]
        weights = np.exp(window - maps[k, y, x])
        total = weights.sum()
        found[k, 0] = left + (weights.sum(0) * np.arange(weights.shape[1])).sum() / total
        found[k, 1] = top + (weights.sum(1) * np.arange(weights.shape[0])).sum() / total
    return found


def rested(maps, radius):
    """As `peaks`, with fiducia's decoding: the reference of the comparison."""
    h, w = maps.shape[-2:]
    maps = maps.reshape(-1, h, w).astype("f8")
    x, y = np.arange(w), np.arange(h)[:, None]
    top = maps.max((1, 2), keepdims=True)
    likely = np.exp(maps - top)
    at = maps.reshape(len(maps), -1).argmax(1)
    cx, cy = at % w, at // w
    for _ in range(8):
        dx, dy = x - cx[:, None, None], y - cy[:, None, None]
        bell = np.maximum(1 - (dx**2 + dy**2) / (3 * radius + 1) ** 2, 0) ** 2
        under = likely * bell
        total = under.sum((1, 2))
        cx, cy = cx + (under * dx).sum((1, 2)) / total, cy + (under * dy).sum((1, 2)) / total
    return np.stack([cx, cy], 1).astype("f4")
