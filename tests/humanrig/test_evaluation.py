"""Which person of a picture a body is judged on, in which world, and figures of nothing."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from capture.virtual.truth import Truth
from geometry.camera import Camera
from geometry.rigid import look_at, rigid, transform
from humanrig.evaluation import against_truth, people, sentences
from humanrig.evaluation.against_truth import truth_errors
from humanrig.evaluation.people import matched
from humanrig.evaluation.pixels import _nearest
from humanrig.evaluation.summary import summary
from humanrig.evaluation.world import true_world
from humanrig.results import Results

K = np.array([[600.0, 0, 640], [0, 600, 360], [0, 0, 1]])


def test_a_half_hidden_subject_is_nearer_than_a_bystander() -> None:
    errors = np.full((1, 2, 12), 400.0)  # the second person is a bystander, seen whole
    errors[0, 0] = np.nan
    errors[0, 0, :5] = 8.0
    assert np.nanmedian(_nearest(errors)) == 8.0


def test_a_person_with_hardly_a_joint_is_not_compared() -> None:
    errors = np.full((1, 2, 12), 30.0)
    errors[0, 0] = np.nan
    errors[0, 0, 0] = 1.0
    assert np.nanmedian(_nearest(errors)) == 30.0


def test_the_summary_of_nothing_is_none() -> None:
    assert summary(np.array([np.nan, np.inf]), "mean", "p95") == {"mean": None, "p95": None}


def test_a_summary_leaves_gaps_out() -> None:
    assert summary(np.array([1.0, np.nan, 3.0]), "mean", "median", "max") == {"mean": 2.0, "median": 2.0, "max": 3.0}


class _Two(Truth):
    """Two people a metre apart, without a session."""

    @property
    def people(self) -> list[str]:
        return ["person00", "person01"]

    def joints(self, person: str = "person00") -> np.ndarray:
        return np.full((3, 24, 3), float(person == "person01"))


def test_each_body_is_compared_with_its_own_person() -> None:
    truth, rows = object.__new__(_Two), np.array([0, 2])
    near, far = np.full((2, 24, 3), 0.1), np.full((2, 24, 3), 0.9)
    assert matched(truth, [rows, rows], [far, near]) == ["person01", "person00"]
    assert matched(truth, [rows], [far]) == ["person01"]
    assert matched(truth, [rows, rows], [near, near + 9]) == ["person00", None]  # somebody who was never there


def ring(count: int = 4) -> dict[str, Camera]:
    """Cameras that look at the middle of a room."""
    return {
        f"kinect_{n:03d}/color": Camera(
            name=f"kinect_{n:03d}/color", width=1280, height=720, K=K,
            T_world_camera=look_at(np.array([2.3 * np.cos(n), 2.3 * np.sin(n), 1 + 0.1 * n]), np.array([0, 0, 1.0])),
        )
        for n in range(count)
    }  # fmt: skip


def elsewhere() -> np.ndarray:
    """T_truth_world of a rig whose world was put somewhere else on the floor."""
    return rigid(Rotation.from_euler("z", 70, degrees=True).as_matrix(), np.array([0.05, -0.4, 0.001]))


def in_world(cameras: dict[str, Camera], T_truth_world: np.ndarray) -> dict[str, Camera]:
    T_world_truth = np.linalg.inv(T_truth_world)
    return {name: camera.at(T_world_truth @ camera.T_world_camera) for name, camera in cameras.items()}


@pytest.mark.parametrize("count", [1, 2, 4])
def test_cameras_lead_from_the_calibrated_world_to_the_true_one(count: int) -> None:
    found = true_world(ring(), in_world(ring(count), elsewhere()))
    np.testing.assert_allclose(found.T_truth_world, elsewhere(), atol=1e-9)
    values = found.values()
    assert (values["cameras"], values["cameras_mm"]) == (count, 0)
    assert values["turned_deg"] == pytest.approx(70)


def test_a_rig_of_the_wrong_size_is_not_scaled_right() -> None:
    larger = {n: c.at(rigid(c.T_world_camera[:3, :3], 1.01 * c.center)) for n, c in ring().items()}
    found = true_world(ring(), larger)
    np.testing.assert_allclose(np.linalg.det(found.T_truth_world[:3, :3]), 1)
    assert found.center_mm > 10  # a hundredth of the 1 to 2 m between the cameras and their middle


def test_without_a_common_camera_the_worlds_are_taken_to_be_one() -> None:
    found = true_world(ring(1), {"cam01": next(iter(ring(1).values()))})
    np.testing.assert_array_equal(found.T_truth_world, np.eye(4))
    assert found.values() == {"cameras": 0, "moved_mm": 0, "turned_deg": 0, "cameras_mm": None}


class _One(_Two):
    """A person of four instants in the ring, without a session."""

    @property
    def people(self) -> list[str]:
        return ["person00"]

    @property
    def frames(self) -> int:
        return 4

    def cameras(self) -> dict[str, Camera]:
        return ring()

    def joints(self, person: str = "person00") -> np.ndarray:
        return np.random.default_rng(0).normal(0, 0.4, (4, 24, 3))

    def bodies(self, instants: np.ndarray, person: str = "person00") -> np.ndarray:
        return np.random.default_rng(1).normal(0, 0.4, (4, 50, 3))[instants]


def test_a_body_in_another_world_is_compared_in_that_of_the_truth(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "scene.json").touch()
    truth, there = object.__new__(_One), np.linalg.inv(elsewhere())
    vertices = truth.bodies(np.arange(4)) + [0.003, 0, 0]
    posed = SimpleNamespace(vertices=transform(there, vertices), joints=transform(there, truth.joints()))
    rest = np.random.default_rng(2).normal(0, 0.4, (50, 3))
    model = SimpleNamespace(pose=lambda _: posed, shaped=lambda *_: 1.01 * rest, weights=np.eye(24)[np.arange(50) % 24])
    monkeypatch.setattr(_One, "rest_vertices", lambda *_: rest, raising=False)
    session = SimpleNamespace(path=tmp_path.joinpath, cameras=lambda: in_world(ring(), elsewhere()))
    results = object.__new__(Results)
    vars(results).update(
        session=session,
        person="person00",
        body={"instants": np.arange(4)},
        model=model,
        parameters=SimpleNamespace(betas=np.zeros(16), child=0.0),
    )
    monkeypatch.setattr(Truth, "open", lambda *_: truth)
    monkeypatch.setattr(people, "true_instants", lambda _: np.arange(4))
    track = SimpleNamespace(flags=np.array(["", "few cameras (2)", "", ""]), sigma=None)
    monkeypatch.setattr(against_truth, "read_body_track", lambda _: track)
    figures = truth_errors([results], clouds=False)
    assert figures["pve_mm"]["mean"] == pytest.approx(3)
    assert set(figures["people"][0]["pve_mm_by_part"].values()) == {3.0}
    assert figures["people"][0]["height_error_mm"] == pytest.approx(1e3 * 0.01 * np.ptp(rest[:, 1]), abs=1e-3)
    assert figures["people"][0]["flagged"] == 1
    assert figures["people"][0]["instants_off"] == {"count": 0, "unflagged": 0}
    assert figures["people_missed"] == []
    assert figures["mpjpe_mm"]["max"] == pytest.approx(0, abs=1e-3)
    assert figures["alignment"]["cameras"] == 4


def test_the_alignment_is_told_to_people() -> None:
    aligned = {"cameras": 4, "moved_mm": 55.0, "turned_deg": 70.0, "cameras_mm": 0.4}
    none = dict.fromkeys(("cloud_to_surface_mm", "cloud_to_body_mm", "pve_mm", "mpjpe_mm", "pa_mpjpe_mm"))
    none |= dict.fromkeys(("people", "people_missed", "cloud_to_true_surface_mm"))
    figures = {"flips": 0, "frames": {"with_body": 4, "total": 4, "flagged": 0}, "held_out_px": {}, **none}
    for name in ("reprojection_px", "joints_px", "detector_px"):
        figures[name] = {"median": 1.0, "p95": 2.0}
    assert "4 cameras: moved 55.0 mm, turned 70.00°" in sentences({**figures, "alignment": aligned})[-1]
    assert "truth" not in sentences({**figures, "alignment": None})[-1]
    assert "no camera is in both" in sentences({**figures, "alignment": {**aligned, "cameras": 0}})[-1]
