"""Draws a moving figure over a colour camera's picture: rolling shutter, light, outlines, motion blur."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, UInt8

from capture.virtual.color_sensor import ColorSensor
from capture.virtual.compositing import over_srgb
from capture.virtual.drawable import SAMPLES
from capture.virtual.moment import Moment
from capture.virtual.shading import shade
from geometry.camera import Camera
from geometry.face_raster.projection import PixelPositions


def draw_over(
    picture: UInt8[np.ndarray, "height width 3"],
    camera: Camera,
    rays: Float[np.ndarray, "height width 2"],
    sensor: ColorSensor,
    moment: Moment,
    velocity: Float32[np.ndarray, "vertices 3"] | None = None,
    mask: UInt8[np.ndarray, "height width"] | None = None,
) -> UInt8[np.ndarray, "height width 3"]:
    """The picture with the figure over it as the sensor sees it; without anything moving, `picture` is returned.

    `velocity` None: the moment's own; give it relative to a camera that moves. `rays`: x/z and y/z of pixel centres.
    Into `mask`, where given, goes the number of the owner at each pixel centre plus one.
    """
    drawable, studio = moment.drawable, moment.drawable.studio
    vertices, faces = drawable.vertices, drawable.faces
    moving = sensor.motion(vertices, moment.velocity if velocity is None else velocity, camera)
    offset = sensor.offset_px(moving)
    positions = PixelPositions.of(camera, vertices, offset)
    window = positions.window()
    if window is None:
        return picture
    image = studio.rasterizer.draw(camera, vertices, faces, window, SAMPLES, positions=positions)
    shaded = shade(
        image,
        camera,
        vertices,
        drawable.normals,
        studio.paint,
        studio.lighting,
        rays,
        light_left=moment.light_left,
        vertex_offset_px=offset,
    )
    shaded = sensor.blur(shaded, image, faces, moving)
    if mask is not None:
        centers = studio.rasterizer.draw(camera, vertices, faces, window, positions=positions)
        mask[window] = studio.owner_at(centers.face)
    return over_srgb(shaded, picture)
