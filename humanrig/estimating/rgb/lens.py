"""The camera of some footage: from the user, the session or the file, and how that is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geometry.camera import Camera
from humanrig.errors import HumanrigError
from humanrig.estimating.rgb.footage import Footage

if TYPE_CHECKING:
    from hps.rgb.estimator import RgbEstimator
    from humanrig.estimating.rgb.estimating import SeenPeople

NARROWEST, WIDEST = 3.0, 150.0
"""Degrees; beyond them pictures are not a pinhole's, or the number is in another unit."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Lens:
    """A camera and where its field of view is from."""

    camera: Camera
    known: bool
    """Whether the focal length was measured or told; else it is supposed."""
    source: str
    """In words, such as `told with --fov`."""

    @property
    def vertical_fov_deg(self) -> float:
        """Of the upright picture."""
        return float(np.degrees(2 * np.arctan(self.camera.height / (2 * self.camera.K[1, 1]))))

    @property
    def sentence(self) -> str:
        """For people."""
        return f"field of view {self.vertical_fov_deg:.0f}° from top to bottom, {self.source}"

    def described(self) -> dict[str, Any]:
        """For programs."""
        return {
            "vertical_fov_deg": round(self.vertical_fov_deg, 2),
            "known": self.known,
            "source": self.source,
            "K": self.camera.K.tolist(),
        }


def choose_lens(
    footage: Footage,
    seen: SeenPeople,
    estimator: RgbEstimator,
    fov: float | None,
    K: tuple[float, float, float, float] | None,
) -> Lens:
    """What the user or the session says; else what the file says; else what is supposed. Raises as `told_lens` does."""
    return told_lens(footage, fov, K) or supposed_lens(footage)


def told_lens(footage: Footage, fov: float | None, K: tuple[float, float, float, float] | None) -> Lens | None:
    """What the user or the session says; None where neither does.

    Raises HumanrigError for a field of view or intrinsics that no camera has, and where both were told.
    """
    if fov is not None and K is not None:
        raise HumanrigError("--fov and --K were both given; choose one")
    if footage.camera is not None:
        if fov is not None or K is not None:
            raise HumanrigError(f"{footage.path} knows its cameras; leave out --fov and --K")
        return Lens(camera=footage.camera, known=True, source="as the session was calibrated")
    if K is not None:
        fx, fy, cx, cy = K
        if not (np.isfinite(K).all() and fx > 0 and fy > 0):
            raise HumanrigError(f"--K {' '.join(f'{k:g}' for k in K)}: focal lengths must be above 0 pixels")
        if not (0 <= cx < footage.width and 0 <= cy < footage.height):
            raise HumanrigError(
                f"--K: the principal point ({cx:g}, {cy:g}) lies outside the picture of {footage.width}x"
                f"{footage.height}; are fx, fy, cx and cy of pictures of another size?"
            )
        camera = _camera(footage, np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]))
        return Lens(camera=camera, known=True, source="told with --K")
    if fov is not None:
        if not NARROWEST <= fov <= WIDEST:
            raise HumanrigError(
                f"--fov {fov:g}: expected degrees from the top to the bottom of the picture, {NARROWEST:g} to "
                f"{WIDEST:g}"
            )
        return Lens(camera=lens_of_fov(footage, fov), known=True, source="told with --fov")
    return None


def lens_of_fov(footage: Footage, vertical_deg: float) -> Camera:
    """A pinhole that looks through the middle of the picture."""
    focal = footage.height / (2 * np.tan(np.radians(vertical_deg) / 2))
    K = np.array([[focal, 0, (footage.width - 1) / 2], [0, focal, (footage.height - 1) / 2], [0, 0, 1]])
    return _camera(footage, K)


SUPPOSED_DIAGONAL_DEG: Final = 65.0
"""Of a video from the main camera of a phone."""


def supposed_lens(footage: Footage) -> Lens:
    """Where nothing is known."""
    diagonal = float(np.hypot(footage.width, footage.height))
    focal = diagonal / (2 * np.tan(np.radians(SUPPOSED_DIAGONAL_DEG) / 2))
    vertical = float(np.degrees(2 * np.arctan(footage.height / (2 * focal))))
    return Lens(
        camera=lens_of_fov(footage, vertical), known=False,
        source="supposed, as of a phone: distances and sizes may be a third off; give --fov",
    )  # fmt: skip


def _camera(footage: Footage, K: np.ndarray) -> Camera:
    return Camera(name=footage.name, K=K, width=footage.width, height=footage.height)
