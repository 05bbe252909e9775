"""Figures: one soup of several, with an atlas that shows each its own texture, and motion between instants."""

import numpy as np
import pytest

from capture.errors import CaptureError
from capture.virtual.figure import Figure, merge_figures, motion_at


def _square(color: tuple[int, int, int], size: int, infrared: float | None = None) -> Figure:
    texture = np.full((size, size, 3), color, np.uint8)
    texture[0, 0] = 255  # its own top left corner
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    return Figure(
        faces=faces,
        uv=np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]]),
        uv_faces=faces,
        texture=texture,
        infrared=None if infrared is None else np.full(2, infrared, np.float32),
    )


def _texel(figure: Figure, uv: np.ndarray) -> np.ndarray:
    rows, columns = figure.texture.shape[:2]
    return figure.texture[int((1 - uv[1]) * rows), int(uv[0] * columns)]


def test_merged_figures_keep_their_faces_colours_and_owners():
    parts = [_square((200, 0, 0), 16), _square((0, 200, 0), 64, 0.3), _square((0, 0, 200), 32)]
    merged = merge_figures(parts, [4, 4, 4])
    assert list(merged.owners) == [0, 0, 1, 1, 2, 2]
    assert merged.faces[2].tolist() == [4, 5, 6]
    assert merged.infrared == pytest.approx([1, 1, 0.3, 0.3, 1, 1])
    for number, part in enumerate(parts):
        corner = merged.uv[merged.uv_faces[2 * number + 1, 2]]
        one = 1e-3 * np.array([1, -1])
        assert (_texel(merged, corner + one) == 255).all()  # top left, v = 1
        assert (_texel(merged, merged.uv[merged.uv_faces[2 * number]].mean(0)) == part.texture[-1, -1]).all()


def test_textures_do_not_overlap_when_they_need_several_shelves():
    parts = [_square((10 + n, 0, 0), 1500) for n in range(6)]
    merged = merge_figures(parts, 6 * [4])
    assert merged.texture.shape[1] <= 4096
    for number in range(6):
        assert (_texel(merged, merged.uv[merged.uv_faces[2 * number]].mean(0)) == [10 + number, 0, 0]).all()


def test_velocity_is_the_slope_and_what_stands_still_has_none():
    vertices = np.zeros((4, 2, 3), np.float32)
    vertices[:, 0, 0] = [0, 1, 4, 9]
    assert motion_at(vertices, 0, 10.0).velocity[0, 0] == pytest.approx(10)
    assert motion_at(vertices, 1, 10.0).velocity[0, 0] == pytest.approx(20)  # (4 - 0) / 0.2 s
    assert motion_at(vertices, 3, 10.0).velocity[0, 0] == pytest.approx(50)
    assert motion_at(vertices, 1, 10.0).at(0.01)[0, 0] == pytest.approx(1.2)
    assert (motion_at(vertices[:1], 0, 10.0).velocity == 0).all()


def test_nothing_and_faces_that_disagree_are_errors():
    with pytest.raises(CaptureError, match="nothing to merge"):
        merge_figures([], [])
    good = _square((0, 0, 0), 4)
    with pytest.raises(CaptureError, match="2 faces have 1"):
        Figure(faces=good.faces, uv=good.uv, uv_faces=good.uv_faces[:1], texture=good.texture)
