"""An .smc file (HDF5) opened for reading: its groups, frames and images, with errors that say where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import h5py
import numpy as np
from jaxtyping import Float, UInt8, UInt16

from capture.errors import CaptureError
from capture.importers.source_stream import JPEG, PNG, image_header
from geometry.coded_images import decode_image
from geometry.told_values import json_of

SUFFIX = ".smc"


class SmcFile:
    """One file. `place` in each method is a path inside it, such as `Kinect/0/Depth`."""

    def __init__(self, path: Path) -> None:
        """Raises CaptureError when the file is missing, cut off or not HDF5."""
        self.path = Path(path)
        try:
            self._file = h5py.File(self.path, "r")
        except OSError as error:
            reason = "it is cut off" if "truncated" in str(error) else "it is not HDF5, as an SMC is, or is damaged"
            raise CaptureError(f"{self.path} cannot be opened: {reason}; copy it again") from None

    def has(self, place: str) -> bool:
        """Whether a group or data set is there."""
        with self._reading(place):
            return place in self._file

    def attribute(self, place: str, name: str) -> Any:
        """An attribute of a group, None where it is not there; text as str."""
        with self._reading(place):
            value = self._file[place].attrs.get(name) if place in self._file else None
        return value.decode(errors="replace") if isinstance(value, bytes) else value

    def children(self, place: str) -> list[str]:
        """Names in a group, numbers in their order; none where there is no such group."""
        with self._reading(place):
            group = self._file.get(place)
            names = list(group.keys()) if isinstance(group, h5py.Group) else []
        return sorted(names, key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name))

    def numbers(self, place: str) -> list[int]:
        """Frame numbers in a group. Raises CaptureError without any, or on a name that is no number."""
        names = self.children(place)
        odd = [name for name in names if not name.isdigit()]
        if odd or not names:
            what = f"'{odd[0]}', which is no frame number" if odd else "no frame"
            raise CaptureError(f"{self.path}: {place} holds {what}; write the file again")
        return [int(name) for name in names]

    def missing(self, group: str, place: str, attribute: str = "num_frame") -> str:
        """What a note says when a group states more frames than `place` holds; empty where they agree."""
        stated, there = self.attribute(group, attribute), len(self.children(place))
        if not isinstance(stated, int | np.integer) or stated <= there:
            return ""
        return f"{place} holds {there} of the {int(stated)} frames that the file states"

    def array(self, place: str) -> np.ndarray:
        """A data set, whole. Raises CaptureError when it is missing or damaged."""
        with self._reading(place):
            item = self._file.get(place)
            if item is None:
                raise CaptureError(f"{self.path}: {place} is missing; write the file again")
            if not isinstance(item, h5py.Dataset):
                raise CaptureError(f"{self.path}: {place} is not a data set; is this an SMC file?")
            return np.asarray(item[()])

    def numeric(self, place: str, shape: tuple[int, ...]) -> Float[np.ndarray, "..."]:
        """Finite numbers of a shape. Raises CaptureError for others."""
        value = self.array(place)
        try:
            value = value.astype(np.float64)
        except (TypeError, ValueError):
            value = np.empty(0)
        if value.size != np.prod(shape) or not np.isfinite(value).all():
            raise CaptureError(f"{self.path}: {place} must hold {'x'.join(map(str, shape))} finite numbers")
        return value.reshape(shape)

    def text(self, place: str) -> Any:
        """A data set of JSON text. Raises CaptureError when it is not."""
        value = self.array(place)[()]
        try:
            return json_of(value.decode() if isinstance(value, bytes) else str(value))
        except (ValueError, UnicodeDecodeError) as error:
            raise CaptureError(f"{self.path}: {place} is not complete JSON ({error}); write the file again") from None

    def color(self, place: str) -> bytes:
        """A JPEG or PNG as it is; pixels stored without encoding (H, W, 3, RGB), and pictures in an encoding that
        sessions do not have, as PNG, which loses nothing. Raises CaptureError for anything else.
        """
        value = self.array(place)
        data = value.tobytes() if value.dtype.kind in "uiSV" and value.ndim <= 1 else b""
        bgr = None
        if value.dtype == np.uint8 and value.ndim == 3 and value.shape[2] == 3:
            bgr = cv2.cvtColor(value, cv2.COLOR_RGB2BGR)
        elif data and not data.startswith((JPEG, PNG)):
            bgr = decode_image(data, cv2.IMREAD_COLOR)
        if bgr is not None:
            return cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
        image_header(data, f"{self.path}: {place}")
        return data

    def depth(self, place: str) -> UInt16[np.ndarray, "_ _"]:
        """A 16-bit image. Raises CaptureError for others."""
        value = self.array(place)
        if value.dtype != np.uint16 or value.ndim != 2:
            raise CaptureError(
                f"{self.path}: {place} is {value.dtype} of shape {value.shape}, 16-bit depth was expected"
            )
        return value

    def mask(self, place: str) -> UInt8[np.ndarray, "_ _"]:
        """A mask: pixels, or an encoded picture whose brightest channel counts. Raises CaptureError for others."""
        value = self.array(place)
        if value.ndim == 2 and value.dtype in (np.uint8, np.bool_):
            return value.astype(np.uint8)
        image = decode_image(value.tobytes(), cv2.IMREAD_COLOR)
        if image is None:
            raise CaptureError(f"{self.path}: {place} is no mask; write the file again")
        return image.max(-1)

    def color_reader(self, place: str) -> Callable[[int], bytes]:
        """`color` of a group, by number."""
        return lambda number: self.color(f"{place}/{number}")

    def depth_reader(self, place: str) -> Callable[[int], UInt16[np.ndarray, "_ _"]]:
        """`depth` of a group, by number."""
        return lambda number: self.depth(f"{place}/{number}")

    @contextmanager
    def _reading(self, place: str) -> Iterator[None]:
        """What HDF5 says of a damaged file, as a CaptureError; it raises errors of many kinds."""
        try:
            yield
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise CaptureError(f"{self.path}: {place} is damaged ({reason}); copy the file again") from None

    def __enter__(self) -> SmcFile:
        """The file itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the file."""
        self._file.close()


def write_arrays(file: SmcFile, group: str, path: Path) -> None:
    """Copies the data sets of a group into an .npz; nothing where the file has no such group."""
    arrays: dict[str, Any] = {name: file.array(f"{group}/{name}") for name in file.children(group)}
    if arrays:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **arrays)


def write_masks(file: SmcFile, place: str, folder: Path) -> None:
    """Copies masks as PNG named by frame; nothing where the file has none."""
    for name in file.children(place):
        folder.mkdir(parents=True, exist_ok=True)
        if name.isdigit() and not cv2.imwrite(str(folder / f"{int(name):06d}.png"), file.mask(f"{place}/{name}")):
            raise CaptureError(f"{folder} cannot be written; is the disk full?")
