"""The camera of some footage: from the session, the user, the file, or the people in it; and how that is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from geometry.camera import Camera
from hps.errors import HpsError
from hps.rgb.field_of_view import FieldOfView, focal_from_people, given, read_exif, supposed, video_field_of_view
from hps.rgb.fitting.config import LIFTER_SIZE_SIGMA, KeypointFitConfig
from humanrig.errors import HumanrigError
from humanrig.estimating.rgb.footage import Footage

if TYPE_CHECKING:
    from hps.rgb.estimator import RgbEstimator
    from humanrig.estimating.rgb.estimating import SeenPeople

ASKED: Final = 48
"""Most people and instants from whom a focal length is found; more say the same."""
INDEPENDENT_S: Final = 0.5
"""Frames of one person nearer than this say the same of the focal length."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Lens:
    """A camera and where its focal length is from."""

    camera: Camera
    view: FieldOfView

    @property
    def sentence(self) -> str:
        """For people."""
        if self.view.known:
            return self.view.told()
        share = 100 * (np.exp(self.view.sigma) - 1)
        return f"{self.view.told()}: distances may be off by {share:.0f} %; --fov tells it"

    def described(self) -> dict[str, Any]:
        """For programs."""
        return {
            "source": self.view.source,
            "known": self.view.known,
            "detail": self.view.detail,
            "vertical_fov_deg": round(self.view.vertical_deg, 2),
            "focal_px": round(self.view.focal_px, 2),
            "focal_sigma": round(self.view.sigma, 4),
            "K": self.camera.K.tolist(),
        }


def lens_that_is_known(
    footage: Footage, fov: float | None, K: tuple[float, float, float, float] | None
) -> tuple[Lens | None, str]:
    """From the session, the user or the file; None with the reason where none of them says.

    Raises HumanrigError for a field of view or intrinsics that no camera has, and where two were told.
    """
    if fov is not None and K is not None:
        raise HumanrigError("--fov and --K were both given; choose one")
    width, height = footage.width, footage.height
    if footage.camera is not None:
        if fov is not None or K is not None:
            raise HumanrigError(f"{footage.path} knows its cameras; leave out --fov and --K")
        focal = float(footage.camera.K[1, 1])
        view = FieldOfView(focal_px=focal, sigma=0.0, source="calibration", width=width, height=height)
        return Lens(camera=footage.camera, view=view), ""
    if K is not None:
        return Lens(camera=_camera(footage, _intrinsics(footage, K)), view=_given_K(footage, K)), ""
    if fov is not None:
        try:
            return _plain(footage, given(fov, width, height)), ""
        except HpsError as error:
            raise HumanrigError(f"--fov {fov:g}: {error}") from None
    if footage.tags is not None:
        view = video_field_of_view(width, height, *footage.tags)
        return (None if view is None else _plain(footage, view)), "the video's metadata do not tell a focal length"
    if footage.is_file:
        read = read_exif(footage.path)
        if read.field_of_view is not None:
            return _plain(footage, read.field_of_view), ""
        return None, read.note
    return None, "the session has no calibrated camera"


def lens_from_people(footage: Footage, seen: SeenPeople, estimator: RgbEstimator, note: str) -> Lens:
    """What the people themselves say of the focal length, beside what is supposed of any picture."""
    first = _plain(footage, supposed(footage.width, footage.height))
    batch, independent = some_keypoints(seen, first.camera)
    config = KeypointFitConfig(shape=estimator.shape_prior, size_sigma=LIFTER_SIZE_SIGMA)
    view = focal_from_people(estimator.fit_body, batch, estimator.lifter, independent=independent, config=config)
    return _plain(footage, replace(view, detail=f"{view.detail}, for {note}" if note else view.detail))


def some_keypoints(seen: SeenPeople, camera: Camera) -> Any:
    """Keypoints of everybody at instants spread evenly, and how many of the rows say something of their own."""
    from hps.rgb.from_detector import keypoint_batch

    rows = np.concatenate([one.rows for one in seen.people])
    slots = np.concatenate([one.slots for one in seen.people])
    span = [float(np.ptp(seen.footage.time_us[one.rows])) * 1e-6 for one in seen.people]
    independent = float(sum(1 + one / INDEPENDENT_S for one in span))
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(ASKED, len(rows))).round().astype(int))
    at = rows[chosen], slots[chosen]
    found = seen.detections
    batch = keypoint_batch(
        camera, found.q[at], found.visibility[at], found.pixel_size[at].astype(np.float64), seen.names,
        focal_known=False,
    )  # fmt: skip
    return batch, min(independent, float(len(chosen)))


def _plain(footage: Footage, view: FieldOfView) -> Lens:
    return Lens(camera=_camera(footage, view.K), view=view)


def _intrinsics(footage: Footage, K: tuple[float, float, float, float]) -> np.ndarray:
    fx, fy, cx, cy = K
    if not (np.isfinite(K).all() and fx > 0 and fy > 0):
        raise HumanrigError(f"--K {' '.join(f'{k:g}' for k in K)}: focal lengths must be above 0 pixels")
    if not (0 <= cx < footage.width and 0 <= cy < footage.height):
        raise HumanrigError(
            f"--K: the principal point ({cx:g}, {cy:g}) lies outside the picture of {footage.width}x{footage.height}; "
            "are fx, fy, cx and cy of pictures of another size?"
        )
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])


def _given_K(footage: Footage, K: tuple[float, float, float, float]) -> FieldOfView:
    return FieldOfView(
        focal_px=K[1], sigma=0.0, source="given", width=footage.width, height=footage.height, detail="with --K"
    )


def _camera(footage: Footage, K: np.ndarray) -> Camera:
    return Camera(name=footage.name, K=K, width=footage.width, height=footage.height)
