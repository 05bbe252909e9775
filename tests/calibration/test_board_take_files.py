"""The file of found boards gives back what was written, and speaks up about anything else."""

import numpy as np
import pytest

from calibration.board_view import BoardTake, BoardView
from calibration.boards.take_files import read_take, write_take
from calibration.boards.velocity import with_velocities
from calibration.errors import CalibrationError
from capture.board import Board


def _view(instant: int, ids, q, **more) -> BoardView:
    return BoardView(camera="a/color", instant=instant, ids=np.array(ids), q=np.array(q, np.float64), **more)


def test_a_take_survives_its_file(tmp_path):
    views = (
        _view(3, [1, 5], [[1.5, 2], [3, 4]], velocity=np.ones((2, 2)), sigma_px=0.07, offset_us=-40),
        _view(4, [2], [[9, 9]]),
    )
    take = BoardTake(
        board=Board(legacy=True, thickness_m=0.01),
        views=views,
        image_sizes={"b/depth": (640, 576), "a/color": (1280, 720)},
        time_us={3: 100, 4: 200},
        notes=("one frame is damaged",),
    )
    write_take(tmp_path / "new" / "boards.npz", take)
    read = read_take(tmp_path / "new" / "boards.npz")
    assert read.board == take.board
    assert (read.image_sizes, read.time_us, read.notes) == (take.image_sizes, take.time_us, take.notes)
    for one, other in zip(read.views, views, strict=True):
        assert (one.camera, one.instant, one.sigma_px, one.offset_us) == (
            other.camera,
            other.instant,
            other.sigma_px,
            other.offset_us,
        )
        assert np.array_equal(one.ids, other.ids)
        assert np.array_equal(one.q, other.q)
    assert read.views[0].velocity is not None
    assert read.views[1].velocity is None
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["boards.npz"]


def test_a_take_without_views_is_one_too(tmp_path):
    write_take(tmp_path / "boards.npz", BoardTake(board=Board(), views=(), image_sizes={"a/color": (8, 8)}))
    assert read_take(tmp_path / "boards.npz").cameras == ("a/color",)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(CalibrationError, match="no found boards"):
        read_take(tmp_path / "none.npz")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 and no more")
    np.savez(tmp_path / "other.npz", q=np.zeros(3))
    for name in ("cut.npz", "other.npz"):
        with pytest.raises(CalibrationError, match="no file of found boards"):
            read_take(tmp_path / name)


def test_velocities_are_those_of_the_neighbours():
    # q(t) = 5 t²: 10 px/s after one second; central differences are exact for a parabola
    times = {n: 100_000 * n // 2 for n in range(4)}
    seconds = {n: 1e-6 * t for n, t in times.items()}
    views = [_view(n, [0, 7], [[5 * seconds[n] ** 2, 0], [3 * seconds[n], 1]]) for n in range(4)]
    views[2] = _view(2, [0, 7, 8], [*views[2].q, [4, 4]])
    made = with_velocities(views[::-1], times)
    assert made[1].velocity == pytest.approx(np.array([[10 * seconds[1], 0], [3, 0]]))
    assert made[0].velocity == pytest.approx(np.array([[5 * seconds[1], 0], [3, 0]]))  # one neighbour
    assert made[2].velocity is not None
    assert made[2].velocity[2] == pytest.approx(made[2].velocity[:2].mean(0))  # nobody else saw it
    slow = with_velocities(views, {n: 150_000 * n for n in range(4)})
    assert all(view.velocity is None for view in slow)
