"""Compares fiducia with other engines on the same two networks:
`compare.py BUILT PACK IMAGE SPACING_MM`, where BUILT is cargo's build folder. Prints rows (benches/results).

Each engine runs in a separate process. They take turns, one run each (A B C A B C …), so that other load on the machine
affects all of them equally, and all are started several times. The measured time is from inputs in memory to the peaks
of all heat maps; fiducia and rten use fiducia's decoding, the others the cheaper mean of a window. Engines that are
missing, or whose peaks differ from fiducia's by more than the tolerance, are reported and left out."""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = {"fused": 60, "singles": 15}
STARTS = 5
WARM_UP = 5
# A tenth of a cell is at most 0.16 normalised units in a coarse and 0.04 in a fine heat map; quantised networks differ more.
TOLERANCE_CELLS = 0.1
INT8_TOLERANCE_CELLS = 1.0
HERE = Path(__file__).parent
PYTHON = ["onnxruntime", "openvino", "mnn", "ncnn", "pytorch"]
# The packages of ncnn and PyTorch have no tool that quantises these graphs.
PYTHON_INT8 = ["onnxruntime-int8", "openvino-int8", "mnn-int8"]


class Runner:
    """A process that answers every line with the milliseconds of one run."""

    def __init__(self, name, command, cores):
        pin = lambda: os.sched_setaffinity(0, cores)
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=pin
        )
        line = self.process.stdout.readline().split()
        if not line:
            raise RuntimeError("it cannot run the networks")
        self.load_ms, self.off_cells, own_kb = map(float, [*line, "0", "0"][:3])
        self.own_kb = own_kb
        self.times = []

    def run(self):
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def peak_bytes(self):
        """Peak memory minus the memory of the process before the engine was loaded."""
        status = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        return (peak - self.own_kb) * 1024

    def stop(self):
        self.process.stdin.close()
        self.process.wait(60)


def main(built, pack, image, spacing_mm):
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([f"{built}/edge/networks", pack, image, spacing_mm, folder], check=True)
        for threads in (1, 2):
            if threads <= len(cores):
                measure(built, pack, folder, threads, cores[:threads], "fused")
        measure(built, pack, folder, 1, cores[:1], "singles")


def commands(built, pack, folder, threads, which):
    """Name and command of each engine."""
    singles = ["singles"] if which == "singles" else []
    found = {"fiducia": [f"{built}/edge/networks", pack, folder, *singles]}
    for name in PYTHON if singles else PYTHON + PYTHON_INT8:
        worker = [sys.executable, HERE / "worker.py", name, str(threads), folder, *singles]
        found[name] = worker
    if not singles:
        for name, form in (("rten", "f32"), ("rten-int8", "int8")):
            found[name] = [f"{built}/rten/release/rten-rival", form, str(threads), folder]
    return found


def measure(built, pack, folder, threads, cores, which):
    runners, loads = [], {}
    found = commands(built, pack, folder, threads, which)
    for name, command in found.items():
        try:
            # Converts the graphs once, so that the conversion is not part of the loading time.
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
        except (OSError, subprocess.CalledProcessError) as reason:
            print(f"SKIPPED {name}: {reason}", file=sys.stderr)
            continue
        loads[name] = []
    for turn in range(STARTS):
        for name in list(loads):
            runner = Runner(name, found[name], cores)
            loads[name].append(runner.load_ms)
            last = turn == STARTS - 1
            tolerance = INT8_TOLERANCE_CELLS if name.endswith("int8") else TOLERANCE_CELLS
            if last and runner.off_cells <= tolerance:
                runners.append(runner)
            else:
                runner.stop()
                if last:
                    print(f"SKIPPED: {name} differs by {runner.off_cells} cells", file=sys.stderr)
    for turn in range(WARM_UP + ROUNDS[which]):
        for runner in runners:
            ms = runner.run()
            if turn >= WARM_UP:
                runner.times.append(ms)
    for runner in runners:
        tell(f"rivals/{which}/{runner.name}/{threads}", runner, loads[runner.name])
        runner.stop()


def tell(name, runner, loads):
    low, middle, high = statistics.quantiles(runner.times, n=4)
    for figure, value, unit in (
        ("median", middle, "ms"),
        ("low", low, "ms"),
        ("high", high, "ms"),
        ("load", statistics.median(loads), "ms"),
        ("peak rss", runner.peak_bytes(), "bytes"),
        ("off", runner.off_cells, "cells"),
    ):
        print(f"{name},{figure},{value:.6g},{unit}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
