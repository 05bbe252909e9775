"""The report shows everybody: each in a colour, in the 3D view, in every chart and with a line of the table."""

import shutil
from typing import Any

import numpy as np
import pytest
from export_take import INSTANTS, build_take

from body.loading import OPEN_BODY
from capture.session import Session
from humanrig.report.charts import all_instants, charts
from humanrig.report.overlay import draw_body, montage
from humanrig.report.people import COLORS, shown_people
from humanrig.report.pictures import overlay_sheet
from registration.fit.parts import PART_NAMES

pytestmark = pytest.mark.skipif(not OPEN_BODY.is_file(), reason=f"needs {OPEN_BODY}")
STREAMS = ("kinect_000/color", "kinect_001/color")


@pytest.fixture(scope="module")
def take(tmp_path_factory) -> Session:
    """Two people; the second was seen at the second instant only, and her fit says how sure it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HUMANRIG_BODY_MODEL", raising=False)
        session = build_take(tmp_path_factory.mktemp("takes") / "take")
    with np.load(session.path("body", "person00.npz")) as data:
        arrays: dict[str, Any] = dict(data)
    none: dict[str, Any] = {
        "flags": np.array(["", ""]),
        "keypoint_px": np.array([3.0, 4.0]),
        "surface_mm": np.array([2.0, np.nan]),
    }
    np.savez(session.path("body", "person00.npz"), **arrays, **none)
    late: dict[str, Any] = {
        n: v[1:] if n not in ("betas", "child", "model", "model_sha256") else v for n, v in {**arrays, **none}.items()
    }
    late["flags"], late["transl"] = np.array(["left arm: no points and no keypoints"]), late["transl"] + [0.4, 0.4, 0]
    parts: dict[str, Any] = {
        "part_names": np.array(PART_NAMES), "part_residual_mm": np.full((1, 10), 5.0),
        "part_coverage": np.r_[np.full(9, 0.8), np.nan][None], "joint_sigma": np.full((1, 24), 0.0042),
    }  # fmt: skip
    np.savez(session.path("body", "person01.npz"), **late, **parts)
    session.path("keypoints").mkdir()
    rng = np.random.default_rng(0)
    np.savez(
        session.path("keypoints", "person00.npz"),
        names=np.array(["nose", "left_hip"]), streams=np.array(STREAMS), instants=np.array(INSTANTS),
        q=rng.uniform(5, 40, (2, 2, 2, 2)), used=np.ones((2, 2, 2), bool), reprojection_px=rng.uniform(1, 2, (2, 2, 2)),
    )  # fmt: skip
    shutil.copy(session.path("keypoints", "person00.npz"), session.path("keypoints", "person01.npz"))
    return session


def test_the_table_has_everybody(take) -> None:
    first, second = (person.row() for person in shown_people(take))
    assert (first["name"], first["frames"], first["flagged"]) == ("person00", 2, 0)
    assert (second["name"], second["frames"], second["flagged"]) == ("person01", 1, 1)
    assert (first["keypoints"], first["surface"], first["sigma"]) == ("3.5 px", "2.0 mm", "–")
    assert (second["surface"], second["sigma"], second["coverage"]) == ("–", "4.2 mm", "80%")
    assert first["color"] != second["color"]


def test_a_person_who_came_later_is_shown_from_then_on(take) -> None:
    everybody = shown_people(take)
    assert all_instants(everybody) == list(INSTANTS)
    assert everybody[1].body(INSTANTS[0]) is None
    assert everybody[1].body(INSTANTS[1]) is not None
    told = []
    sheet = overlay_sheet(take, everybody, list(INSTANTS), 120, lambda *done: told.append(done))
    assert told[-1] == (4, 4)
    assert sheet.shape[0] == 2 * 120 + 4


def test_bodies_have_their_own_colors(take) -> None:
    person = shown_people(take)[1]
    camera, mesh = take.cameras()[STREAMS[0]], person.body(INSTANTS[1])
    assert mesh is not None
    picture = np.full((camera.height, camera.width, 3), 128, np.uint8)
    drawn = draw_body(picture, camera, mesh, np.array(person.color, np.float64))
    changed = (drawn != picture).any(-1)
    assert changed.sum() > 50
    blue, red = drawn[changed][:, 2].astype(int), drawn[changed][:, 0].astype(int)
    assert person.color == COLORS[1]
    assert (blue > red).all()


def test_charts_name_everybody_and_their_parts(take) -> None:
    found = {chart["title"]: chart["html"] for chart in charts(shown_people(take), 3)}
    assert "Parts of person01" in found
    assert "Parts of person00" not in found  # its fit says nothing of parts
    assert "person00" in found["Keypoint residual over time"]
    assert "person01" in found["Keypoint residual over time"]
    assert "facecolor" in found["3D view"]
    assert "Certainty over time" in found


def test_pictures_of_one_camera_stand_below_each_other() -> None:
    narrow, wide = np.zeros((10, 6, 3), np.uint8), np.full((10, 20, 3), 50, np.uint8)
    sheet = montage([[narrow, wide], [wide, narrow]], gap=2)
    assert sheet.shape == (22, 42, 3)
    assert (sheet[:10, 22:] == 50).all()
    assert (sheet[12:, :20] == 50).all()
    assert (sheet[:10, 6:22] == 255).all()
    assert (sheet[12:, 22:28] == 0).all()
