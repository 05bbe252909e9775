"""Colour frames of phones and RealSense units: the room and the figure as a camera sees them that may move itself."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, UInt8

from capture.virtual.baked_room import BakedRoom, pinhole_rays
from capture.virtual.color_sensor import ColorSensor
from capture.virtual.figure_color import draw_over
from capture.virtual.hand_held import CameraMotion
from capture.virtual.moment import Moment
from capture.virtual.shadows import FLOOR_M
from geometry.camera import Camera


def color_frame(
    room: BakedRoom,
    camera: Camera,
    sensor: ColorSensor,
    moment: Moment | None,
    motion: CameraMotion | None,
    rng: np.random.Generator,
) -> tuple[UInt8[np.ndarray, "height width 3"], UInt8[np.ndarray, "height width"]]:
    """What the sensor delivers before compression, and whose each pixel is (owner plus one, 0: the room's).

    `camera` is where it is at the picture's moment, `motion` how it moves then (None: not). Rolling shutter and motion
    blur of the figure follow its motion seen from the camera; the room is bent by the rolling shutter, not blurred.
    """
    mask = np.zeros((camera.height, camera.width), np.uint8)
    return color_picture(room, camera, sensor, moment, motion, rng, mask), mask


def color_picture(
    room: BakedRoom,
    camera: Camera,
    sensor: ColorSensor,
    moment: Moment | None,
    motion: CameraMotion | None,
    rng: np.random.Generator,
    mask: UInt8[np.ndarray, "height width"] | None = None,
    rays: Float32[np.ndarray, "height width 2"] | None = None,
) -> UInt8[np.ndarray, "height width 3"]:
    """The picture alone, as `color_frame`; into `mask`, where given, goes whose each pixel is.

    `rays`: of pinhole_rays, where they are at hand.
    """
    floor = None if moment is None else moment.floor
    picture = room.color(camera, floor, FLOOR_M, motion=motion, readout_s=sensor.effects.row_s)
    if moment is not None:
        velocity = moment.velocity
        if motion is not None:
            velocity = motion.relative(camera.center, moment.drawable.vertices, velocity)
        rays = pinhole_rays(camera) if rays is None else rays
        picture = draw_over(picture, camera, rays, sensor, moment, velocity, mask)
    return sensor.sense(picture, rng)
