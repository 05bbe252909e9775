"""What a calibration must fulfil before anything is built on it, and what makes it doubtful."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from calibration.errors import CalibrationError
from calibration.rig import Verdict, device_of
from calibration.workspace import workspace
from geometry.camera import Camera

SAME_PLACE_M = 1e-3
"""Two devices are wider than this, so their cameras cannot be nearer."""
BASELINE_M = 0.2
"""Colour and depth of one device are nearer than this: 32 mm in an Azure Kinect, 15 mm in a RealSense D455."""
FAR_M = 15.0
"""Farther from the rig's centre than any room of a capture rig allows."""


def good(subject: str, text: str) -> Verdict:
    """A check that went well."""
    return Verdict(subject=subject, good=True, text=text)


def doubtful(subject: str, text: str) -> Verdict:
    """A check that did not go well; the calibration can still be used."""
    return Verdict(subject=subject, good=False, text=text)


def check_rig(cameras: Mapping[str, Camera], image_sizes: Mapping[str, tuple[int, int]]) -> tuple[Verdict, ...]:
    """Verdicts on cameras with poses.

    Raises CalibrationError when an image has another size than its camera, or cameras of two devices share a place.
    """
    for name, camera in cameras.items():
        if (camera.width, camera.height) != tuple(image_sizes[name]):
            width, height = image_sizes[name]
            raise CalibrationError(
                f"camera '{name}' is calibrated for {camera.width}x{camera.height} pixels, but its images have "
                f"{width}x{height}; bring the calibration of this image size"
            )
    verdicts = []
    for (a, camera_a), (b, camera_b) in combinations(cameras.items(), 2):
        apart = float(np.linalg.norm(camera_a.center - camera_b.center))
        if device_of(a) != device_of(b):
            if apart < SAME_PLACE_M:
                raise CalibrationError(
                    f"cameras '{a}' and '{b}' of two devices stand at one place, {camera_a.center.round(3)}; "
                    "their poses were never set: bring a calibration of the rig"
                )
        elif apart >= BASELINE_M:
            verdicts.append(doubtful(device_of(a), f"{a} and {b} are {apart:.2f} m apart: too far for one device"))
        else:
            verdicts.append(good(device_of(a), f"{a} and {b} are {apart * 1000:.0f} mm apart"))
    return (*verdicts, *_placement(cameras))


def _placement(cameras: Mapping[str, Camera]) -> list[Verdict]:
    if not cameras:
        return []
    space = workspace(cameras)
    verdicts = []
    for name, camera in cameras.items():
        if camera.center[2] < 0:
            verdicts.append(doubtful(name, f"{-camera.center[2]:.2f} m below the floor: the world may not be z up"))
        elif (distance := float(np.linalg.norm(camera.center - space.center))) > FAR_M:
            verdicts.append(doubtful(name, f"{distance:.0f} m from the rig's centre: the unit may not be metres"))
    if space.from_axes:
        x, y, z = space.center
        verdicts.append(good("rig", f"the cameras look at ({x:.2f}, {y:.2f}, {z:.2f}) m within {space.spread_m:.2f} m"))
    return verdicts
