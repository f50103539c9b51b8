#!/usr/bin/env python3
"""DICOM images of no real patient, made from a demo image: films.py COUNT FIRST OUT

Writes OUT/NUMBER.dcm, each a CR image in its own study, 12 bits, with pixel spacing. Needs pydicom and Pillow.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

count, first, out = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
image = Path(__file__).resolve().parents[4] / "models/demo.png"
grey = np.asarray(Image.open(image).convert("L")).astype("<u2") * 16
out.mkdir(parents=True, exist_ok=True)
for number in range(first, first + count):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = ComputedRadiographyImageStorage, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = f"2.25.{900000 + number}.3"
    film = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    film.PatientName, film.PatientID, film.PatientBirthDate, film.PatientSex = "Nobody^Anna", f"n{number}", "", ""
    film.StudyInstanceUID, film.SeriesInstanceUID = f"2.25.{900000 + number}.1", f"2.25.{900000 + number}.2"
    film.StudyDate, film.StudyTime, film.StudyID, film.AccessionNumber = "20260102", "101112", "1", ""
    film.ReferringPhysicianName, film.SeriesDescription, film.Modality = "", "Ceph lateral", "CR"
    film.SOPClassUID, film.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    film.InstanceNumber, film.ImagerPixelSpacing = "1", [0.2, 0.2]
    film.Rows, film.Columns, film.SamplesPerPixel, film.PhotometricInterpretation = *grey.shape, 1, "MONOCHROME2"
    film.BitsAllocated, film.BitsStored, film.HighBit, film.PixelRepresentation = 16, 12, 11, 0
    film.PixelData = grey.tobytes()
    film["PixelData"].VR = "OW"
    film.save_as(out / f"{number}.dcm", enforce_file_format=True)
