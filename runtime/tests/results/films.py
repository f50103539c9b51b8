#!/usr/bin/env python3
"""The demo images as DICOM films of nobody, to write results for.

    films.py OUT

writes OUT/NAME.dcm for each film. They differ in what results repeat of a film: character set, class, polarity, window
and look-up table, spacing, shutter. Needs pydicom and Pillow.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation,
                         ExplicitVRLittleEndian, ImplicitVRLittleEndian)

MODELS = Path(__file__).resolve().parents[3] / "models"
out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)


def film(name, image, number, sop=ComputedRadiographyImageStorage, syntax=ExplicitVRLittleEndian, bits=12,
         white_is_low=False, **attributes):
    """Writes an image of 8 bits with `bits` of them used."""
    grey = np.asarray(Image.open(MODELS / image).convert("L")).astype(np.uint32)
    top = (1 << bits) - 1
    values = grey * top // 255
    values = top - values if white_is_low else values
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = sop, syntax
    meta.MediaStorageSOPInstanceUID = f"2.25.{800 + number}.3"
    data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128, is_implicit_VR=syntax == ImplicitVRLittleEndian,
                       is_little_endian=True)
    # What a result must repeat, and things of the patient that it must not.
    data.PatientName, data.PatientID = "Nobody^Anna", f"demo-{number}"
    data.PatientBirthDate, data.PatientSex = "19700101", "F"
    data.PatientAge, data.PatientWeight, data.EthnicGroup = "056Y", "61", "secret"
    data.PatientAddress, data.PatientComments, data.OtherPatientIDs = "secret street", "secret", "secret"
    data.AdditionalPatientHistory, data.InstitutionName, data.OperatorsName = "secret", "secret", "secret"
    data.StudyInstanceUID, data.SeriesInstanceUID = f"2.25.{800 + number}.1", f"2.25.{800 + number}.2"
    data.StudyDate, data.StudyTime, data.StudyID, data.AccessionNumber = "20260102", "101112", "77", "A1"
    data.ReferringPhysicianName, data.StudyDescription = "Doctor^No", "secret"
    data.SOPClassUID, data.SOPInstanceUID = sop, meta.MediaStorageSOPInstanceUID
    data.Modality = "DX" if sop == DigitalXRayImageStorageForPresentation else "CR"
    data.InstanceNumber = str(number)
    data.Rows, data.Columns, data.SamplesPerPixel = *grey.shape, 1
    data.PhotometricInterpretation = "MONOCHROME1" if white_is_low else "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, bits, bits - 1, 0
    data.PixelData = values.astype("<u2").tobytes()
    data["PixelData"].VR = "OW"
    for key, value in attributes.items():
        setattr(data, key, value)
    data.save_as(out / f"{name}.dcm", enforce_file_format=True)


def look_up_table(bits):
    """Entries for 4096 values, darker in the middle than a straight line."""
    item = Dataset()
    item.add_new(0x00283002, "US", [4096, 0, bits])
    entries = (np.linspace(0, 1, 4096) ** 1.5 * ((1 << bits) - 1)).astype("<u2")
    item.add_new(0x00283006, "OW", entries.tobytes())
    return [item]


film("head", "demo.png", 1, DigitalXRayImageStorageForPresentation, SpecificCharacterSet="ISO_IR 100",
     PatientName="Müller^Änne", ImagerPixelSpacing=[0.2, 0.2], RescaleSlope=1, RescaleIntercept=0, RescaleType="US",
     PresentationLUTShape="IDENTITY", WindowCenter=[2048, 1000], WindowWidth=[4096, 500],
     WindowCenterWidthExplanation=["all", "other"], BodyPartExamined="HEAD", PatientOrientation=["A", "F"],
     BurnedInAnnotation="NO", ImageLaterality="U")
film("head_inverse", "demo.png", 2, white_is_low=True, SpecificCharacterSet=["", "ISO 2022 IR 87"],
     PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう", PixelSpacing=[0.2, 0.2], VOILUTSequence=look_up_table(12))
film("chest", "demo-chest.png", 3, syntax=ImplicitVRLittleEndian, SpecificCharacterSet="ISO_IR 192",
     PatientName="Ωμέγα^Ελένη", PixelSpacing=[1.0, 1.0], BodyPartExamined="CHEST", LossyImageCompression="01",
     LossyImageCompressionRatio=7.5, LossyImageCompressionMethod="ISO_10918_1")
film("spine", "demo-spine.png", 4, bits=8, ShutterShape="RECTANGULAR", ShutterLeftVerticalEdge=1,
     ShutterRightVerticalEdge=9999, ShutterUpperHorizontalEdge=1, ShutterLowerHorizontalEdge=9999)
# Given to the model for heads it is refused.
film("refused", "demo-chest.png", 5, PixelSpacing=[1.0, 1.0])
