#!/usr/bin/env python3
"""Writes tiny.j2k beside this script: 40 x 36 px of 12 bit in JPEG 2000 without loss, for tests that have no encoder.

The pixel at (x, y) is (37 x + 11 y + x y) mod 4096. Needs pylibjpeg-openjpeg (written with 2.6.0, that is OpenJPEG 2.5.3).
"""

from pathlib import Path

import numpy as np
from openjpeg.utils import encode_array

y, x = np.mgrid[0:36, 0:40]
pixels = ((37 * x + 11 * y + x * y) % 4096).astype("<u2")
Path(__file__).with_name("tiny.j2k").write_bytes(encode_array(pixels, bits_stored=12, photometric_interpretation=2, use_mct=False))
