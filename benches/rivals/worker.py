"""One engine in a process of its own: `worker.py ENGINE THREADS DIR`.

Says `MS CELLS KB`: what loading and the first run took, how far its peaks lie from fiducia's at most, in
cells of the heat maps, and what Python itself holds. Then answers every line with the milliseconds of one run."""

import importlib
import sys
import time

import numpy as np
from engines import ENGINES, Inputs, peaks, quiet


def main(name, threads, folder):
    inputs = Inputs(folder)
    make, package = ENGINES[name]
    python_kb = resident_kb()
    with quiet():
        importlib.import_module(package)
        start = time.perf_counter()
        engine = make(inputs, int(threads))
        run = lambda: decode(engine.run(inputs), inputs.shapes)
        found = run()
        load = time.perf_counter() - start
    off = abs(found - inputs.peaks).max()
    print(f"{load * 1e3} {off} {python_kb}", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        run()
        print((time.perf_counter() - start) * 1e3, flush=True)


def resident_kb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def decode(maps, shapes):
    coarse, fine = maps
    radii = shapes["coarse_peak_radius"], shapes["fine_peak_radius"]
    return np.concatenate([peaks(coarse, radii[0]), peaks(fine, radii[1])])


if __name__ == "__main__":
    main(*sys.argv[1:])
