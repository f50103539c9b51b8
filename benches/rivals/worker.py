"""Runs one engine in a separate process: `worker.py ENGINE THREADS DIR [singles]`; with `singles` there is one model per
landmark, and all of them are run.

Prints `MS CELLS KB`: the time of loading and the first run, the largest distance of its peaks from fiducia's in cells of
the heat maps, and the memory of Python itself. It then answers every line with the milliseconds of one run."""

import importlib
import sys
import time

import numpy as np
from engines import ENGINES, Inputs, Single, peaks, quiet, rested


def main(name, threads, folder, which="fused"):
    inputs = Inputs(folder)
    parts = [inputs]
    if which == "singles":
        parts = [Single(folder, landmark) for landmark in range(len(inputs.regions))]
    make, package = ENGINES[name]
    python_kb = resident_kb()
    with quiet():
        importlib.import_module(package)
        start = time.perf_counter()
        engines = [make(part, int(threads)) for part in parts]
        run = lambda by=peaks: [decode(e.run(p), p.shapes, by) for e, p in zip(engines, parts)]
        run()
        load = time.perf_counter() - start
        found = run(rested)
    print(f"{load * 1e3} {off(found, inputs)} {python_kb}", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        run()
        print((time.perf_counter() - start) * 1e3, flush=True)


def off(found, inputs):
    """Largest distance of peaks from fiducia's, cells. A single model returns all coarse peaks and one fine one."""
    landmarks = len(inputs.regions)
    coarse, fine = inputs.peaks[:-landmarks], inputs.peaks[-landmarks:]
    if len(found) == 1:
        return abs(found[0] - inputs.peaks).max()
    expected = [np.concatenate([coarse, fine[k : k + 1]]) for k in range(landmarks)]
    return max(abs(a - b).max() for a, b in zip(found, expected))


def resident_kb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def decode(maps, shapes, by):
    coarse, fine = maps
    radii = shapes["coarse_peak_radius"], shapes["fine_peak_radius"]
    return np.concatenate([by(coarse, radii[0]), by(fine, radii[1])])


if __name__ == "__main__":
    main(*sys.argv[1:])
