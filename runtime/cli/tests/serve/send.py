#!/usr/bin/env python3
"""Sends images with pynetdicom until each is answered with success: send.py PORT FILE...

An association that is aborted is opened again. It fails after two minutes without success.
"""

import sys
import time

from pydicom import dcmread
from pynetdicom import AE
from pynetdicom.sop_class import ComputedRadiographyImageStorage

port, left = int(sys.argv[1]), sys.argv[2:]
node = AE(ae_title="PYNETDICOM")
node.add_requested_context(ComputedRadiographyImageStorage, "1.2.840.10008.1.2.1")
end = time.monotonic() + 120
while left:
    if time.monotonic() > end:
        sys.exit(f"{len(left)} images are not accepted")
    association = node.associate("127.0.0.1", port, ae_title="FIDUCIA")
    if not association.is_established:
        time.sleep(0.1)
        continue
    while left and association.is_established:
        try:
            status = association.send_c_store(dcmread(left[0])).get("Status")
        except RuntimeError:
            # The association was aborted between the check and the call.
            break
        if status == 0:
            left.pop(0)
            end = time.monotonic() + 120
        elif status is not None:
            sys.exit(f"{left[0]}: status {status:04X}")
    if association.is_established:
        association.release()
