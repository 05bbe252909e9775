"""AGORA's scoring from people of files to figures: hand-counted pictures under both rules."""

from typing import Any

import numpy as np
import pytest

from hps.errors import HpsError
from hps.evaluation.agora_matching import PicturePeople
from hps.evaluation.people_annotations import PersonAnnotations
from hps.evaluation.scoring.picture_bins import TURNS, facing_deg, picture_bins
from hps.evaluation.scoring.score_pictures import score_pictures

RNG = np.random.default_rng(11)
BODY = RNG.normal(0, 0.3, (24, 3))
SKIN = RNG.normal(0, 0.3, (30, 3))
PIXELS = RNG.uniform(0, 200, (24, 2))


def _person(picture: str, person: int, x: float, off_mm: float = 0.0, scale: float = 1.0, **changes: Any):
    """Somebody at x pixels; the joints but the hips are `off_mm` away, so is the skin."""
    joints = BODY.copy()
    joints[3:] += [off_mm / 1000, 0, 0]
    joints[0] += [off_mm / 1000, 0, 0]
    q = np.concatenate([(PIXELS + [x, 300.0]) * scale, np.ones((24, 1))], 1)
    given: dict[str, Any] = {
        "dataset": "agora",
        "sequence": picture,
        "person": str(person),
        "frames": np.zeros(1, np.int64),
        "images": (f"{picture}.png",),
        "joints": joints[None],
        "vertices": (SKIN + [off_mm / 1000, 0, 0])[None],
        "keypoints2d": q[None],
        "image_size": np.array([[int(3840 * scale), int(2160 * scale)]]),
    }
    return PersonAnnotations(**given | changes)


def _figures(report) -> dict[str, float]:
    return {one.label: one.interval.value for one in report.figures}


def _hidden(share: float, **more: Any) -> dict[str, Any]:
    return {"occlusion": np.array([share]), "valid": np.array([True])} | more


def test_two_pictures_counted_by_hand():
    truths = [
        _person("a", 0, 0, **_hidden(0.0)),
        _person("a", 1, 1000, **_hidden(0.5, child=np.ones(1))),
        _person("a", 2, 2000, **_hidden(0.95)),
        _person("b", 0, 0, **_hidden(0.1)),
    ]
    predictions = [
        _person("a", 0, 5, 24.0),
        _person("a", 1, 1005, 48.0),
        _person("a", 2, 2005, 12.0),  # somebody who does not count: false
        _person("c", 0, 0),  # no such picture
    ]
    report = score_pictures(predictions, truths)
    found = _figures(report)
    # found 2, false 1, missed 1 (picture b): F1 = 2 / 3; 22 of 24 joints are off, and every vertex
    mean = (24 + 48) / 2
    for rule, f1 in (("agora", 0.67), ("strict", 2 / 3)):
        assert found[f"F1 [{rule}]"] == pytest.approx(2 / 3)
        assert found[f"precision [{rule}]"] == pytest.approx(2 / 3)
        assert found[f"recall [{rule}]"] == pytest.approx(2 / 3)
        assert found[f"MPJPE [{rule}]"] == pytest.approx(mean * 22 / 24)
        assert found[f"MVE [{rule}]"] == pytest.approx(mean)
        assert found[f"NMJE [{rule}]"] == pytest.approx(mean * 22 / 24 / f1)
        assert found[f"NMVE [{rule}]"] == pytest.approx(mean / f1)
        # of the one child: found 1, all false 1, missed 0: F1 = 1 / 1.5
        assert found[f"kid F1 [{rule}]"] == pytest.approx(2 / 3)
        assert found[f"kid MPJPE [{rule}]"] == pytest.approx(48 * 22 / 24)
        assert found[f"kid NMVE [{rule}]"] == pytest.approx(48 / f1)
    assert report.told == (
        "1 pictures have no prediction, such as b: everybody there is missed",
        "1 pictures of the predictions are not in the truth, such as c: left out",
    )
    assert [(row.name, row.values["missed"]) for row in report.rows] == [("a", 0), ("b", 1)]
    hidden = {row.name: row.values for row in report.bins if "found [agora]" in row.values}
    assert hidden["hidden 10 to 20 %"]["found [agora]"] == 0
    assert hidden["hidden 50 to 60 %"]["MPJPE [agora] mm"] == pytest.approx(44)
    assert "hidden 90 to 100 %" not in hidden


def test_small_copies_are_matched_as_large_ones():
    truths = [_person("a_1280x720", 0, 0, scale=1 / 3, **_hidden(0.0)), _person("b", 0, 0, **_hidden(0.0))]
    report = score_pictures([_person("a", 0, 3), _person("b", 0, 3)], truths)
    assert _figures(report)["F1 [agora]"] == 1


def test_joints_without_pixels_are_projected_with_the_picture_s_camera():
    K = np.array([[[1000.0, 0, 640], [0, 1000, 360], [0, 0, 1]]])
    size = np.array([[1280, 720]])
    joints = BODY + [0.2, 0.1, 4.0]
    seen = joints @ K[0].T
    q = np.concatenate([seen[:, :2] / seen[:, 2:], np.ones((24, 1))], 1)
    truth = _person("a", 0, 0, joints=joints[None], keypoints2d=q[None], K=K, image_size=size, **_hidden(0.0))
    unprojected = _person("a", 0, 0, joints=joints[None], keypoints2d=None)
    assert _figures(score_pictures([unprojected], [truth]))["F1 [strict]"] == 1
    with pytest.raises(HpsError, match="picture b, person 0: no joints in pixels, and no camera"):
        score_pictures([_person("b", 0, 0, keypoints2d=None)], [_person("b", 0, 0)])


def test_people_of_the_world_are_brought_before_the_camera():
    T = np.array([[1.0, 0, 0, 0.2], [0, 0, -1, 1], [0, 1, 0, 4], [0, 0, 0, 1]])
    standing, skin = ((points - T[:3, 3]) @ T[:3, :3] for points in (BODY, SKIN))
    world = {"frame": "world", "joints": standing[None], "vertices": skin[None]}
    truth = _person("a", 0, 0, **world, Ts_camera_world=T[None], **_hidden(0.0))
    found = _figures(score_pictures([_person("a", 0, 0)], [truth]))
    assert [found["MPJPE [agora]"], found["MVE [agora]"]] == pytest.approx([0, 0], abs=1e-9)
    with pytest.raises(HpsError, match="is in the world, and the file does not say where the camera was"):
        score_pictures([_person("a", 0, 0, **world)], [truth])


def test_what_cannot_be_compared_is_said():
    with pytest.raises(HpsError, match="no picture is in both: the predictions are of a, the truth of b"):
        score_pictures([_person("a", 0, 0)], [_person("b", 0, 0)])
    smplx = _person("a", 0, 0, joints=RNG.normal(size=(1, 127, 3)))
    with pytest.raises(HpsError, match="predicted people have 24 joints, true ones 127"):
        score_pictures([_person("a", 0, 0)], [smplx])
    bare = score_pictures([_person("a", 0, 0, vertices=None)], [_person("a", 0, 0)])
    assert "some people have no vertices: MVE is not told" in bare.told
    assert "MVE [agora]" not in _figures(bare)


def test_everybody_is_in_one_bin_of_each_kind():
    rng = np.random.default_rng(3)
    people = PicturePeople(
        picture="a", q=rng.uniform(0, 3840, (40, 24, 2)), joints=rng.normal(size=(40, 24, 3)),
        occlusion=rng.uniform(0, 0.9, 40),
    )  # fmt: skip
    bins = {name: which[0] for name, which in picture_bins([people])}
    for kind in (["hidden"], TURNS, ["at "]):
        assert sum(which for name, which in bins.items() if name.startswith(tuple(kind))).tolist() == [1] * 40


def test_facing_is_read_from_the_hips():
    joints = np.zeros((4, 24, 3))
    joints[:, 1] = [[1, 0, 0], [0, 0, -1], [-1, 0, 0], [0, 0, 1]]  # where the left hip is, seen from the right one
    assert facing_deg(joints) == pytest.approx([0, 90, 180, 270])
