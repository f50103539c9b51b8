"""Runs the head model's two networks and the decoding in PyTorch on a CUDA device: `pytorch_cuda.py DIR [--device cpu]`,
where DIR was written by `gpu --networks MODELS DIR` or `networks PACK IMAGE SPACING_MM DIR`. Prints rows (benches/results).

The measured time is from inputs in pinned host memory to the peaks of all heat maps there: one upload, both networks in
channels-last order, the decoding on the device, one read-back. `fp32` computes in full f32, `tf32` with the TF32 products
of tensor cores, `fp16` in half precision with the decoding in f32; each eagerly and as one CUDA graph. Private values
stay on the device, like weights. Peaks are compared with fiducia's, and heat maps with onnxruntime's if it is installed;
a format whose peaks differ by more than the tolerance is reported and left out, and the exit code is 1.

Needs PyTorch 2.6 or newer, NumPy and onnx."""

import argparse
import re
import statistics
import sys
import time

import numpy as np
import torch
from engines import Inputs, peaks as windowed, rested
from pytorch_graph import Graph

WARM_UP = 20
MOST_RUNS = 5000
# As in compare.py. On a processor fp16 differs by 0.007; a network that lacks one of its layers by 0.4 or more.
TOLERANCE_CELLS = 0.1


class Peaks(torch.nn.Module):
    """Both networks, and the peaks of all heat maps `[maps, 2]`, cells."""

    def __init__(self, inputs, device, half):
        super().__init__()
        form = torch.float16 if half else torch.float32
        order = torch.channels_last

        def net(name):
            graph = Graph(inputs.graph(name)).eval().to(device, form)
            return graph.to(memory_format=order)

        self.backbone, self.refine = net("backbone"), net("refine")
        self.private = [torch.from_numpy(a.copy()).to(device, form) for a in inputs.adapters]
        self.form, self.order = form, order
        self.radii = inputs.shapes["coarse_peak_radius"], inputs.shapes["fine_peak_radius"]
        reach = [torch.arange(-r, r + 1, device=device) for r in self.radii]
        self.windows = [torch.meshgrid(r, r, indexing="ij") for r in reach]

    def maps(self, whole, regions):
        given = [x.to(self.form).to(memory_format=self.order) for x in (whole, regions)]
        return self.backbone(given[0]), self.refine(given[1], *self.private)

    def forward(self, whole, regions):
        both = zip(self.maps(whole, regions), self.windows)
        return torch.cat([peaks(maps.float(), window) for maps, window in both])


def peaks(maps, window):
    """Mean of the cells around the largest value, weighted by probability: cheaper than fiducia's decoding."""
    h, w = maps.shape[-2:]
    flat = maps.reshape(-1, h * w)
    largest, at = flat.max(1, keepdim=True)
    y = at // w + window[0].reshape(1, -1)
    x = at % w + window[1].reshape(1, -1)
    inside = (y >= 0) & (y < h) & (x >= 0) & (x < w)
    cells = y.clamp(0, h - 1) * w + x.clamp(0, w - 1)
    weights = torch.exp(flat.gather(1, cells) - largest) * inside
    total = weights.sum(1)
    return torch.stack([(weights * x).sum(1) / total, (weights * y).sum(1) / total], 1)


class OnCuda:
    """Static tensors on the device, and the computation between upload and read-back."""

    def __init__(self, model, whole, regions, graph):
        pin = lambda array: torch.from_numpy(array.copy()).pin_memory()
        self.host = [pin(whole), pin(regions)]
        self.given = [x.cuda() for x in self.host]
        self.model, self.graph = model, None
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.out = model(*self.given)
        torch.cuda.current_stream().wait_stream(side)
        self.found = torch.empty(self.out.shape).pin_memory()
        self.events = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
        if graph:
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.out = model(*self.given)

    def run(self):
        """Wall time, and time on the device, ms."""
        start = time.perf_counter()
        self.events[0].record()
        for to, host in zip(self.given, self.host):
            to.copy_(host, non_blocking=True)
        if self.graph:
            self.graph.replay()
        else:
            self.out = self.model(*self.given)
        self.found.copy_(self.out, non_blocking=True)
        self.events[1].record()
        self.events[1].synchronize()
        wall = (time.perf_counter() - start) * 1e3
        return wall, self.events[0].elapsed_time(self.events[1])


class OnCpu:
    def __init__(self, model, whole, regions, _):
        self.host = [torch.from_numpy(a.copy()) for a in (whole, regions)]
        self.model = model

    def run(self):
        start = time.perf_counter()
        self.found = self.model(*self.host)
        return (time.perf_counter() - start) * 1e3, None


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    arguments.add_argument("dir")
    arguments.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    arguments.add_argument("--seconds", type=float, default=2.0, help="of each form")
    given = arguments.parse_args()
    inputs = Inputs(given.dir)
    cuda = given.device == "cuda"
    if cuda and not torch.cuda.is_available():
        sys.exit(f"PyTorch {torch.__version__} finds no CUDA device; --device cpu tries the rest")
    name = torch.cuda.get_device_name(0) if cuda else "CPU"
    slug = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
    version = torch.__version__ + (f" cuDNN {torch.backends.cudnn.version()}" if cuda else "")
    tell(f"pytorch/{slug}", "name", name)
    tell(f"pytorch/{slug}", "version", version)
    forms = ["fp32", "tf32", "fp16"] if cuda else ["fp32"]
    wrong = False
    with torch.inference_mode():
        for form in forms:
            for graph in [False, True] if cuda else [False]:
                at = f"pytorch/{slug}/{form}" + (" graph" if graph else "")
                wrong |= not measure(at, inputs, form, graph, given)
    sys.exit(1 if wrong else 0)


def measure(at, inputs, form, graph, given):
    """Prints the rows of a number format; returns False if its peaks are wrong."""
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = form == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = form == "tf32"
    model = Peaks(inputs, given.device, form == "fp16")
    runner = (OnCuda if given.device == "cuda" else OnCpu)(model, inputs.whole, inputs.regions, graph)
    for _ in range(WARM_UP):
        runner.run()
    # The peaks by fiducia's decoding, and those of the timed run.
    maps = maps_of(model, inputs, given.device)
    by = lambda decode: np.concatenate([decode(m, r) for m, r in zip(maps, model.radii)])
    apart = by(rested) - inputs.peaks, by(windowed) - runner.found.numpy()
    off = float(np.abs(apart).max())
    if not off <= TOLERANCE_CELLS:
        print(f"SKIPPED: {at} differs by {off} cells", file=sys.stderr)
        return False
    times, end = [], time.perf_counter() + given.seconds
    while len(times) < 3 or time.perf_counter() < end and len(times) < MOST_RUNS:
        times.append(runner.run())
    walls, devices = zip(*times)
    cuts = statistics.quantiles(walls, n=10)
    tell(at, "median", statistics.median(walls), "ms")
    tell(at, "p10", cuts[0], "ms")
    tell(at, "p90", cuts[-1], "ms")
    tell(at, "runs", len(times))
    if devices[0] is not None:
        tell(at, "device", statistics.median(devices), "ms")
    tell(at, "off", off, "cells")
    for figure, value in against_onnxruntime(maps, inputs).items():
        tell(at, figure, value)
    return True


def maps_of(model, inputs, device):
    arrays = [torch.from_numpy(a.copy()).to(device) for a in (inputs.whole, inputs.regions)]
    return [maps.float().cpu().numpy() for maps in model.maps(*arrays)]


def against_onnxruntime(ours, inputs):
    """Largest difference of heat maps, as a fraction of their largest value; None without onnxruntime."""
    try:
        from engines import OnnxRuntime

        known = OnnxRuntime(inputs, 1).run(inputs)
    except ImportError:
        print("SKIPPED: the heat maps are not compared, because onnxruntime is missing", file=sys.stderr)
        return {}
    apart = lambda a, b: float(np.abs(a.reshape(b.shape) - b).max() / np.abs(b).max())
    return {
        f"{which} maps apart": apart(a, b) for which, a, b in zip(("coarse", "fine"), ours, known)
    }


def tell(name, figure, value, unit=""):
    text = value.replace(",", " ") if isinstance(value, str) else f"{value:.6g}"
    print(f"{name},{figure},{text},{unit}", flush=True)


if __name__ == "__main__":
    main()
