#!/usr/bin/env python3
"""The test vectors of docs/format.md, by an implementation of the link that shares nothing with the crate.

docs/link-vectors.py          prints them
docs/link-vectors.py --check  fails where docs/format.md has others
"""
import pathlib
import struct
import sys
import zlib

MODEL = bytes.fromhex("0011223344556677")
LANDMARK = "<iiHB"


def report(exposure, plausible, presentation, taken_ms, total, first, landmarks):
    head = struct.pack("<I8sBBHHH", exposure, MODEL, plausible, presentation, taken_ms, total, first)
    return head + b"".join(struct.pack(LANDMARK, *landmark) for landmark in landmarks)


VECTORS = [
    # name, kind, sequence, payload
    ("hello of a collimator", 1, 0, struct.pack("<BB3B8sH", 2, 0, 1, 2, 3, bytes(8), 0)),
    ("hello of a runtime, answering", 1, 0, struct.pack("<BB3B8sH", 0, 1, 0, 1, 0, MODEL, 19)),
    ("heartbeat", 2, 258, struct.pack("<IBIII", 100_000, 1, 400, 3, 5)),
    ("exposure starts", 3, 7, struct.pack("<IBQ", 42, 0, 5_000_000_000)),
    ("request", 4, 8, struct.pack("<IH", 42, 3000)),
    ("report", 5, 9, report(42, 1, 0, 180, 2, 0, [(8050, 10320, 127, 1), (-25, 9246, 65535, 0)])),
    ("report of an implausible image", 5, 10, report(43, 0, 2, 950, 0, 0, [])),
    ("longest report", 5, 65535, report(44, 1, 0, 65535, 68, 20, [(i * 257, -i * 257, i, i % 2) for i in range(1, 21)])),
    ("error", 6, 11, struct.pack("<IB", 45, 2)),
]


def cobs(data):
    out = bytearray()
    for run in data.split(b"\0"):
        assert len(run) < 254
        out += bytes([len(run) + 1]) + run
    return bytes(out)


def frame(kind, sequence, payload):
    content = struct.pack("<BBH", 1, kind, sequence) + payload
    return b"\0" + cobs(content + struct.pack("<I", zlib.crc32(content))) + b"\0"


def lines():
    for name, kind, sequence, payload in VECTORS:
        digits = frame(kind, sequence, payload).hex(" ")
        yield f"{name}:"
        for start in range(0, len(digits), 96):
            yield f"  {digits[start:start + 96].strip()}"


text = "\n".join(lines()) + "\n"
if sys.argv[1:] == ["--check"]:
    if text not in (pathlib.Path(__file__).parent / "format.md").read_text():
        sys.exit("docs/format.md has other test vectors than docs/link-vectors.py")
else:
    sys.stdout.write(text)
