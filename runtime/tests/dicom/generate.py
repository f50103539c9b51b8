#!/usr/bin/env python3
"""Small synthetic DICOM files, and the pixels that pydicom and DCMTK find in them.

    generate.py OUT [SAMPLE.dcm ...]

writes into OUT, for every case, NAME.dcm and, for each way of reading, NAME.WAY.u16 (the expected grey values,
little-endian, row by row), and cases.json, which lists them. Samples are not copied; only what is expected of them is
written. Everything is drawn from one seed. Needs pydicom with pylibjpeg, pylibjpeg-openjpeg and pyjpegls; cases that
need DCMTK (dcmcjpeg, dcmdjpeg) are left out by name without it.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import (CTImageStorage, ComprehensiveSRStorage, ComputedRadiographyImageStorage,
                         DeflatedExplicitVRLittleEndian, DigitalXRayImageStorageForPresentation,
                         ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian,
                         JPEG2000, JPEG2000Lossless, JPEGLSLossless, JPEGLSNearLossless, RLELossless,
                         SecondaryCaptureImageStorage, generate_uid)

SEED = 8
# Neither square nor even in both ways: a swapped axis or a forgotten pad byte shows.
ROWS, COLUMNS = 67, 75
random = np.random.default_rng(SEED)
out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
cases = []
left_out = []


def picture(bits, signed=False):
    """A ramp with a disc and noise that uses the whole range of `bits`."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    grey = 0.15 + 0.5 * x / COLUMNS + 0.2 * y / ROWS + 0.3 * (np.hypot(x - 40, y - 25) < 18)
    grey += random.normal(0, 0.02, grey.shape)
    grey[0, 0], grey[-1, -1] = 0, 1
    top = (1 << bits) - 1
    values = np.clip(np.round(grey * top), 0, top).astype(np.int64)
    return values - ((1 << (bits - 1)) if signed else 0)


def film(stored=12, allocated=None, signed=False, syntax=ExplicitVRLittleEndian,
         photometric="MONOCHROME2", sop=ComputedRadiographyImageStorage, values=None, **attributes):
    """A data set with pixels as `values`, or a picture."""
    allocated = allocated or (8 if stored <= 8 else 16)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[f"{len(cases)}"])
    meta.TransferSyntaxUID = syntax
    data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128,
                       is_implicit_VR=syntax == ImplicitVRLittleEndian,
                       is_little_endian=syntax != ExplicitVRBigEndian)
    data.SOPClassUID, data.SOPInstanceUID = sop, meta.MediaStorageSOPInstanceUID
    data.StudyInstanceUID = data.SeriesInstanceUID = "2.25.1"
    data.Modality, data.PatientName, data.PatientID = "CR", "Nobody", "0"
    data.Rows, data.Columns, data.SamplesPerPixel = ROWS, COLUMNS, 1
    data.PhotometricInterpretation = photometric
    data.BitsAllocated, data.BitsStored, data.HighBit = allocated, stored, stored - 1
    data.PixelRepresentation = int(signed)
    values = picture(stored, signed) if values is None else values
    kind = {8: "i1" if signed else "u1", 16: "i2" if signed else "u2"}[allocated]
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    pixels = values.astype(order + kind).tobytes()
    if len(pixels) % 2:
        pixels += b"\0"
    if allocated == 8 and syntax == ExplicitVRBigEndian:
        pixels = np.frombuffer(pixels, "u2").byteswap().tobytes()
    data.PixelData = pixels
    data["PixelData"].VR = "OW"
    for name, value in attributes.items():
        setattr(data, name, value)
    return data


def lut(entries, first, bits, signed=False, packed=False):
    item = Dataset()
    item.add_new(0x00283002, "SS" if signed else "US", [len(entries) % 65536, first, bits])
    if packed:
        item.add_new(0x00283006, "OW", np.asarray(entries, "u1").tobytes())
    else:
        item.add_new(0x00283006, "OW", np.asarray(entries, "<u2").tobytes())
    return [item]


def expected(data, stored):
    """{way: grey values}, bright bone, as the runtime defines them, worked out by pydicom from `stored`."""
    bits, signed = data.BitsStored, data.PixelRepresentation == 1
    low = -(1 << (bits - 1)) if signed else 0
    top = (1 << bits) - 1
    measured = apply_modality_lut(stored, data)
    if "ModalityLUTSequence" in data:
        raw, raw_top = measured.astype(np.int64), (1 << data.ModalityLUTSequence[0].LUTDescriptor[2]) - 1
    else:
        raw, raw_top = stored.astype(np.int64) - low, top
        if float(data.get("RescaleSlope", 1) or 1) < 0:
            raw = top - raw
    if "VOILUTSequence" in data:
        shown, shown_top = apply_voi_lut(measured, data, prefer_lut=True).astype(np.int64), None
        shown_top = (1 << data.VOILUTSequence[0].LUTDescriptor[2]) - 1
    elif data.get("WindowWidth") is not None:
        # In floats of the full range, so that nothing is rounded on the way.
        slope, cut = float(data.get("RescaleSlope", 1) or 1), float(data.get("RescaleIntercept", 0) or 0)
        ends = np.asarray([low, low + top]) * slope + cut
        if "ModalityLUTSequence" in data:
            ends = np.asarray([0, raw_top])
        windowed = np.asarray(apply_voi_lut(measured, data, prefer_lut=False), float)
        # pydicom takes the window onto the range from the first end to the second, whichever is larger.
        shown = np.round((windowed - ends[0]) / (ends[1] - ends[0]) * 65535).astype(np.int64)
        shown_top = 65535
    else:
        shown, shown_top = raw, raw_top
    if data.PhotometricInterpretation == "MONOCHROME1":
        raw, shown = raw_top - raw, shown_top - shown
    return {"modality": raw, "presented": shown}


def list_case(name, file, data, stored, lossy=0, scale=None, padded=None):
    """`lossy` is how far two decoders may be apart in stored values; windows may round differently by one."""
    ways = expected(data, stored)
    tolerance = {"modality": lossy, "presented": lossy}
    if "WindowWidth" in data and "VOILUTSequence" not in data:
        width = np.atleast_1d(data.WindowWidth)[0]
        tolerance["presented"] = 1 + lossy * int(np.ceil(65535 / max(1, float(width) - 1)))
    for way, values in ways.items():
        values.astype("<u2").tofile(out / f"{name}.{way}.u16")
    cases.append({"name": name, "file": str(file), "tolerance": tolerance, "scale": scale,
                  "size": [int(data.Columns), int(data.Rows)],
                  "padded": padded})


def save(name, data):
    file = out / f"{name}.dcm"
    data.save_as(file, enforce_file_format=True)
    return file


def case(name, data, stored=None, **more):
    file = save(name, data)
    read = pydicom.dcmread(file)
    list_case(name, file, read, read.pixel_array if stored is None else stored, **more)
    return file


def refusal(name, data, *says):
    cases.append({"name": name, "file": str(save(name, data)), "refused": list(says)})


def native():
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        for stored in (8, 10, 12, 14, 15, 16):
            case(f"explicit_{stored}_{photometric}", film(stored, photometric=photometric))
    for syntax, label in ((ImplicitVRLittleEndian, "implicit"), (ExplicitVRBigEndian, "big_endian"),
                          (DeflatedExplicitVRLittleEndian, "deflated")):
        for stored in (8, 12):
            data = film(stored, syntax=syntax)
            values = picture(stored)
            data = film(stored, syntax=syntax, values=values)
            # pydicom leaves bytes in big-endian words as they are; the values are known.
            case(f"{label}_{stored}", data, stored=values)
    case("eight_in_sixteen", film(8, allocated=16))
    case("signed_16", film(16, signed=True))
    case("signed_12", film(12, signed=True, RescaleSlope="1", RescaleIntercept="-100"))
    case("signed_8_inverse", film(8, signed=True, photometric="MONOCHROME1", PresentationLUTShape="INVERSE"))
    values = picture(12)
    case("high_bit_15", film(12, values=values << 4, HighBit=15), stored=values)
    overlay = (random.integers(0, 16, values.shape) << 12)
    case("overlay_in_unused_bits", film(12, values=values | overlay), stored=values)


def meanings():
    for label, slope, cut in (("falling", "-1", "4095"), ("halves", "0.5", "10"), ("below", "2", "-1024")):
        rescale = {"RescaleSlope": slope, "RescaleIntercept": cut}
        case(f"rescale_{label}", film(12, **rescale))
        case(f"rescale_{label}_window",
             film(12, WindowCenter="700", WindowWidth="1500", **rescale))
    for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        for photometric in ("MONOCHROME1", "MONOCHROME2"):
            data = film(12, photometric=photometric, WindowCenter=["2000", "100"], WindowWidth=["2500", "10"],
                        VOILUTFunction=function)
            case(f"window_{function}_{photometric}", data)
    curve = (np.linspace(0, 1, 4096) ** 0.6 * 1023).astype(int)
    case("voi_lut_10", film(12, VOILUTSequence=lut(curve, 0, 10)))
    case("voi_lut_clamped", film(12, VOILUTSequence=lut(curve[:1500], 700, 10), WindowCenter="1", WindowWidth="9"))
    case("voi_lut_8", film(8, VOILUTSequence=lut(curve[::16] // 4, 0, 8)))
    case("voi_lut_implicit", film(12, syntax=ImplicitVRLittleEndian, VOILUTSequence=lut(curve, 0, 10)))
    case("voi_lut_after_rescale",
         film(12, RescaleSlope="1", RescaleIntercept="-1000",
              VOILUTSequence=lut(curve[:3000], -900, 10, signed=True)))
    falling = (np.linspace(1, 0, 4096) ** 2 * 65535).astype(int)
    case("modality_lut", film(12, ModalityLUTSequence=lut(falling, 0, 16), ModalityLUTType="US"))
    case("modality_lut_window",
         film(12, ModalityLUTSequence=lut(falling, 0, 16), WindowCenter="20000", WindowWidth="30000"))
    case("window_of_zeros", film(12, WindowCenter="0", WindowWidth="2"))


def spacings():
    def scaled(name, source, spacing, **attributes):
        case(f"scale_{name}", film(12, **attributes), scale={"source": source, "spacing": spacing})
    scaled("imager", "detector", [0.14, 0.139], ImagerPixelSpacing=["0.139", "0.14"])
    scaled("same", "detector", [0.139, 0.139], ImagerPixelSpacing=["0.139"] * 2, PixelSpacing=["0.139"] * 2)
    scaled("differs", "calibrated_unstated", [0.12, 0.12],
           ImagerPixelSpacing=["0.139"] * 2, PixelSpacing=["0.12"] * 2)
    scaled("fiducial", "calibrated_fiducial", [0.12, 0.12], ImagerPixelSpacing=["0.139"] * 2,
           PixelSpacing=["0.12"] * 2, PixelSpacingCalibrationType="FIDUCIAL")
    scaled("geometry", "calibrated_geometry", [0.12, 0.12], PixelSpacing=["0.12"] * 2,
           PixelSpacingCalibrationType="GEOMETRY")
    scaled("alone", "pixel_spacing", [0.2, 0.2], PixelSpacing=["0.2", "0.2"])
    scaled("scanned", "scanned_film", [0.17, 0.17], NominalScannedPixelSpacing=["0.17"] * 2,
           sop=SecondaryCaptureImageStorage)
    for label, value in (("zero", ["0.000", "0.000"]), ("negative", ["-0.1", "0.1"]), ("huge", ["10", "10"]),
                         ("oblong", ["0.1", "0.2"])):
        scaled(f"withheld_{label}", "none", None, PixelSpacing=value)
    scaled("nothing", "none", None)


def padded():
    values = picture(12)
    values[:, :9] = 4095
    values[:5] = 4095
    case("padding_value", film(12, values=values, PixelPaddingValue=4095),
         padded=[4095, 4095])
    values = picture(12, signed=True)
    values[:, :20] = random.integers(-2048, -2000, (ROWS, 20))
    case("padding_range", film(12, signed=True, values=values, PixelPaddingValue=-2048, PixelPaddingRangeLimit=-2000),
         padded=[-2048, -2000])


def compressed():
    for syntax, label in ((RLELossless, "rle"), (JPEGLSLossless, "jpeg_ls"), (JPEG2000Lossless, "jpeg_2000")):
        for stored in (8, 12, 16):
            for photometric in ("MONOCHROME1", "MONOCHROME2"):
                data = film(stored, photometric=photometric)
                data.compress(syntax, generate_instance_uid=False)
                case(f"{label}_{stored}_{photometric}", data)
    for syntax, label in ((RLELossless, "rle"), (JPEG2000Lossless, "jpeg_2000")):
        for stored in (12, 16):
            data = film(stored, signed=True)
            data.compress(syntax, generate_instance_uid=False)
            case(f"{label}_signed_{stored}", data)
    data = film(12)
    data.compress(JPEGLSNearLossless, jls_error=3, generate_instance_uid=False)
    case("jpeg_ls_near", data)
    for stored in (8, 12, 16):
        data = film(stored)
        data.compress(JPEG2000, j2k_cr=[4], generate_instance_uid=False)
        # Floating-point wavelets: one step of rounding between two decoders.
        case(f"jpeg_2000_lossy_{stored}", data , lossy=1)
    # One frame in several pieces.
    data = film(12)
    data.compress(JPEG2000Lossless, generate_instance_uid=False)
    frame = next(pydicom.encaps.generate_frames(data.PixelData, number_of_frames=1))
    data.PixelData = encapsulate([frame], fragments_per_frame=4, has_bot=False)
    case("jpeg_2000_pieces", data)


def dcmtk():
    if not shutil.which("dcmcjpeg"):
        left_out.append("JPEG (no dcmcjpeg of DCMTK)")
        return
    # Options of dcmcjpeg: process, and whether its decoder (dcmdjpeg) is the reference.
    for stored, options, label in ((8, ["+eb"], "baseline"), (8, ["+eb", "+q", "30"], "baseline_coarse"),
                                   (12, ["+ee"], "extended"), (10, ["+ee", "+q", "40"], "extended_10"),
                                   (8, ["+e1"], "lossless_sv1"), (12, ["+e1"], "lossless_sv1"), (16, ["+e1"], "lossless_sv1"),
                                   (12, ["+el", "+sv", "4"], "lossless_p14"), (16, ["+el", "+sv", "7"], "lossless_p14")):
        for photometric in ("MONOCHROME1", "MONOCHROME2"):
            name = f"jpeg_{label}_{stored}_{photometric}"
            plain, file, back = out / f"{name}.plain", out / f"{name}.dcm", out / f"{name}.back"
            film(stored, photometric=photometric).save_as(plain, enforce_file_format=True)
            subprocess.run(["dcmcjpeg", "+un", *options, plain, file], check=True)
            subprocess.run(["dcmdjpeg", file, back], check=True)
            data = pydicom.dcmread(file)
            decoded = pydicom.dcmread(back)
            pixels = decoded.pixel_array
            # dcmcjpeg may keep the stored bits or widen them; what its decoder says goes.
            assert decoded.BitsStored == data.BitsStored
            list_case(name, file, data, pixels)
            plain.unlink(), back.unlink()


def odd_files():
    data = film(12)
    file = case("no_preamble", data)
    file.write_bytes(file.read_bytes()[132:])
    for syntax, label in ((ImplicitVRLittleEndian, "implicit"), (ExplicitVRLittleEndian, "explicit")):
        data = film(12, syntax=syntax)
        file = case(f"no_meta_{label}", data)
        whole = file.read_bytes()
        group_length = int.from_bytes(whole[140:144], "little")
        file.write_bytes(whole[144 + group_length:])
    nested = Dataset()
    inner = Dataset()
    inner.CodeValue = "1"
    nested.ConceptNameCodeSequence = [inner, inner]
    for value in (nested["ConceptNameCodeSequence"],):
        value.is_undefined_length = True
    data = film(12)
    data.ViewCodeSequence = [nested, nested]
    data["ViewCodeSequence"].is_undefined_length = True
    data.private_block(0x0029, "NOBODY", create=True).add_new(1, "UN", b"\1\2\3\4")
    case("sequences_of_undefined_length", data)


def refusals():
    colour = film(8, values=np.zeros((ROWS, COLUMNS * 3), int), SamplesPerPixel=3, PlanarConfiguration=0)
    colour.PhotometricInterpretation = "RGB"
    refusal("refused_rgb", colour, "SamplesPerPixel (0028,0002) is 3", "grey")
    palette = film(8)
    palette.PhotometricInterpretation = "PALETTE COLOR"
    refusal("refused_palette", palette, "PhotometricInterpretation (0028,0004) is PALETTE COLOR")
    refusal("refused_frames", film(8, values=np.zeros((ROWS * 3, COLUMNS), int), NumberOfFrames="3",
            sop="1.2.840.10008.5.1.4.1.1.7.2"), "NumberOfFrames (0028,0008) is 3")
    refusal("refused_ct", film(12, sop=CTImageStorage),
            "SOPClassUID (0008,0016) is 1.2.840.10008.5.1.4.1.1.2 (CT Image Storage)")
    report = film(12, sop=ComprehensiveSRStorage)
    del report.PixelData
    refusal("refused_sr", report, "SOPClassUID (0008,0016)", "Comprehensive SR Storage")
    refusal("refused_ct_capture", film(8, sop=SecondaryCaptureImageStorage, Modality="CT"), "Modality (0008,0060) is CT")
    bare = film(12)
    del bare.PixelData
    refusal("refused_no_pixels", bare, "PixelData (7FE0,0010) is missing")
    refusal("refused_contradiction", film(12, PresentationLUTShape="INVERSE"), "PresentationLUTShape (2050,0020) is INVERSE")
    refusal("refused_no_rows", film(12, Rows=0), "Rows (0028,0010) is 0")
    refusal("refused_more_rows", film(12, Rows=ROWS + 1), "PixelData (7FE0,0010)", "too short")
    refusal("refused_large", film(12, Rows=20000), "Rows (0028,0010) is 20000")
    refusal("refused_bits", film(12, BitsStored=17, HighBit=16), "BitsStored (0028,0101) is 17")
    refusal("refused_function", film(12, WindowCenter="1", WindowWidth="9", VOILUTFunction="CUBIC"),
            "VOILUTFunction (0028,1056) is CUBIC")
    refusal("refused_slope", film(12, RescaleSlope="0", RescaleIntercept="0"), "RescaleSlope (0028,1053) is 0")
    video = film(8)
    video.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"
    video.PixelData = encapsulate([b"\0" * 64])
    video["PixelData"].is_undefined_length = True
    refusal("refused_syntax", video, "TransferSyntaxUID (0002,0010) is 1.2.840.10008.1.2.4.102")


def samples(files):
    for file in map(Path, files):
        data = pydicom.dcmread(file)
        lossy = int(data.file_meta.TransferSyntaxUID == JPEG2000)
        list_case(f"sample_{file.stem}", file.resolve(), data, data.pixel_array, lossy=lossy)


for part in (native, meanings, spacings, padded, compressed, dcmtk, odd_files, refusals):
    part()
samples(sys.argv[2:])
(out / "cases.json").write_text(json.dumps({"seed": SEED, "pydicom": pydicom.__version__, "left_out": left_out,
                                            "cases": cases}, indent=1))
print(f"{len(cases)} cases", *(f"; left out: {what}" for what in left_out))
