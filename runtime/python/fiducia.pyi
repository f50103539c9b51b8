"""Finds anatomical landmarks on X-ray images. Not a medical device."""

import os
from typing import Optional, Sequence, Tuple, Union, final

from numpy.typing import ArrayLike

__all__ = ["Detector", "Error", "Landmark", "NoGpu", "Refused", "Report", "Unreadable", "Untrusted", "__version__"]

__version__: str

class Error(Exception):
    """What can go wrong beside wrong arguments, which are a ValueError or TypeError."""

class Refused(Error):
    """The image does not look like what the model was made for: there are no landmarks."""

    reasons: Tuple[str, ...]

class Unreadable(Error):
    """A model or key cannot be read: missing, damaged, of an unknown form."""

class Untrusted(Error):
    """The model is not signed by the maker asked for."""

class NoGpu(Error):
    """A GPU was asked for and there is none, or none that can run the model."""

@final
class Landmark:
    """One landmark. (0, 0) is the centre of the top-left pixel, x to the right, y down; mm = px * spacing."""

    @property
    def name(self) -> str: ...
    @property
    def x_px(self) -> float: ...
    @property
    def y_px(self) -> float: ...
    @property
    def x_mm(self) -> Optional[float]:
        """None without a spacing, like all mm."""
    @property
    def y_mm(self) -> Optional[float]: ...
    @property
    def expected_error_px(self) -> float:
        """Expected distance to the true position."""
    @property
    def expected_error_mm(self) -> Optional[float]: ...
    @property
    def covariance_px2(self) -> Tuple[float, float, float]:
        """xx, xy, yy."""
    @property
    def confident(self) -> bool:
        """False: check it by eye."""

@final
class Report:
    """The landmarks of one image, and what found them."""

    @property
    def landmarks(self) -> list[Landmark]: ...
    @property
    def size_px(self) -> Tuple[int, int]:
        """Width and height."""
    @property
    def spacing_mm(self) -> Optional[Tuple[float, float]]: ...
    @property
    def model_name(self) -> str: ...
    @property
    def model_sha256(self) -> str:
        """Of the whole model file, hexadecimal."""
    @property
    def backend(self) -> str:
        """`cpu` or `gpu`."""
    @property
    def device(self) -> str:
        """Name of the processor or adapter."""
    @property
    def total_ms(self) -> float: ...
    def to_json(self) -> str:
        """The whole report, schema `fiducia.report/1`."""

@final
class Detector:
    """A model that is ready to run. Threads may share it; they wait for each other, but not for the interpreter."""

    def __new__(
        cls,
        model: Union[str, os.PathLike[str]],
        *,
        backend: str = "auto",
        adapter: Optional[str] = None,
        landmarks: Optional[Sequence[str]] = None,
        signer: Optional[Union[str, os.PathLike[str]]] = None,
    ) -> Detector:
        """Reads the model file and makes it ready on a device.

        backend: `auto` takes a real GPU where there is one, else the CPU; `cpu` and `gpu` insist.
        adapter: the first GPU whose name contains this, the only way to a software rasteriser.
        landmarks: these alone; they come out as they do among all, in less time.
        signer: a PEM file; only a model that the maker with this public key signed is taken.
        """
    def detect(
        self,
        image: ArrayLike,
        spacing: Optional[Union[float, Tuple[float, float]]] = None,
        *,
        invert: bool = False,
        name: str = "image",
    ) -> Report:
        """Finds the landmarks on a grey image [height, width] of uint8 or uint16, with any strides.

        spacing: mm per px at the detector, one number or (x, y).
        invert: take the negative first, for images on which bone is dark (MONOCHROME1).
        name: how errors and the report call the image.

        Raises Refused where the image does not look like what the model was made for.
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
