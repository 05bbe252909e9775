"""The README's picture: what cameras saw, the fitted body, and the textured mesh, of a simulated session.

Usage: python scripts/make_pictures.py SESSION docs/demo.jpg [--instant 12]
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import simplejpeg
import tyro

from capture.session import Session
from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from geometry.rasterizer import rasterize_camera
from humanrig.report.overlay import closeup, draw_body, montage
from humanrig.report.pictures import write_jpeg
from humanrig.results import PERSON, Results
from texture.files.texture_files import instant_texture


def main(
    session: tyro.conf.Positional[Path], output: tyro.conf.Positional[Path], instant: int = 12, height: int = 360
) -> None:
    """Writes a sheet: one column for each colour camera; photograph, body, textured mesh from above to below."""
    results = Results(Session.open(session))
    opened, cameras = results.session, results.session.cameras()
    surface = results.surface(instant)
    body = results.model.mesh(
        results.model.pose(results.parameters[np.array([results.instants.index(instant)])]).vertices[0]
    )
    texture = simplejpeg.decode_jpeg(instant_texture(session / "texture", PERSON, instant).read_bytes())
    frames = {i.instant: i.index for i in opened.instants()}[instant]
    columns = []
    for stream in opened.of_kind("color"):
        image = opened.frame(stream, frames[stream]).payload
        picture, camera = closeup(image, cameras[stream], body, height)
        columns.append([picture, draw_body(picture, camera, body), textured(surface, texture, camera)])
    write_jpeg(output, montage([list(row) for row in zip(*columns)]))


def textured(surface: TriangleMesh, texture: np.ndarray, camera: Camera) -> np.ndarray:
    """The textured mesh on white, from a camera."""
    raster = rasterize_camera(surface, camera)
    assert surface.uv is not None
    assert surface.uv_faces is not None
    uv = np.nan_to_num(raster.interpolate(surface.uv_faces, surface.uv.astype(np.float64)))
    x, y = uv[..., 0] * texture.shape[1] - 0.5, (1 - uv[..., 1]) * texture.shape[0] - 0.5
    picture = cv2.remap(texture, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR)
    return np.where(raster.covered[..., None], picture, 255).astype(np.uint8)


if __name__ == "__main__":
    tyro.cli(main)
