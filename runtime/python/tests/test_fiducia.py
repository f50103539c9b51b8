"""Tests of the Python module on the shipped model and its demo image. Run pytest in the root of the repository."""

import csv
import hashlib
import json
import pathlib
import threading
import time

import fiducia
import numpy
import pytest
from PIL import Image

MODELS = pathlib.Path(__file__).resolve().parents[3] / "models"
# The golden file has three decimals, and processors round differently.
TOLERANCE_PX = 0.05


@pytest.fixture(scope="module")
def detector():
    return fiducia.Detector(MODELS / "head.fid", backend="cpu")


@pytest.fixture(scope="module")
def image():
    return numpy.asarray(Image.open(MODELS / "demo.png").convert("L"))


def positions(report):
    return [(l.name, l.x_px, l.y_px) for l in report.landmarks]


def is_golden(report, tolerance_px=TOLERANCE_PX):
    with open(MODELS / "demo.golden.csv", newline="") as file:
        golden = list(csv.DictReader(file))
    return len(golden) == len(report.landmarks) and all(
        row["landmark"] == l.name
        and abs(float(row["x_px"]) - l.x_px) <= tolerance_px
        and abs(float(row["y_px"]) - l.y_px) <= tolerance_px
        and abs(float(row["x_mm"]) - l.x_mm) <= tolerance_px
        and abs(float(row["expected_error_mm"]) - l.expected_error_mm) <= tolerance_px
        and (row["confident"] == "true") == l.confident
        for row, l in zip(golden, report.landmarks)
    )


def test_the_golden_landmarks(detector, image):
    report = detector.detect(image, 0.2, name="image 7")
    assert is_golden(report)
    assert not is_golden(detector.detect(image, 0.19)), "the comparison cannot fail"
    assert report.size_px == image.shape[::-1]
    assert report.spacing_mm == (0.2, 0.2)
    sha256 = hashlib.sha256((MODELS / "head.fid").read_bytes()).hexdigest()
    assert report.model_sha256 == detector.model_sha256 == sha256
    assert report.model_name == detector.model_name == "head"
    assert report.backend == detector.backend == "cpu"
    assert report.device == detector.device != ""
    assert report.total_ms > 0
    assert [l.name for l in report.landmarks] == detector.landmarks
    parsed = json.loads(report.to_json())
    assert (parsed["schema"], parsed["image"]) == ("fiducia.report/1", "image 7")
    assert [l["x_px"] for l in parsed["landmarks"]] == [l.x_px for l in report.landmarks]
    xx, xy, yy = report.landmarks[0].covariance_px2
    assert xx > 0 and yy > 0 and xx * yy > xy * xy
    assert "sella" in repr(report.landmarks[0]) and "19 landmarks" in repr(report)


def test_without_spacing_there_are_no_millimetres(detector, image):
    report = detector.detect(image)
    assert report.spacing_mm is None
    for l in report.landmarks:
        assert (l.x_mm, l.y_mm, l.expected_error_mm) == (None, None, None)
        assert l.expected_error_px > 0


def test_any_layout_of_the_same_pixels(detector, image):
    want = positions(detector.detect(image, 0.2))
    wide = numpy.zeros((2 * image.shape[0], 3 * image.shape[1]), numpy.uint8)
    wide[::2, ::3] = image
    flipped = image[:, ::-1].copy()
    read_only = image.copy()
    read_only.flags.writeable = False
    for same in [
        numpy.asfortranarray(image),
        wide[::2, ::3],
        flipped[:, ::-1],
        read_only,
        image.astype(numpy.uint16),
        image.astype(">u2"),
        image.astype("<u2"),
        Image.fromarray(image),
    ]:
        assert positions(detector.detect(same, (0.2, 0.2))) == want
    # The grey values are normalised, whatever their range.
    deep = detector.detect(image.astype(numpy.uint16) * 257, 0.2)
    assert is_golden(deep)


def test_invalid_images_raise(detector, image):
    for dtype in ["float32", "int16", "uint32", "bool", "object"]:
        with pytest.raises(TypeError, match="uint8 or uint16"):
            detector.detect(image.astype(dtype))
    with pytest.raises(TypeError, match="uint8 or uint16"):
        detector.detect("image.png")
    for shape in [image[0], image[:, :, None], numpy.stack([image] * 3, 2)]:
        with pytest.raises(ValueError, match="height, width"):
            detector.detect(shape)
    with pytest.raises(ValueError, match="no image"):
        detector.detect(image[:0])
    with pytest.raises(ValueError, match="no image"):
        detector.detect(numpy.zeros((1, 20000), numpy.uint8))
    for spacing in [0, -1.0, float("nan"), (0.1, 1000)]:
        with pytest.raises(ValueError, match="spacing"):
            detector.detect(image, spacing)
    for spacing in ["0.2", (0.1, 0.1, 0.1)]:
        with pytest.raises(TypeError):
            detector.detect(image, spacing)


def test_unsuitable_images_are_refused(detector, image):
    with pytest.raises(fiducia.Refused, match="looks turned by 180 degrees") as refusal:
        detector.detect(image[::-1, ::-1], 0.2)
    assert len(refusal.value.reasons) >= 2
    assert all(reason in str(refusal.value) for reason in refusal.value.reasons)
    noise = numpy.random.default_rng(1).integers(0, 255, (600, 500), numpy.uint8)
    chest = numpy.asarray(Image.open(MODELS / "demo-chest.png").convert("L"))
    for foreign in [noise, chest]:
        with pytest.raises(fiducia.Refused, match="does not look like an image for the model head"):
            detector.detect(foreign)
    with pytest.raises(fiducia.Refused, match="no contrast") as refusal:
        detector.detect(numpy.full((100, 100), 7, numpy.uint8))
    assert len(refusal.value.reasons) == 1
    with pytest.raises(fiducia.Refused, match="too small"):
        detector.detect(image[:20, :20])
    assert issubclass(fiducia.Refused, fiducia.Error)


def test_negatives_are_inverted_on_request(detector, image):
    negative = image.max() - (image - image.min())
    with pytest.raises(fiducia.Refused, match="looks inverted"):
        detector.detect(negative, 0.2)
    assert positions(detector.detect(negative, 0.2, invert=True)) == positions(detector.detect(image, 0.2))


def test_a_subset_of_landmarks_has_the_positions_found_among_all(detector, image):
    some = fiducia.Detector(str(MODELS / "head.fid"), backend="cpu", landmarks=["nasion", "sella"])
    assert some.landmarks == ["nasion", "sella"]
    among = {l.name: l for l in detector.detect(image).landmarks}
    for l in some.detect(image).landmarks:
        assert abs(l.x_px - among[l.name].x_px) < 1e-3
    with pytest.raises(ValueError, match="antler"):
        fiducia.Detector(MODELS / "head.fid", backend="cpu", landmarks=["antler"])


def test_unusable_models_raise(tmp_path):
    with pytest.raises(fiducia.Unreadable, match="nowhere.fid"):
        fiducia.Detector("nowhere.fid")
    damaged = tmp_path / "damaged.fid"
    content = bytearray((MODELS / "head.fid").read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    with pytest.raises(fiducia.Unreadable, match="damaged.fid"):
        fiducia.Detector(damaged)
    # Any Ed25519 public key in PEM; it signed no model.
    key = tmp_path / "maker.pem"
    key.write_text(
        "-----BEGIN PUBLIC KEY-----\n"
        "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
        "-----END PUBLIC KEY-----\n"
    )
    with pytest.raises(fiducia.Untrusted, match="not signed"):
        fiducia.Detector(MODELS / "head.fid", signer=key)
    with pytest.raises(ValueError, match="tpu"):
        fiducia.Detector(MODELS / "head.fid", backend="tpu")
    with pytest.raises(ValueError, match="adapter"):
        fiducia.Detector(MODELS / "head.fid", backend="cpu", adapter="x")
    with pytest.raises(fiducia.NoGpu):
        fiducia.Detector(MODELS / "head.fid", adapter="no adapter has this name")
    with pytest.raises(TypeError):
        fiducia.Detector(7)


def test_threads_share_a_detector(detector, image):
    want = positions(detector.detect(image, 0.2))
    found, refused = [], []

    def work(turn):
        for round in range(3):
            # Valid and refused images in turns: results must not mix.
            if (turn + round) % 2:
                found.append(positions(detector.detect(image, 0.2)))
            else:
                try:
                    detector.detect(image[::-1, ::-1], 0.2)
                except fiducia.Refused as refusal:
                    refused.append(refusal)

    threads = [threading.Thread(target=work, args=(turn,)) for turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(refused) == 6
    assert all(one == want for one in found)


def test_a_detection_releases_the_interpreter_lock(detector, image):
    """Another thread runs during a call; with the interpreter lock held it could not."""
    turns, done = [], threading.Event()

    def count():
        while not done.is_set():
            turns.append(time.monotonic())
            time.sleep(0.0005)

    counter = threading.Thread(target=count)
    counter.start()
    spans = []
    for _ in range(10):
        start = time.monotonic()
        # Refused images take several times as long.
        with pytest.raises(fiducia.Refused):
            detector.detect(image[::-1, ::-1], 0.2)
        spans.append((start, time.monotonic()))
    done.set()
    counter.join()
    # Turns in the middle of a call, not while arguments and results are converted.
    inside = sum(
        start + 0.2 * (end - start) < turn < end - 0.2 * (end - start)
        for start, end in spans
        for turn in turns
    )
    assert inside > 0
