"""A textured surface drawn as a camera sees it, and how far the drawing is from the camera's own picture.

Judged are the pixels that both the drawing and the true surface fill: at the person's outline a picture mixes the room
in, which no texture holds. The drawing's channels are first multiplied by
one factor each, in linear light, of least squares to the picture: the exposure and white balance of a camera that no
texture knew are no error of a texture. PSNR is of the mean squared error of sRGB levels over these pixels; SSIM (Wang
2004: Gaussian of 1.5 pixels, K = 0.01 and 0.03, mean of the channels) and FLIP (Andersson 2020, 67 pixels per degree)
are means over them of maps of the picture's cut-out, in which all other pixels are the picture's in both.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from geometry.rasterizer import rasterize_camera

FINER = 2
"""Samples of a pixel along each side: a texel is a third of a pixel, one sample each would alias."""
MARGIN_PX = 8
"""Kept around the person in the cut-out."""
SSIM_SIGMA_PX, SSIM_K1, SSIM_K2 = 1.5, 0.01, 0.03
CLIPPED = 250
"""Levels from here on have lost light, and say nothing about a factor."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Drawing:
    """A surface as a camera sees it."""

    image: Float32[np.ndarray, "rows columns 3"]
    """sRGB, 0 to 1; zero where nothing is."""
    covered: Bool[np.ndarray, "rows columns"]
    """Pixels that the surface fills."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """How near a drawing is to a picture."""

    psnr_db: float
    ssim: float
    flip: float
    """0 the same, 1 black against white."""
    overlap: float
    """Pixels of both outlines over pixels of either."""
    gain: tuple[float, float, float]
    """What red, green and blue were multiplied by."""


def linear(levels: np.ndarray) -> np.ndarray:
    """Linear light of sRGB values between 0 and 1."""
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)


def encoded(light: np.ndarray) -> np.ndarray:
    """The sRGB values, between 0 and 1, of linear light, which is clipped at white."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def filled_by(surface: TriangleMesh, camera: Camera) -> Bool[np.ndarray, "rows columns"]:
    """Pixels that show nothing but the surface: all of their samples."""
    covered = rasterize_camera(surface, camera.resized(FINER * camera.width, FINER * camera.height)).covered
    return covered.reshape(camera.height, FINER, camera.width, FINER).all((1, 3))


def drawn(surface: TriangleMesh, texture: UInt8[np.ndarray, "size size 3"], camera: Camera) -> Drawing:
    """The surface with its texture, unlit, with `FINER` x `FINER` samples in each pixel."""
    assert surface.uv is not None
    assert surface.uv_faces is not None
    fine = rasterize_camera(surface, camera.resized(FINER * camera.width, FINER * camera.height))
    rows, columns = np.nonzero(fine.covered)
    uv = np.einsum("nk,nkc->nc", fine.bary[rows, columns], surface.uv[surface.uv_faces[fine.face[rows, columns]]])
    x = (uv[:, 0] * texture.shape[1] - 0.5).astype(np.float32)
    y = ((1 - uv[:, 1]) * texture.shape[0] - 0.5).astype(np.float32)
    light = np.zeros((*fine.face.shape, 3), np.float32)
    light[rows, columns] = linear(_sampled(texture, x, y) / 255)
    shape = camera.height, FINER, camera.width, FINER
    share = fine.covered.reshape(shape).mean((1, 3))
    mean = light.reshape(*shape, 3).mean((1, 3)) / np.maximum(share, 1e-6)[..., None]
    return Drawing(image=encoded(mean).astype(np.float32), covered=share > 1 - 1e-6)


def score(
    drawing: Drawing, picture: UInt8[np.ndarray, "rows columns 3"], mask: Bool[np.ndarray, "rows columns"]
) -> Score:
    """How near a drawing is to a picture that the person fills where the mask says (`filled_by`).

    Raises ValueError where they nowhere overlap.
    """
    both = drawing.covered & mask
    if not both.any():
        raise ValueError("the drawing and the person's mask share no pixel: the surface is not where the camera looks")
    window = _around(both)
    both, image, picture = both[window], drawing.image[window], picture[window]
    gain = matched_gain(image[both], picture[both])
    true = picture.astype(np.float64) / 255
    image = np.where(both[..., None], encoded(gain * linear(image.astype(np.float64))), true)
    error = float(np.square(image - true)[both].mean())
    either = drawing.covered | mask
    return Score(
        psnr_db=float(-10 * np.log10(max(error, 1e-10))),
        ssim=float(ssim_map(image, true)[both].mean()),
        flip=float(flip_map(image, true)[both].mean()),
        overlap=float((drawing.covered & mask).sum() / either.sum()),
        gain=(float(gain[0]), float(gain[1]), float(gain[2])),
    )


def matched_gain(image: Float[np.ndarray, "pixels 3"], picture: UInt8[np.ndarray, "pixels 3"]) -> np.ndarray:
    """Factor of each channel's linear light, of least squares over the pixels that are not clipped."""
    usable = (picture < CLIPPED).all(-1)
    if not usable.any():
        return np.ones(3)
    light, wanted = linear(image[usable].astype(np.float64)), linear(picture[usable] / 255)
    return (light * wanted).sum(0) / np.maximum(np.square(light).sum(0), 1e-12)


def ssim_map(a: Float[np.ndarray, "rows columns 3"], b: Float[np.ndarray, "rows columns 3"]) -> np.ndarray:
    """Structural similarity of two pictures with values between 0 and 1 at each pixel, the mean of the channels."""
    mean_a, mean_b = _blurred(a), _blurred(b)
    variance_a, variance_b = _blurred(a * a) - mean_a**2, _blurred(b * b) - mean_b**2
    covariance = _blurred(a * b) - mean_a * mean_b
    c1, c2 = SSIM_K1**2, SSIM_K2**2
    above = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return (above / ((mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2))).mean(-1)


def flip_map(a: Float[np.ndarray, "rows columns 3"], b: Float[np.ndarray, "rows columns 3"]) -> np.ndarray:
    """FLIP of two sRGB pictures with values between 0 and 1 at each pixel."""
    import flip_evaluator

    values, _, _ = flip_evaluator.evaluate(b.astype(np.float32), a.astype(np.float32), "LDR", applyMagma=False)
    return np.asarray(values).reshape(a.shape[:2])


def _blurred(values: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(values, (11, 11), SSIM_SIGMA_PX, borderType=cv2.BORDER_REFLECT)


def _around(mask: np.ndarray) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return (
        slice(max(rows[0] - MARGIN_PX, 0), rows[-1] + MARGIN_PX + 1),
        slice(max(columns[0] - MARGIN_PX, 0), columns[-1] + MARGIN_PX + 1),
    )


def _sampled(texture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear; OpenCV takes maps of fewer than 32,768 rows, so that the list is folded."""
    width = 4096
    rows = max(-(-len(x) // width), 1)
    maps = [np.resize(np.pad(v, (0, rows * width - len(v))), (rows, width)) for v in (x, y)]
    return cv2.remap(texture, maps[0], maps[1], cv2.INTER_LINEAR).reshape(-1, 3)[: len(x)]
