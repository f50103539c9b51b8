#!/usr/bin/env python3
"""Checks that every image has exactly one report and one presentation state: judge.py IMAGES ARCHIVE

Compares the folder of the images with the objects that storescp wrote, by class, instance and referenced image.
"""

import sys
from pathlib import Path

from pydicom import dcmread
from pydicom.datadict import tag_for_keyword

REPORT, STATE = "1.2.840.10008.5.1.4.1.1.88.34", "1.2.840.10008.5.1.4.1.1.11.1"
REFERENCE = tag_for_keyword("ReferencedSOPInstanceUID")


def read(path):
    return dcmread(path, stop_before_pixels=True)


films = {read(path).SOPInstanceUID for path in Path(sys.argv[1]).iterdir()}
seen = {REPORT: [], STATE: []}
for path in Path(sys.argv[2]).iterdir():
    result = read(path)
    about = {element.value for element in result.iterall() if element.tag == REFERENCE} & films
    if len(about) != 1 or result.PatientName != "Nobody^Anna":
        sys.exit(f"{path.name} is about {len(about)} films, or of another patient")
    seen[result.SOPClassUID].append((about.pop(), result.SOPInstanceUID))
for sop_class, results in seen.items():
    about, instances = ({pair[part] for pair in results} for part in (0, 1))
    if about != films or len(results) != len(films) or len(instances) != len(films):
        sys.exit(f"{sop_class}: {len(results)} results, {len(instances)} instances, {len(about)} of {len(films)} films")
print(f"{len(films)} films, {len(films)} reports, {len(films)} presentation states")
