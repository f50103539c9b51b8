#!/usr/bin/env python3
"""An archive with pynetdicom: archive.py PORT LOG

For each received object, duplicates included, it appends a line with SOP class and instance to LOG.
"""

import sys

from pynetdicom import AE, evt
from pynetdicom.sop_class import Comprehensive3DSRStorage, GrayscaleSoftcopyPresentationStateStorage

log = open(sys.argv[2], "a", buffering=1)


def store(event):
    log.write(f"{event.request.AffectedSOPClassUID} {event.request.AffectedSOPInstanceUID}\n")
    return 0


archive = AE(ae_title="SECOND")
for sop_class in (Comprehensive3DSRStorage, GrayscaleSoftcopyPresentationStateStorage):
    archive.add_supported_context(sop_class, "1.2.840.10008.1.2.1")
archive.start_server(("127.0.0.1", int(sys.argv[1])), evt_handlers=[(evt.EVT_C_STORE, store)])
