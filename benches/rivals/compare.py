"""fiducia and other engines on the same two networks, side by side:
`compare.py NETWORKS PACK IMAGE SPACING_MM CSV`.

Each engine runs in a process of its own; they take turns, one run each (A B C A B C …), so that a busy machine
hurts all alike. What is timed is from inputs in memory to the peaks of all heat maps. fiducia's decode also
computes expected errors, the others' does not. Engines that cannot be had, or whose peaks lie more than the
tolerance from fiducia's, are named and left out."""

import csv
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 60
WARM_UP = 5
# A tenth of a cell is 0.16 units in a coarse and 0.04 units in a fine heat map at most; quantised networks move more.
TOLERANCE_CELLS = {"onnxruntime-int8": 1.0}
USUAL_TOLERANCE_CELLS = 0.1
HERE = Path(__file__).parent
RIVALS = ["onnxruntime", "onnxruntime-int8", "openvino", "mnn", "ncnn", "pytorch"]


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
        self.load_ms, self.off_cells, python_kb = map(float, [*line, "0", "0"][:3])
        self.python_mb = python_kb / 1e3
        self.times = []

    def run(self):
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def peak_mb(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        return peak / 1e3 - self.python_mb

    def stop(self):
        self.process.stdin.close()
        self.process.wait(60)


def main(networks, pack, image, spacing_mm, results):
    rows = []
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        make = [networks, pack, image, spacing_mm, folder]
        subprocess.run(make, check=True)
        for threads in (1, 2):
            if threads <= len(cores):
                rows += measure(networks, pack, folder, threads, cores[:threads])
    with open(results, "w", newline="") as file:
        out = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        out.writeheader()
        out.writerows(rows)
    print(f"{cpu()}, {ROUNDS} rounds, {Path(pack).name}\n")
    print(table(rows))


def measure(networks, pack, folder, threads, cores):
    runners = [Runner("fiducia", [networks, pack, folder], cores)]
    for name in RIVALS:
        command = [sys.executable, HERE / "worker.py", name, str(threads), folder]
        try:
            # Converts the graphs once, so that loading is not timed with that.
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
            runner = Runner(name, command, cores)
        except (RuntimeError, subprocess.CalledProcessError) as reason:
            print(f"SKIPPED {name}: {reason}", file=sys.stderr)
            continue
        tolerance = TOLERANCE_CELLS.get(name, USUAL_TOLERANCE_CELLS)
        if not runner.off_cells <= tolerance:
            print(f"SKIPPED: {name} is off by {runner.off_cells} cells", file=sys.stderr)
            runner.stop()
            continue
        runners.append(runner)
    for turn in range(WARM_UP + ROUNDS):
        for runner in runners:
            ms = runner.run()
            if turn >= WARM_UP:
                runner.times.append(ms)
    rows = [row(runner, threads) for runner in runners]
    for runner in runners:
        runner.stop()
    return rows


def row(runner, threads):
    low, middle, high = statistics.quantiles(runner.times, n=4)
    return {
        "engine": runner.name,
        "threads": threads,
        "median_ms": f"{middle:.2f}",
        "quartile1_ms": f"{low:.2f}",
        "quartile3_ms": f"{high:.2f}",
        "load_ms": f"{runner.load_ms:.0f}",
        "peak_mb": f"{runner.peak_mb():.0f}",
        "off_cells": f"{runner.off_cells:.4f}",
    }


def cpu():
    models = (line for line in open("/proc/cpuinfo") if line.startswith("model name"))
    return next(models, ":" + platform.processor()).split(":")[1].strip()


def table(rows):
    lines = ["| engine | threads | median, ms | quartiles, ms | load and first run, ms | peak memory, MB |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: |")
    for r in rows:
        spread = f"{r['quartile1_ms']}–{r['quartile3_ms']}"
        cells = [r["engine"], r["threads"], r["median_ms"], spread, r["load_ms"], r["peak_mb"]]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main(*sys.argv[1:])
