"""What the colour cameras of a session saw at an instant, with what is known of their pixels, ready for painting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Float32, Int, UInt8

from calibration.depth.applying import corrected_depth
from calibration.given import read_calibration
from calibration.rig import RigCalibration, device_of
from capture.errors import CaptureError
from capture.frame_sets import Instant
from capture.session import CALIBRATED_CAMERAS, Session
from geometry.camera import Camera
from geometry.rigid import inverse
from geometry.warp import warp_depth_to_color
from humanrig.errors import HumanrigError
from registration.masks.files import mask_path, read_people
from texture.blending.color_transfer import ColorTransfer, Gains, transferred
from texture.blending.drift import drift_gain, room_light
from texture.painting.views import ColorView

Images = Callable[[str, int], UInt8[np.ndarray, "rows columns 3"]]
"""The picture (RGB) of a stream at an instant."""
BODY_HEIGHT_M = 1.0
"""Cameras are taken to look at a point this high above the floor when their σ is told in pixels."""
BLACK_LEVEL, BLACK_STEP_PX = 3.0, 16
"""A picture whose mean, of every 16th pixel each way, is lower shows nothing."""
AROUND_PX = 40
"""Depth further from the person's mask than this (18 cm at 2.3 m) is not brought along: nothing there hides the person
from the colour camera beside it. It takes warping from 29 to 9 ms a camera."""


@dataclass(eq=False)
class ColorViews:
    """Reads the colour images of instants with the depth measured beside them and the person's masks.

    A picture that is damaged is left out, and named in `damaged`.
    """

    session: Session
    person: str = "person00"
    streams: Sequence[str] = ()
    """Colour streams, in the order of source maps; empty: all that are calibrated."""
    cameras: Mapping[str, Camera] | None = None
    """Cameras in place of the calibrated ones, by stream: true, disturbed or polished ones. The depth camera of a
    device moves with its colour camera unless it is named here too."""
    images: Images | None = None
    """Pictures in place of the recorded ones."""
    measured_depth: bool = True
    """Bring the depth that the same device measured."""
    masks: bool = True
    """Bring the person's masks where there are any."""
    corrections: bool = True
    """Apply the colour corrections of the calibration."""
    gains: Gains = field(default_factory=dict)
    """Factors on linear light by stream, after the calibration's corrections."""
    references: Mapping[str, Float32[np.ndarray, "samples 3"]] = field(default_factory=dict)
    """Light of the room (`blending.drift.room_light`) that each stream's pictures are brought to; none: as they are."""
    blur_px: Mapping[str, float] = field(default_factory=dict)
    """Width of the edges in each stream's pictures, where known."""
    damaged: dict[str, list[int]] = field(default_factory=dict)
    """Instants whose picture could not be read or is black, by stream."""

    def __post_init__(self) -> None:
        """Raises HumanrigError when there is no calibrated colour camera among the streams."""
        color = [stream for stream in self.session.of_kind("color") if stream in self.all_cameras]
        self.streams = tuple(stream for stream in (self.streams or color) if stream in self.all_cameras)
        if not self.streams:
            raise HumanrigError(
                f"{self.session.folder} has no calibrated colour camera in use; a texture needs one. "
                "Export the surfaces without texture, or use more cameras"
            )

    def views(self, instant: int, streams: Sequence[str] | None = None) -> list[ColorView]:
        """The views of an instant; of some streams only, where given. Streams without a picture there have none."""
        found = (self.view(stream, instant) for stream in self.seeing(instant) if streams is None or stream in streams)
        return [view for view in found if view is not None]

    def seeing(self, instant: int) -> list[str]:
        """The streams that have a picture at an instant. Raises HumanrigError for an instant without a frame set."""
        return [stream for stream in self.streams if self._set(instant).has(stream)]

    def view(self, stream: str, instant: int) -> ColorView | None:
        """One view; None where its picture is damaged."""
        image = self.image(stream, instant)
        if image is None:
            return None
        if image[::BLACK_STEP_PX, ::BLACK_STEP_PX].mean() < BLACK_LEVEL:
            self.damaged.setdefault(stream, []).append(instant)
            return None
        people = self.people(stream, instant)
        drift = drift_gain(self.references[stream], room(image, people)) if stream in self.references else None
        return ColorView(
            camera=self.all_cameras[stream],
            image=transferred(image, self._transfer(stream, drift)),
            depth_m=self.depth(stream, instant),
            mask=people == self.number if self.masks and people is not None else None,
            sigma_px=self._sigma_px.get(stream, 0.0),
            blur_px=self.blur_px.get(stream),
        )

    def people(self, stream: str, instant: int) -> Int[np.ndarray, "rows columns"] | None:
        """Whose each pixel is, -1 for nobody's; None where there is no mask."""
        path = mask_path(self.session.path("masks"), stream, instant)
        return read_people(path) if path.is_file() else None

    def image(self, stream: str, instant: int) -> UInt8[np.ndarray, "rows columns 3"] | None:
        """The picture as it was recorded; None where it is damaged."""
        if self.images is not None:
            return self.images(stream, instant)
        try:
            return self.session.frame(stream, self._set(instant).index[stream]).payload
        except CaptureError:
            self.damaged.setdefault(stream, []).append(instant)
            return None

    def depth(self, stream: str, instant: int) -> Float32[np.ndarray, "rows columns"] | None:
        """Depth of the same device as the colour camera sees it, metres; None where there is none."""
        depth = f"{device_of(stream)}/depth"
        if not self.measured_depth or depth not in self.all_cameras or not self._set(instant).has(depth):
            return None
        try:
            measured = self.session.frame(depth, self._set(instant).index[depth]).payload
        except CaptureError:
            return None
        measured = self._near(measured, depth, instant)
        measured = corrected_depth(measured, self._calibration.depth_corrections.get(depth))
        return warp_depth_to_color(measured, self.all_cameras[depth], self.all_cameras[stream])

    def _near(self, measured: np.ndarray, stream: str, instant: int) -> np.ndarray:
        """The depth image with NaN where it is far from the person's mask."""
        people = self.people(stream, instant)
        if people is None:
            return measured
        x, y, width, height = cv2.boundingRect((people == self.number).astype(np.uint8))
        if not width:
            return measured
        rows, columns = (slice(max(at - AROUND_PX, 0), at + n + AROUND_PX) for at, n in ((y, height), (x, width)))
        near = np.full_like(measured, np.nan)
        near[rows, columns] = measured[rows, columns]
        return near

    @cached_property
    def all_cameras(self) -> dict[str, Camera]:
        """The cameras in use by stream, those of depth included."""
        calibrated, given = self._calibration.cameras, dict(self.cameras or {})
        for name, camera in calibrated.items():
            color = f"{device_of(name)}/color"
            if name not in given and color in given and color in calibrated:
                T_color_camera = inverse(calibrated[color].T_world_camera) @ camera.T_world_camera
                given[name] = replace(camera, T_world_camera=given[color].T_world_camera @ T_color_camera)
        return {**calibrated, **given}

    def transfers(self) -> dict[str, ColorTransfer]:
        """What is done to the pictures of each stream."""
        return {stream: self._transfer(stream) for stream in self.streams}

    def _transfer(self, stream: str, drift: np.ndarray | None = None) -> ColorTransfer:
        correction = self._calibration.color_corrections.get(stream) if self.corrections else None
        gain = self.gains.get(stream, np.ones(3))
        matrix = np.eye(3) if correction is None else correction.matrix
        return ColorTransfer.of(matrix if drift is None else matrix * drift, gain)

    @property
    def number(self) -> int:
        """How masks count the person."""
        return int(self.person.removeprefix("person"))

    @cached_property
    def _calibration(self) -> RigCalibration:
        return read_calibration(self.session.path(*CALIBRATED_CAMERAS))

    @cached_property
    def _sets(self) -> dict[int, Instant]:
        return {instant.instant: instant for instant in self.session.instants()}

    def _set(self, instant: int) -> Instant:
        if instant not in self._sets:
            raise HumanrigError(f"{self.session.folder} has no frame set {instant}; run its stage sync again")
        return self._sets[instant]

    @cached_property
    def _sigma_px(self) -> dict[str, float]:
        """How far off a point of the body may be in each camera's picture, by the calibration's covariance."""
        covariance = self._calibration.covariance
        if covariance is None:
            return {}
        found, cameras = {}, {s: self._calibration.cameras[s] for s in self.streams if s in self._calibration.cameras}
        middle = np.mean([camera.center for camera in cameras.values()], 0)
        middle[2] = BODY_HEIGHT_M
        for stream in set(cameras) & set(covariance.cameras):
            R_camera_world = cameras[stream].T_camera_world[:3, :3]
            across = (R_camera_world @ covariance.at_point(cameras[stream], middle) @ R_camera_world.T)[:2, :2]
            z = (cameras[stream].T_camera_world @ np.append(middle, 1))[2]
            if z > 0:
                found[stream] = float(cameras[stream].K[0, 0] * np.sqrt(np.trace(across) / 2) / z)
        return found


def room(
    image: UInt8[np.ndarray, "rows columns 3"], people: Int[np.ndarray, "rows columns"] | None
) -> Float32[np.ndarray, "samples 3"]:
    """Light of the room in a picture as recorded, where nobody is."""
    return room_light(image, None if people is None else people >= 0)
