"""Our own bodies: of a session, in its world, and of an estimate, in a camera's frame, with what it refused."""

from __future__ import annotations

import numpy as np
import pytest
from file_people import FRAMES, person

from hps.errors import HpsError
from hps.evaluation.files.opening import read_annotations


def arrays(**more) -> dict:
    """As docs/conventions.md lists them."""
    p = person(0)
    return {
        "format": 2, "betas": p.parameters.betas, "child": 0.25, "global_orient": p.parameters.global_orient,
        "body_pose": p.parameters.body_pose, "transl": p.parameters.transl, "joints": p.joints,
        "instants": np.array([3, 4, 6, 7]), "time_us": np.array([100_000, 133_333, 200_000, 233_333]),
        "model": "open body", "model_sha256": "00",
    } | more  # fmt: skip


def test_a_session_gives_its_people_in_its_world(tmp_path):
    session = tmp_path / "walk"
    for folder in ("body", "truth/body"):
        (session / folder).mkdir(parents=True)
        np.savez_compressed(session / folder / "person00.npz", **arrays())
    np.savez_compressed(session / "body/person01.npz", **arrays())
    (session / "session.toml").write_text("")
    found = read_annotations(session)
    assert [(p.sequence, p.person, p.frame, p.body) for p in found] == [
        ("walk", "person00", "world", "open body"), ("walk", "person01", "world", "open body")
    ]  # fmt: skip
    (truth,) = read_annotations(session / "truth/body")
    assert (truth.sequence, truth.person) == ("walk", "person00")
    assert truth.frames.tolist() == [3, 4, 6, 7]
    assert truth.child.tolist() == [0.25] * FRAMES
    np.testing.assert_array_equal(truth.joints, person(0).joints)
    assert truth.fps == pytest.approx(1e6 / 33_333)
    sixth = {"instants": np.arange(0, 24, 6), "time_us": np.arange(0, 800_000, 200_000)}
    np.savez_compressed(session / "body/person01.npz", **arrays(**sixth))
    assert read_annotations(session)[1].fps == pytest.approx(30)


def test_an_estimate_is_in_the_cameras_frame_and_keeps_what_was_refused(tmp_path):
    more = {"confidence": np.ones(FRAMES), "refused": np.array([5]), "refused_reasons": np.array(["no person"])}
    np.savez_compressed(tmp_path / "walk.npz", **arrays(**more))
    (read,) = read_annotations(tmp_path / "walk.npz")
    assert (read.sequence, read.frame) == ("walk", "camera")
    assert (read.extra["refused"].tolist(), read.extra["refused_reasons"].tolist()) == ([5], ["no person"])
    np.savez_compressed(tmp_path / "walk.npz", **arrays(**more, frame="world", sequence="w", person="p"))
    (read,) = read_annotations(tmp_path / "walk.npz")
    assert (read.sequence, read.person, read.frame) == ("w", "p", "world")
    np.savez_compressed(tmp_path / "walk_person01.npz", **arrays(**more))
    (read,) = read_annotations(tmp_path / "walk_person01.npz")
    assert (read.sequence, read.person) == ("walk", "person01")


@pytest.mark.parametrize("moves", [False, True])
def test_an_estimate_says_where_its_camera_was(tmp_path, moves):
    p = person(0)
    T = np.linalg.inv(p.Ts) if moves else np.linalg.inv(p.Ts[0])
    np.savez_compressed(tmp_path / "a.npz", **arrays(frame="camera", T_world_camera=T))
    (read,) = read_annotations(tmp_path / "a.npz")
    np.testing.assert_allclose(read.Ts_camera_world, p.Ts if moves else np.repeat(p.Ts[:1], FRAMES, 0), atol=1e-12)
    np.savez_compressed(tmp_path / "a.npz", **arrays(frame="camera", T_world_camera=np.eye(4)))
    assert read_annotations(tmp_path / "a.npz")[0].Ts_camera_world is None  # of a photograph, which knows no world
    np.savez_compressed(tmp_path / "a.npz", **arrays(frame="world", T_world_camera=np.eye(4)))
    np.testing.assert_array_equal(read_annotations(tmp_path / "a.npz")[0].Ts_camera_world[0], np.eye(4))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"T_world_camera": np.zeros((3, 4, 4))}, r"T_world_camera has shape \(3, 4, 4\), \(4, 4\) or \(4, 4, 4\) was"),
        ({"T_world_camera": 2 * np.eye(4)}, "T_world_camera is no rotation and translation"),
        ({"joints": np.zeros((FRAMES, 23, 3))}, r"joints has shape \(4, 23, 3\)"),
        ({"frame": "room"}, "frame is 'room', camera or world was expected"),
        ({"instants": np.array([0.5, 1, 2, 3])}, "instants holds numbers that are not whole"),
        ({"betas": np.array(["a"])}, "betas holds <U1, numbers were expected"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, change, message):
    np.savez_compressed(tmp_path / "a.npz", **arrays(**change))
    with pytest.raises(HpsError, match=message):
        read_annotations(tmp_path / "a.npz")


def test_paths_that_hold_no_people_are_told(tmp_path):
    with pytest.raises(HpsError, match="there is nothing at"):
        read_annotations(tmp_path / "none")
    with pytest.raises(HpsError, match="has no files of people"):
        read_annotations(tmp_path)
    np.savez(tmp_path / "a.npz", weights=np.zeros(3))
    with pytest.raises(HpsError, match=r"a\.npz is of no known kind: it holds weights, and the kinds are humanrig: "):
        read_annotations(tmp_path / "a.npz")
    with pytest.raises(HpsError, match="there is no kind of file 'coco'; the kinds are humanrig, "):
        read_annotations(tmp_path / "a.npz", kind="coco")
    (tmp_path / "b.npz").write_bytes(b"PK\3\4 cut off")
    with pytest.raises(HpsError, match=r"b\.npz is no whole \.npz"):
        read_annotations(tmp_path / "b.npz")
    (tmp_path / "c.txt").write_text("")
    with pytest.raises(HpsError, match=r"c\.txt ends in '\.txt'; files of people end in \.pkl, \.npz, \.mat"):
        read_annotations(tmp_path / "c.txt")
    np.savez_compressed(tmp_path / "a.npz", **arrays())
    (tmp_path / "b.npz").unlink()
    np.savez(tmp_path / "d.npz", weights=np.zeros(3))
    with pytest.raises(HpsError, match=r"d\.npz is of no known kind"):
        read_annotations(tmp_path)
