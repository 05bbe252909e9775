"""Colour frames of phones and RealSense units: the room and the figure as a camera sees them that may move itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

from capture.virtual.baked_room import BakedRoom, pinhole_rays
from capture.virtual.color_sensor import ColorSensor
from capture.virtual.colour import SHADOW_M, shadow_map
from capture.virtual.compositing import over_srgb
from capture.virtual.drawable import SAMPLES, Drawable
from capture.virtual.hand_held import CameraMotion
from capture.virtual.shading import shade
from geometry.camera import Camera
from geometry.face_raster.projection import covering_window


@dataclass(frozen=True, kw_only=True, eq=False)
class Moment:
    """The figure when a device exposes."""

    drawable: Drawable
    velocity: Float32[np.ndarray, "vertices 3"]
    """World, m/s."""


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
    shadow = None if moment is None else shadow_map(moment.drawable).astype(np.float32)
    picture = room.color(camera, shadow, SHADOW_M, motion=motion, readout_s=sensor.effects.row_s)
    mask = np.zeros((camera.height, camera.width), np.uint8)
    if moment is not None:
        picture = _over(picture, mask, camera, sensor, moment, motion)
    return sensor.sense(picture, rng), mask


def _over(
    picture: UInt8[np.ndarray, "height width 3"],
    mask: UInt8[np.ndarray, "height width"],
    camera: Camera,
    sensor: ColorSensor,
    moment: Moment,
    motion: CameraMotion | None,
) -> UInt8[np.ndarray, "height width 3"]:
    """The picture with the figure over it; writes the mask."""
    drawable, velocity = moment.drawable, moment.velocity
    studio, vertices, faces = drawable.studio, drawable.vertices, drawable.faces
    if motion is not None:
        velocity = motion.relative(camera.center, vertices, velocity)
    moving = sensor.motion(vertices, velocity, camera)
    window = covering_window(camera, vertices, sensor.margin_px(moving))
    if window is None:
        return picture
    offset = sensor.offset_px(moving)
    image = studio.rasterizer.draw(camera, vertices, faces, window, SAMPLES, offset)
    shaded = shade(
        image,
        camera,
        vertices,
        drawable.normals,
        studio.paint,
        studio.lighting,
        pinhole_rays(camera),
        vertex_offset_px=offset,
    )
    shaded = sensor.blur(shaded, image, faces, moving)
    owners = np.append(studio.figure.owners + 1, 0).astype(np.uint8)  # face -1 is the last
    mask[window] = owners[studio.rasterizer.draw(camera, vertices, faces, window, 1, offset).face]
    return over_srgb(shaded, picture)
