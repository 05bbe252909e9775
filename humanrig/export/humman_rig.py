"""The cameras and images of a session as HuMMan's release folders hold them: pinholes in the first camera's world.

After the release's own description (github.com/caizhongang/humman_toolbox). Its cameras.json has no place for lens
distortion, so all images are written undistorted, to a pinhole with the camera's own K; nor has it a place for the
correction of a depth camera, which is applied.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8, UInt16

from calibration.depth.applying import corrected_depth
from calibration.given import read_calibration
from capture.errors import CaptureError
from capture.frame_sets import Instant
from capture.session import CALIBRATED_CAMERAS, Session
from geometry.camera import Camera
from geometry.depth import encode_depth_mm
from humanrig.errors import DiskError, HumanrigError
from humanrig.export.pinhole import PinholeImages
from humanrig.export.rgbd_devices import no_image, rgbd_devices
from humanrig.results import Results
from registration.masks.files import mask_path, read_mask


class HummanRig:
    """The devices with colour and depth, numbered as HuMMan numbers them, and their images for one person."""

    def __init__(self, results: Results) -> None:
        """Raises HumanrigError when no device has colour and depth, or the stage masks has not run."""
        self.session: Session = results.session
        self.person = results.number
        self.rgbd = rgbd_devices(self.session)
        self.T_first_world = self.rgbd.color(0).T_camera_world
        self._corrections = read_calibration(self.session.path(*CALIBRATED_CAMERAS)).depth_corrections
        self._pinholes: dict[str, PinholeImages] = {}
        self.damaged: list[str] = []
        """A sentence for each frame that could not be read, and was taken as lost."""
        self._read = 0
        if not self.session.path("masks").is_dir():
            raise HumanrigError(
                f"{self.session.path('masks')} is missing; run: humanrig reconstruct {self.session.folder} --from masks"
            )

    def write_cameras(self, path: Path, phone: Camera | None = None) -> None:
        """World to camera: x_camera = R x_world + T, metres."""
        named = {f"kinect_color_{n:03d}": self.rgbd.color(n) for n in range(len(self.rgbd.devices))}
        named |= {f"kinect_depth_{n:03d}": self.rgbd.depth(n) for n in range(len(self.rgbd.devices))}
        if phone is not None:
            named["iphone"] = phone
        content = {}
        for key, camera in named.items():
            T = camera.T_camera_world @ np.linalg.inv(self.T_first_world)
            content[key] = {"K": camera.K.tolist(), "R": T[:3, :3].tolist(), "T": T[:3, 3].tolist()}
        path.write_text(json.dumps(content, indent=1), "utf-8")

    def color(self, n: int, instant: Instant, session: Session | None = None) -> UInt8[np.ndarray, "h w 3"] | None:
        """BGR; None where there is no frame or it is damaged. `session`: the empty room's, instead of the take's."""
        camera = self.rgbd.color(n)
        if not instant.has(camera.name):
            return None
        rgb = self._payload(session or self.session, camera.name, instant)
        return None if rgb is None else cv2.cvtColor(self._pinhole(camera).color(rgb), cv2.COLOR_RGB2BGR)

    def depth(self, n: int, instant: Instant, session: Session | None = None) -> UInt16[np.ndarray, "h w"] | None:
        """Corrected millimetres; None where there is no frame or it is damaged."""
        camera = self.rgbd.depth(n)
        if not instant.has(camera.name):
            return None
        depth_m = self._payload(session or self.session, camera.name, instant)
        if depth_m is None:
            return None
        depth_m = corrected_depth(depth_m, self._corrections.get(camera.name))
        return self._pinhole(camera).nearest(encode_depth_mm(depth_m))

    def mask(self, camera: Camera, instant: Instant) -> UInt8[np.ndarray, "h w"] | None:
        """255 on the person, in the pixels of a colour or depth camera; None where there is no mask."""
        path = mask_path(self.session.path("masks"), camera.name, instant.instant)
        if not path.is_file():
            return None
        return self._pinhole(camera).nearest(255 * read_mask(path, self.person).astype(np.uint8))

    def require_images(self) -> None:
        """Raises HumanrigError when none of the images that were asked for could be read."""
        if not self._read:
            raise no_image(self.session, self.damaged)

    def about(self) -> list[str]:
        """Lines for source.txt."""
        names = ", ".join(f"kinect_{n:03d} = {device}" for n, device in enumerate(self.rgbd.devices))
        left_out = f"; left out: {'; '.join(self.rgbd.left_out)}" if self.rgbd.left_out else ""
        corrected = [n for n, device in enumerate(self.rgbd.devices) if f"{device}/depth" in self._corrections]
        of_depth = f", with the correction of the session's depth calibration on {len(corrected)} of them"
        return [
            f"{names}{left_out}",
            "world: the frame of kinect_color_000 (x right, y down, z forward), metres",
            "cameras.json: x_camera = R x_world + T, world to camera, metres; K in pixels, pixel centres at integers",
            "images are undistorted to a pinhole with the K of cameras.json; 0 where the lens did not see",
            "kinect_depth: uint16 millimetres along the optical axis, 0 for missing, in the depth camera's pixels"
            + (of_depth if corrected else ""),
        ]

    def _payload(self, session: Session, stream: str, instant: Instant) -> np.ndarray | None:
        try:
            payload = session.frame(stream, instant.index[stream]).payload
        except CaptureError as error:
            self.damaged.append(str(error))
            return None
        self._read += 1
        return payload

    def _pinhole(self, camera: Camera) -> PinholeImages:
        if camera.name not in self._pinholes:
            self._pinholes[camera.name] = PinholeImages(camera)
        return self._pinholes[camera.name]


def write_images(
    folder: Path,
    frames: Sequence[tuple[int, Instant]],
    image: Callable[[Instant], np.ndarray | None],
    top: Path,
) -> list[str]:
    """FOLDER/NNNNNN.png for each number and instant; returns those without an image, relative to `top`."""
    folder.mkdir(parents=True)
    missing = []
    for number, instant in frames:
        path = folder / f"{number:06d}.png"
        found = image(instant)
        if found is None:
            missing.append(path.relative_to(top).as_posix())
        else:
            write_image(path, found)
    return missing


def write_image(path: Path, image: np.ndarray) -> None:
    """BGR or grey, by the file's ending. Raises HumanrigError when the disk refuses."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), image):
        raise DiskError(f"{path} could not be written; is the disk full?")


def about_missing(missing: Sequence[str], damaged: Sequence[str] = ()) -> list[str]:
    """Lines for source.txt, where something is missing."""
    said = [f"not written, for want of a frame or mask: {' '.join(missing)}"] if missing else []
    return [*said, *(f"taken as lost: {sentence}" for sentence in dict.fromkeys(damaged))]
