"""Detects anatomical landmarks on X-ray images. Not a medical device."""

import os
from typing import Optional, Sequence, Tuple, Union, final

from numpy.typing import ArrayLike

__all__ = ["Detector", "Error", "Landmark", "NoGpu", "Refused", "Report", "Unreadable", "Untrusted", "__version__"]

__version__: str

class Error(Exception):
    """Base class of all errors except invalid arguments, which raise ValueError or TypeError."""

class Refused(Error):
    """The image does not look like the images that the model was trained on; there are no landmarks."""

    reasons: Tuple[str, ...]
    """Why the image was refused, one sentence each."""

class Unreadable(Error):
    """A model or key file cannot be read: missing, damaged, or of an unknown format."""

class Untrusted(Error):
    """The model is not signed with the given key."""

class NoGpu(Error):
    """A GPU was requested, but there is none, or none that can run the model."""

@final
class Landmark:
    """One landmark.

    The origin is the centre of the top-left pixel, x to the right, y down; mm = px * spacing.
    """

    @property
    def name(self) -> str: ...
    @property
    def x_px(self) -> float: ...
    @property
    def y_px(self) -> float: ...
    @property
    def x_mm(self) -> Optional[float]:
        """Position, mm; None if the spacing is unknown, like all values in mm."""
    @property
    def y_mm(self) -> Optional[float]: ...
    @property
    def expected_error_px(self) -> float:
        """Expected distance to the true position, px."""
    @property
    def expected_error_mm(self) -> Optional[float]: ...
    @property
    def covariance_px2(self) -> Tuple[float, float, float]:
        """Covariance of the position: xx, xy, yy, px²."""
    @property
    def confident(self) -> bool:
        """False: low confidence, verify the position by eye."""

@final
class Report:
    """The landmarks of one image, and the model and device that detected them."""

    @property
    def landmarks(self) -> list[Landmark]: ...
    @property
    def size_px(self) -> Tuple[int, int]:
        """Width and height of the image, px."""
    @property
    def spacing_mm(self) -> Optional[Tuple[float, float]]: ...
    @property
    def model_name(self) -> str: ...
    @property
    def model_sha256(self) -> str:
        """SHA-256 of the model file, hexadecimal."""
    @property
    def backend(self) -> str:
        """`cpu` or `gpu`: the processor that ran the networks."""
    @property
    def device(self) -> str:
        """Name of the processor or adapter."""
    @property
    def total_ms(self) -> float: ...
    def to_json(self) -> str:
        """The report as JSON, schema `fiducia.report/1`."""

@final
class Detector:
    """A model that is ready to run.

    Threads may share it; detections run one at a time, without holding the interpreter lock.
    """

    def __new__(
        cls,
        model: Union[str, os.PathLike[str]],
        *,
        backend: str = "auto",
        adapter: Optional[str] = None,
        landmarks: Optional[Sequence[str]] = None,
        signer: Optional[Union[str, os.PathLike[str]]] = None,
    ) -> Detector:
        """Reads the model file and prepares it on a device.

        backend: `auto` selects a hardware GPU if there is one, else the CPU; `cpu` or `gpu` forces that backend or
            fails.
        adapter: use the first GPU whose name contains this text. A software rasteriser is only used if it is named
            here.
        landmarks: names of the landmarks to detect; None: all. Fewer landmarks take less time; positions are
            unchanged.
        signer: PEM file with a public key; the model must be signed with it.

        Raises Unreadable, Untrusted or NoGpu; ValueError for an invalid argument.
        """
    def detect(
        self,
        image: ArrayLike,
        spacing: Optional[Union[float, Tuple[float, float]]] = None,
        *,
        invert: bool = False,
        name: str = "image",
    ) -> Report:
        """Detects the landmarks on a greyscale image [height, width] of uint8 or uint16, with any strides.

        spacing: pixel spacing in the detector plane, mm per px, one number or (x, y); None: unknown.
        invert: invert the grey values first, for images with dark bone (MONOCHROME1).
        name: name of the image in errors and in the report.

        Raises Refused if the image does not look like the images that the model was trained on; ValueError or
        TypeError for an invalid argument.
        """
    @property
    def landmarks(self) -> list[str]: ...
    @property
    def model_name(self) -> str: ...
    @property
    def model_sha256(self) -> str: ...
    @property
    def backend(self) -> str: ...
    @property
    def device(self) -> str: ...
