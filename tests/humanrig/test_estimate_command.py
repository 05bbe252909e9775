"""`humanrig estimate points` on files and on sessions, with a network that knows the truth of some clouds."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from bodies_take import INSTANTS, build
from bodies_take import person as person_of_take
from knowing_network import BODY, knowing_estimator

from body.parameters import BodyParameters
from capture.session import Session
from geometry.camera import Camera
from geometry.cloud import PointCloud
from geometry.depth import depth_to_points, encode_depth_mm
from geometry.mesh import TriangleMesh
from geometry.ply_files import write_ply_cloud
from geometry.rasterizer import rasterize_camera
from geometry.rigid import inverse, look_at, rotate, transform
from hps.points.estimator import PointEstimator
from hps.points.person_cloud import PersonCloud
from humanrig.cli import main
from humanrig.estimating.cloud_file import FileOptions, read_cloud_file
from humanrig.estimating.session_clouds import session_people
from registration.body_track import read_body_track

CAMERA = Camera(
    name="depth", K=np.array([[250.0, 0, 160], [0, 250.0, 120], [0, 0, 1]]), width=320, height=240,
    T_world_camera=look_at(np.array([0.3, -2.4, 1.2]), np.array([0.0, 0.0, 1.0])),
)  # fmt: skip
UP = rotate(CAMERA.T_camera_world, np.array([0.0, 0, 1]))
STANDING: BodyParameters = person_of_take(0)[:1]
POSED = BODY.pose(STANDING)
DEPTH = rasterize_camera(TriangleMesh(vertices=POSED.vertices[0], faces=BODY.faces), CAMERA).depth
VERTICES = transform(CAMERA.T_camera_world, POSED.vertices[0])
JOINTS = transform(CAMERA.T_camera_world, POSED.joints[0])


def points() -> np.ndarray:
    found = depth_to_points(DEPTH, CAMERA)
    return found[np.isfinite(found).all(-1)]


def use(monkeypatch: pytest.MonkeyPatch, estimator: PointEstimator) -> None:
    monkeypatch.setattr("hps.points.loading.load", lambda *_, **__: estimator)


def knows(monkeypatch: pytest.MonkeyPatch, cloud: PersonCloud, vertices: np.ndarray = VERTICES) -> None:
    use(monkeypatch, knowing_estimator([cloud], [vertices], [JOINTS if vertices is VERTICES else POSED.joints[0]]))


def figures(capsys: pytest.CaptureFixture) -> dict:
    return json.loads(capsys.readouterr().out)


def error_mm(path: Path, vertices: np.ndarray, frame: int = 0) -> float:
    found = BODY.pose(read_body_track(path).parameters[frame : frame + 1]).vertices[0]
    return 1000 * float(np.linalg.norm(found - vertices, axis=1).mean())


def test_a_ply_of_one_camera_gives_a_body_a_model_and_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    write_ply_cloud(tmp_path / "c.ply", PointCloud(points=points()))
    knows(monkeypatch, PersonCloud.of_camera(points()))
    out, glb, picture = (tmp_path / "out" / name for name in ("body.npz", "body.glb", "body.png"))
    words = ["estimate", "points", str(tmp_path / "c.ply"), "--out", str(out), "--glb", str(glb)]
    assert main([*words, "--picture", str(picture), "--json"]) == 0
    told = figures(capsys)["person00"]
    assert told["bodies"] == 1
    assert told["by_frame"][0]["confidence"] > 0.5
    assert told["height_m"] == pytest.approx(float(np.ptp(BODY.shaped(STANDING.betas)[:, 1])), abs=0.03)
    assert error_mm(out, VERTICES) < 12  # the fit's floor with its prior is 8 mm
    track = read_body_track(out)
    assert track.sigma is not None
    assert track.sigma.joint_sigma.shape == (1, 24)
    with np.load(out) as stored:
        assert stored["confidence"].shape == (1,)
        assert stored["point_landmarks"].shape == (1, 88, 3)
    assert glb.read_bytes()[:4] == b"glTF"
    drawn = cv2.imread(str(picture))
    assert drawn.shape[0] > 1000
    assert (drawn != 245).any()


@pytest.mark.parametrize("ending", ["pcd", "npz", "mm"])
def test_the_same_points_in_other_files_give_the_same_body(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    knows(monkeypatch, PersonCloud.of_camera(points()))
    more = []
    if ending == "pcd":
        path = tmp_path / "c.pcd"
        rows = np.concatenate([points(), np.full((5, 3), np.nan)])
        header = f"FIELDS x y z\nSIZE 8 8 8\nTYPE F F F\nWIDTH {len(rows)}\nHEIGHT 1\nDATA binary\n"
        path.write_bytes(header.encode() + rows.tobytes())
    elif ending == "npz":
        path = tmp_path / "c.npz"
        np.savez(path, points=points())
    else:
        path, more = tmp_path / "c.ply", ["--unit", "mm"]
        write_ply_cloud(path, PointCloud(points=1000 * points()))
    assert main(["estimate", "points", str(path), *more, "--out", str(tmp_path / "b.npz")]) == 0
    assert error_mm(tmp_path / "b.npz", VERTICES) < 12


def test_a_depth_image_with_its_camera_and_a_mask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    depth, mask = encode_depth_mm(DEPTH), np.where(np.isfinite(DEPTH), 255, 0).astype(np.uint8)
    scene = np.where(depth == 0, 4000, depth).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "d.png"), scene)
    cv2.imwrite(str(tmp_path / "m.png"), mask)
    plain = Camera(name="d", K=CAMERA.K, width=320, height=240)
    seen = depth_to_points((depth.astype(np.float32) / 1000), plain)
    knows(monkeypatch, PersonCloud.of_camera(seen[np.isfinite(seen).all(-1)]))
    words = ["estimate", "points", str(tmp_path / "d.png"), "--K", "250", "250", "160", "120"]
    assert main([*words, "--mask", str(tmp_path / "m.png"), "--out", str(tmp_path / "b.npz")]) == 0
    assert error_mm(tmp_path / "b.npz", VERTICES) < 12
    assert main([*words, "--out", str(tmp_path / "c.npz")]) == 1  # the room with it
    assert not (tmp_path / "c.npz").exists()


def test_a_cloud_of_a_world_says_where_up_and_the_camera_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    world = transform(CAMERA.T_world_camera, points())
    write_ply_cloud(tmp_path / "w.ply", PointCloud(points=world))
    cloud = PersonCloud(
        points=world, camera=np.zeros(len(world), np.int64), origins=CAMERA.center[None], up=np.array([0.0, 0, 1])
    )
    knows(monkeypatch, cloud, POSED.vertices[0])
    words = ["estimate", "points", str(tmp_path / "w.ply"), "--out", str(tmp_path / "b.npz")]
    place = ["--origin", *(f"{value:.17g}" for value in CAMERA.center)]
    assert main([*words, "--up", "0", "0", "2", *place]) == 0
    assert error_mm(tmp_path / "b.npz", POSED.vertices[0]) < 12
    assert main(words) == 1
    assert "do not use it" in " ".join(capsys.readouterr().err.split())


def test_every_instant_of_a_session_with_one_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    session = build(tmp_path / "take")
    (alone,) = session_people(session)
    posed = BODY.pose(person_of_take(0))
    use(monkeypatch, knowing_estimator(alone.clouds, posed.vertices, posed.joints))
    for more in ([], ["--sequence"]):
        out = tmp_path / "body.npz"
        assert main(["estimate", "points", str(session.folder), "--out", str(out), "--json", *more]) == 0
        track = read_body_track(out)
        assert track.instants.tolist() == list(INSTANTS)
        assert [error_mm(out, posed.vertices[n], n) < 20 for n in range(3)] == [True] * 3
        assert (track.flags == "").all()
        assert figures(capsys)["person00"]["frames"] == 3
    assert main(["estimate", "points", str(session.folder), "--out", str(out), "--frames", "8:9"]) == 0
    assert read_body_track(out).instants.tolist() == [8]


def test_two_people_are_two_files_and_one_may_be_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = build(tmp_path / "take", people=2)
    people = session_people(session)
    posed = [BODY.pose(person_of_take(number)) for number in range(2)]
    clouds = [cloud for one in people for cloud in one.clouds]
    vertices = [v for one in posed for v in one.vertices]
    use(monkeypatch, knowing_estimator(clouds, vertices, [j for one in posed for j in one.joints]))
    glb = tmp_path / "b.glb"
    assert main(["estimate", "points", str(session.folder), "--out", str(tmp_path / "b.npz"), "--glb", str(glb)]) == 0
    for number in range(2):
        assert error_mm(tmp_path / f"b_person0{number}.npz", posed[number].vertices[0]) < 20
        assert (tmp_path / f"b_person0{number}.glb").is_file()
    assert main(["estimate", "points", str(session.folder), "--out", str(tmp_path / "c.npz"), "--person", "1"]) == 0
    assert error_mm(tmp_path / "c.npz", posed[1].vertices[0]) < 20


def test_only_some_cameras_of_a_session(tmp_path: Path) -> None:
    session = build(tmp_path / "take")
    (everything,) = session_people(session)
    (some,) = session_people(session, views=["kinect_001", "kinect_003/depth"])
    assert set(np.unique(some.clouds[0].camera)) <= {1, 3}
    assert 0 < len(some.clouds[0]) < len(everything.clouds[0])
    np.testing.assert_allclose(some.clouds[0].up, [0, 0, 1])
    for number, stream in enumerate(sorted(session.cameras())[1::2]):
        np.testing.assert_allclose(everything.clouds[0].origins[number], session.cameras()[stream].center)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none.ply"], "there is no file"),
        (["empty"], "no session"),
        (["text.txt"], "is no cloud"),
        (["mm.ply"], "--unit mm"),
        (["nan.ply"], "40 of the cloud's"),
        (["few.ply"], "30 points"),
        (["none.npz"], "has no array 'points'"),
        (["objects.npz"], "cannot be read"),
        (["good.ply", "--views", "kinect_000"], "are for sessions"),
        (["good.ply", "--mask", "m.png"], "--mask is for depth images"),
        (["good.ply", "--up", "0", "0", "0"], "points nowhere"),
        (["depth.png"], "--K FX FY CX CY"),
        (["colour.png", "--K", "250", "250", "160", "120"], "one channel with 16 bits"),
        (["good.ply", "--weights", "w.pt"], "pickled checkpoint"),
        (["good.ply", "--weights", "none.safetensors"], "no weights at"),
        (["good.ply", "--size", "XXL"], "no weights called 'XXL'"),
        (["good.ply", "--size", "S", "--device", "nonsense"], "device 'nonsense' cannot be used"),
        (["good.ply", "--K", "1", "1", "1", "1"], "--K is for depth images"),
        (["depth.png", "--K", "0", "250", "160", "120"], "focal lengths must be above 0"),
        (["depth.png", "--K", "250", "250", "160", "120", "--mask", "none.png"], "there is no file none.png"),
        (["words.npz"], "array 'points' is <U"),
        (["flat.npz"], "array 'T_world_camera' is float64 of shape (4, 4)"),
        (["good.ply", "--glb", "b.obj"], "must end in .glb"),
        (["good.ply", "--picture", "good.ply/b.png"], "is a file, not a folder"),
    ],
)
def test_what_cannot_be_estimated_ends_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("words")
    (tmp_path / "w.pt").write_bytes(b"PK\x03\x04 and more")
    good = points()
    broken = good.copy()
    broken[:40] = np.nan
    clouds = {"good.ply": good, "mm.ply": 1000 * good, "nan.ply": broken, "few.ply": good[::200][:30]}
    for name, own in clouds.items():
        write_ply_cloud(tmp_path / name, PointCloud(points=own))
    np.savez(tmp_path / "none.npz", other=good)
    np.savez(tmp_path / "words.npz", points=good.astype(str))
    np.savez(tmp_path / "flat.npz", points=good, camera=np.zeros(len(good), int), T_world_camera=np.eye(4))
    np.savez(tmp_path / "objects.npz", points=np.array([{}], object))
    cv2.imwrite("depth.png", encode_depth_mm(DEPTH))
    cv2.imwrite("colour.png", np.zeros((240, 320, 3), np.uint8))
    if "--weights" not in words and "--size" not in words:
        knows(monkeypatch, PersonCloud.of_camera(good))
    assert main(["estimate", "points", *words, "--out", "b.npz"]) == 1
    heard = " ".join(capsys.readouterr().err.split())
    assert said in heard
    assert "Traceback" not in heard
    assert not (tmp_path / "b.npz").exists()


def test_a_cloud_is_not_overwritten_and_an_npz_may_say_where_up_is(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "c.npz"
    np.savez(path, points=points(), up=np.array([0.0, 0.0, 1.0]))
    before = path.read_bytes()
    assert main(["estimate", "points", str(path), "--out", str(path)]) == 1
    assert "overwrite the cloud itself" in " ".join(capsys.readouterr().err.split())
    assert path.read_bytes() == before
    cloud, _ = read_cloud_file(path, FileOptions())
    np.testing.assert_array_equal(cloud.up, [0, 0, 1])
    assert (cloud.camera == -1).all()


def test_somebody_without_a_body_does_not_hide_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    session = build(tmp_path / "take", people=2)
    people = session_people(session)
    posed = [BODY.pose(person_of_take(number)) for number in range(2)]
    clouds = [cloud for one in people for cloud in one.clouds]
    vertices = [v for one in posed for v in one.vertices]
    use(monkeypatch, knowing_estimator(clouds, vertices, [j for one in posed for j in one.joints]))
    few = [replace(people[0], clouds=[cloud.select(np.arange(20)) for cloud in people[0].clouds]), people[1]]
    monkeypatch.setattr("humanrig.estimating.points.session_people", lambda *_, **__: few)
    out = tmp_path / "b.npz"
    assert main(["estimate", "points", str(session.folder), "--out", str(out), "--json"]) == 0
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert told["person00"]["bodies"] == 0
    assert set(told["person00"]["refused"]) == {str(number) for number in INSTANTS}
    assert "20 points" in " ".join(said.err.split())
    assert told["person01"]["bodies"] == len(INSTANTS)
    assert not out.with_name("b_person00.npz").exists()
    assert error_mm(out.with_name("b_person01.npz"), posed[1].vertices[0]) < 20


def test_nothing_to_write_is_an_error_and_so_are_sessions_without_clouds(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["estimate", "points", "c.ply"]) == 1
    assert "nothing is to be written" in capsys.readouterr().err
    Session.create(tmp_path / "s", streams=[], origin="test")
    assert main(["estimate", "points", str(tmp_path / "s"), "--out", "b.npz"]) == 1
    assert "humanrig clouds" in " ".join(capsys.readouterr().err.split())


def test_a_body_that_should_not_be_used_is_written_with_the_reason_and_fails_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """The network does not know this cloud, and says so."""
    knows(monkeypatch, PersonCloud.of_camera(points()))
    other = points() * (1.1, 0.9, 1.0)
    write_ply_cloud(tmp_path / "c.ply", PointCloud(points=other))
    out = tmp_path / "b.npz"
    assert main(["estimate", "points", str(tmp_path / "c.ply"), "--out", str(out)]) == 1
    assert "do not use it" in " ".join(capsys.readouterr().err.split())
    assert "no trustworthy body" in str(read_body_track(out).flags[0])


def test_the_model_stands_upright_whichever_way_the_camera_was_held() -> None:
    from scipy.spatial.transform import Rotation

    from body.reframing import in_frame
    from humanrig.estimating.upright import T_upright_cloud

    turned = Rotation.from_matrix(CAMERA.T_camera_world[:3, :3]) * Rotation.from_rotvec(STANDING.global_orient)
    root = BODY.rest_joints(STANDING.betas)[0]
    place = transform(CAMERA.T_camera_world, root + STANDING.transl) - root
    seen = BodyParameters(
        betas=STANDING.betas, global_orient=turned.as_rotvec(), body_pose=STANDING.body_pose, transl=place
    )
    for up in (UP, -UP, np.array([0.0, 0, 1]), np.array([0.0, 0, -1])):
        T = T_upright_cloud(up)
        np.testing.assert_allclose(rotate(T, up), [0, 0, 1], atol=1e-12)
        moved = BODY.pose(in_frame(BODY, seen, T)).vertices[0]
        np.testing.assert_allclose(moved, transform(T, VERTICES), atol=1e-5)  # the body is posed in float32
    assert inverse(T).shape == (4, 4)


@pytest.mark.parametrize("words", [["--help"], ["estimate", "--help"]])
def test_the_help_shows_a_line_that_can_be_typed(capsys: pytest.CaptureFixture, words: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(words)
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "humanrig estimate points CLOUD.ply --out body.npz" in told
