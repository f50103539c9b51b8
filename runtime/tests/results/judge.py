#!/usr/bin/env python3
"""What highdicom and pydicom read in results, against the JSON reports of the same detections.

    judge.py FILMS RESULTS AGAIN [ADAPTERS.json]

FILMS holds NAME.dcm as films.py wrote them; RESULTS and AGAIN hold what two runs made of them: NAME.json (not of a
refused film) and NAME.fiducia-KIND.dcm. ADAPTERS.json holds what adapters.mjs found in RESULTS, {file name: list}.
Ends with an error that names the first thing that is wrong. Needs pydicom, highdicom and numpy.
"""

import csv
import json
import sys
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
from pydicom.sr._concepts_dict import concepts

MODELS = Path(__file__).resolve().parents[3] / "models"
# DICOM's origin is the corner of the first pixel, the report's its centre.
SHIFT_PX = 0.5
# Coordinates are 32-bit floats of up to five digits before the point; errors are written with four behind it.
ROUNDING_PX, ROUNDING = 1e-3, 1e-4
# What of patient and study is repeated. Of no other attribute of these groups may there be any.
REPEATED = ["PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime",
            "StudyID", "AccessionNumber", "ReferringPhysicianName"]
# Differ from run to run.
MADE = ["ContentDate", "ContentTime", "PresentationCreationDate", "PresentationCreationTime",
        "DateOfSecondaryCapture", "TimeOfSecondaryCapture"]
REPORTS = {"sr3d": hd.sr.Comprehensive3DSR, "sr": hd.sr.ComprehensiveSR}

films, results, again = map(Path, sys.argv[1:4])
adapters = json.loads(Path(sys.argv[4]).read_text()) if len(sys.argv) > 4 else {}
with open(MODELS / "codes.csv", newline="") as file:
    table = list(csv.DictReader(line for line in file if not line.startswith("#")))
points = 0


def check(what, found, wanted):
    if found != wanted:
        sys.exit(f"FAILED: {what} is {found!r}, not {wanted!r}")


def near(what, found, wanted, tolerance):
    if not np.allclose(found, wanted, rtol=0, atol=tolerance):
        sys.exit(f"FAILED: {what} is {found}, not {wanted}")


def value(data, keyword):
    """As text; empty and missing are the same."""
    return str(data.get(keyword, None) or "")


def meanings(scheme, code):
    return {meaning for code_values in concepts[scheme].values() for c, (meaning, _) in code_values.items() if c == code}


def check_codes():
    """Every site is a code of DICOM's own context groups with one of the meanings that it has there."""
    for row in table:
        if row["site_code"] and row["site_meaning"] not in meanings(row["site_scheme"], row["site_code"]):
            sys.exit(f"FAILED: {row['code']} lies at {row['site_code']} {row['site_meaning']}, which DICOM does not say")


def check_common(name, film, data):
    """Patient and study are those of the film, and nothing else of it is."""
    for keyword in REPEATED:
        check(f"{keyword} of {name}", value(data, keyword), value(film, keyword))
    for element in data:
        if element.tag.group == 0x0010 and element.keyword not in REPEATED:
            sys.exit(f"FAILED: {name} repeats {element.keyword} of the patient")
    check(f"marks of {name}", "not for diagnosis" in data.SeriesDescription, True)
    if b"secret" in data.filename_bytes:
        sys.exit(f"FAILED: {name} repeats more of the film than it should")


def read(path):
    data = pydicom.dcmread(path)
    data.filename_bytes = path.read_bytes()
    check(f"meta information of {path.name}", data.file_meta.MediaStorageSOPInstanceUID, data.SOPInstanceUID)
    return data


def check_report(name, film, kind, report):
    global points
    path = results / f"{name}.fiducia-{kind}.dcm"
    document = hd.sr.srread(path)
    check(f"class of {path.name}", type(document), REPORTS[kind])
    check(f"flags of {path.name}", [document.CompletionFlag, document.VerificationFlag, document.PreliminaryFlag],
          ["COMPLETE", "UNVERIFIED", "PRELIMINARY"])
    evidence = document.get_evidence()
    check(f"evidence of {path.name}", evidence,
          [(film.StudyInstanceUID, film.SeriesInstanceUID, film.SOPInstanceUID, film.SOPClassUID)])
    groups = document.content.get_planar_roi_measurement_groups()
    if report is None:
        check(f"groups of {path.name}", len(groups), 0)
        bytes_ = path.read_bytes()
        check(f"points of {path.name}", b"SCOORD" in bytes_, False)
        check(f"reason in {path.name}", b"Not Attempted" in bytes_ and b"heat maps too diffuse" in bytes_, True)
        return
    check(f"groups of {path.name}", len(groups), len(report["landmarks"]))
    for group, landmark in zip(groups, report["landmarks"]):
        what = f"{landmark['name']} in {path.name}"
        row = next(row for row in table if row["landmark"] == landmark["name"])
        check(f"name of {what}", group.tracking_identifier, landmark["name"])
        check(f"code of {what}", (group.finding_type.value, group.finding_type.scheme_designator),
              (row["code"], "99FIDUCIA"))
        [site] = group.finding_sites
        check(f"site of {what}", (site.value.value, site.value.scheme_designator), (row["site_code"], row["site_scheme"]))
        side = site.laterality.meaning[:1] if site.laterality else ""
        check(f"side of {what}", side, row["side"])
        place = [landmark["x_px"] + SHIFT_PX, landmark["y_px"] + SHIFT_PX]
        near(f"place of {what}", group.roi.value[0], place, ROUNDING_PX)
        measured = {m.unit.value: m.value for m in group.get_measurements()}
        wanted = {"mm": landmark["expected_error_mm"], "{pixels}": landmark["expected_error_px"]}
        wanted = {unit: error for unit, error in wanted.items() if error is not None}
        check(f"units of {what}", list(measured), list(wanted))
        near(f"error of {what}", list(measured.values()), list(wanted.values()), ROUNDING)
        [mark] = group.get_qualitative_evaluations(name=hd.sr.CodedConcept("CONFIDENCE", "99FIDUCIA", "Confidence mark"))
        check(f"mark of {what}", mark.value.value, "CONFIDENT" if landmark["confident"] else "DOUBTFUL")
        parameters = [item.TextValue for item in group[0].ContentSequence if item.ValueType == "TEXT"]
        check(f"model of {what}", f"model-sha256={report['model']['sha256']}" in parameters, True)
        points += 1
    if path.name in adapters:
        found = {uid: rest for _, uid, *rest in adapters[path.name]}
        check(f"points that the adapters find in {path.name}", len(found), len(groups))
        for group, landmark in zip(groups, report["landmarks"]):
            _, finding, sites, x, y = found[group.tracking_uid]
            check("finding in the adapters", (finding, sites),
                  (group.finding_type.meaning, [site.value.meaning for site in group.finding_sites]))
            # They take the half pixel off again.
            near(f"{landmark['name']} in the adapters", [x, y], [landmark["x_px"], landmark["y_px"]], ROUNDING_PX)


def check_state(name, film, report):
    data = read(results / f"{name}.fiducia-gsps.dcm")
    [notes] = data.GraphicAnnotationSequence
    names = [text.UnformattedTextValue for text in notes.TextObjectSequence]
    wanted = [l["name"].replace("_", " ") + ("" if l["confident"] else " ?") for l in report["landmarks"]]
    check(f"names in the state of {name}", names, wanted)
    for graphic, text, l in zip(notes.GraphicObjectSequence, notes.TextObjectSequence, report["landmarks"]):
        place = [l["x_px"] + SHIFT_PX, l["y_px"] + SHIFT_PX]
        near(f"{l['name']} in the state of {name}", graphic.GraphicData, place, ROUNDING_PX)
        near(f"{l['name']} in the state of {name}", text.AnchorPoint, place, ROUNDING_PX)
    shape = "INVERSE" if film.PhotometricInterpretation == "MONOCHROME1" else "IDENTITY"
    check(f"polarity of {name}", data.PresentationLUTShape, shape)


def check_picture(name, film):
    data = read(results / f"{name}.fiducia-sc.dcm")
    pixels = data.pixel_array
    whole = pixels.shape[0] % film.Rows == 0 and pixels.shape[1] % film.Columns == 0
    check(f"picture of {name}", (whole, pixels.shape[2], data.PhotometricInterpretation), (True, 3, "RGB"))
    band = pixels[: pixels.shape[0] // 20].reshape(-1, 3).astype(int)
    orange = (np.abs(band - [255, 170, 20]).max(axis=1) < 8).sum()
    check(f"burned-in mark of {name}", orange > 200, True)
    for keyword in ["LossyImageCompression", "BurnedInAnnotation"]:
        check(f"{keyword} of {name}", value(data, keyword), value(film, keyword))


def check_again(path):
    """The same UIDs, and all the same but for the time."""
    first, second = read(path), read(again / path.name)
    for keyword in MADE:
        for data in (first, second):
            if keyword in data:
                delattr(data, keyword)
    check(f"a second run of {path.name}", second == first, True)


check_codes()
uids = []
for path in sorted(films.glob("*.dcm")):
    name, film = path.stem, pydicom.dcmread(path)
    refused = not (results / f"{name}.json").exists()
    report = None if refused else json.loads((results / f"{name}.json").read_text())
    kinds = ["sr3d", "sr"] + ([] if refused else ["gsps", "sc"])
    objects = sorted(results.glob(f"{name}.fiducia-*.dcm"))
    check(f"objects of {name}", sorted(o.name.split("-")[-1][:-4] for o in objects), sorted(kinds))
    for path in objects:
        data = read(path)
        check_common(path.name, film, data)
        check_again(path)
        uids.append(data.SOPInstanceUID)
    for kind in REPORTS:
        check_report(name, film, kind, report)
    if not refused:
        check_state(name, film, report)
        check_picture(name, film)
check("UIDs that stand twice", len(uids) - len(set(uids)), 0)
by = f", {sum(map(len, adapters.values()))} of them by the adapters" if adapters else ""
print(f"{len(uids)} objects read by highdicom and pydicom; {points} points at the report's place + {SHIFT_PX} px{by}")
