"""`humanrig estimate rgb` on pictures, videos and sessions, with a detector and a lifter that know the truth."""

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import IFD, Base
from rgb_people import BODY, CAMERA, KnowingDetector, knowing_estimator, picture_of_frame, walker, write_clip

from body.parameters import BodyParameters
from capture.frame_sets import Instant, write_instants
from capture.importers.detect import import_recording
from geometry.camera import Camera
from geometry.camera_files.cameras_json import write_cameras
from geometry.rigid import look_at, transform
from humanrig.cli import main
from registration.body_track import read_body_track

NEAR, FAR = (-0.6, -0.1, 3.0), (0.4, -0.1, 4.0)
FOV = 2 * np.degrees(np.arctan(CAMERA.height / 2 / CAMERA.K[1, 1]))


def use(monkeypatch: pytest.MonkeyPatch, people: list[BodyParameters], **how) -> KnowingDetector:
    detector = KnowingDetector(people, **how)
    monkeypatch.setattr("hps.rgb.loading.load", lambda *_, **__: knowing_estimator(people))
    monkeypatch.setattr("humanrig.estimating.rgb.detecting.make_detector", lambda *_: detector)
    return detector


def write_png(path: Path, frame: int = 0) -> Path:
    cv2.imwrite(str(path), picture_of_frame(frame))
    return path


def rooted_mm(path: Path, person: BodyParameters, frames: list[int]) -> np.ndarray:
    found, true = read_body_track(path).joints, BODY.pose(person[np.array(frames)]).joints
    return 1000 * np.linalg.norm((found - found[:, :1]) - (true - true[:, :1]), axis=-1).mean(1)


def test_a_photograph_gives_a_body_a_model_and_an_overlay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    person = walker(1, NEAR)
    use(monkeypatch, [person])
    photo = write_png(tmp_path / "photo.png")
    out, glb, overlay = (tmp_path / "out" / name for name in ("b.npz", "b.glb", "seen.png"))
    words = ["estimate", "rgb", str(photo), "--fov", f"{FOV:.12g}", "--out", str(out), "--glb", str(glb)]
    assert main([*words, "--overlay", str(overlay), "--json"]) == 0
    heard = capsys.readouterr()
    (told,) = json.loads(heard.out)["footage"]
    one = told["people"]["person00"]
    assert told["frame"] == "camera"
    assert told["lens"]["known"]
    assert one["by_frame"][0]["confidence"] > 0.5
    assert one["distance_m_median"] == pytest.approx(3.0, abs=0.15)
    assert 0 < one["joint_sigma_across_mm_median"] < one["joint_sigma_along_mm_median"]
    assert rooted_mm(out, person, [0])[0] < 20  # the lifter's landmarks are 20 mm off along each axis
    with np.load(out) as stored:
        assert str(stored["frame"]) == "camera"
        np.testing.assert_allclose(stored["K"], CAMERA.K, rtol=1e-9)
        assert stored["keypoint_px"][0] < 2
    assert glb.read_bytes()[:4] == b"glTF"
    drawn = np.asarray(cv2.imread(str(overlay))).astype(int)
    assert drawn.shape == (CAMERA.height, CAMERA.width, 3)
    changed = np.abs(drawn - drawn[0, 0]).max(-1) > 30
    q = CAMERA.project_camera(BODY.pose(person).joints[0])
    inside = changed[q[:, 1].round().astype(int), q[:, 0].round().astype(int)]
    assert inside.mean() > 0.9  # the body is where the person is
    assert 0.01 < changed.mean() < 0.2
    assert f"({FOV:.1f}° upright), given" in " ".join(heard.err.split())


def test_a_photograph_is_looked_at_again_where_the_first_look_found_somebody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = walker(1, NEAR)
    use(monkeypatch, [person], coarse_px=20.0)
    words = ["estimate", "rgb", str(write_png(tmp_path / "p.png")), "--fov", f"{FOV:.12g}"]
    assert main([*words, "--out", str(tmp_path / "b.npz")]) == 0
    root = read_body_track(tmp_path / "b.npz").joints[0, 0]
    assert np.linalg.norm((root - BODY.pose(person).joints[0, 0])[:2]) < 0.05  # 20 px are 0.3 m there


def test_the_focal_length_is_told_from_exif_and_else_from_the_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    person = walker(1, (0.0, -0.1, 1.6))
    use(monkeypatch, [person])
    exif = Image.Exif()
    exif.get_ifd(IFD.Exif)[Base.FocalLengthIn35mmFilm] = 22
    Image.fromarray(picture_of_frame(0)).save(tmp_path / "exif.jpg", exif=exif)
    Image.fromarray(picture_of_frame(0)).save(tmp_path / "none.jpg")
    assert main(["estimate", "rgb", str(tmp_path / "exif.jpg"), "--json"]) == 0
    heard = capsys.readouterr()
    lens = json.loads(heard.out)["footage"][0]["lens"]
    assert (lens["source"], lens["known"]) == ("EXIF", True)
    assert lens["focal_px"] == pytest.approx(22 / np.hypot(36, 24) * np.hypot(CAMERA.width, CAMERA.height), abs=0.01)
    sigma = lens["focal_sigma"]
    assert main(["estimate", "rgb", str(tmp_path / "none.jpg"), "--json"]) == 0
    heard = capsys.readouterr()
    lens = json.loads(heard.out)["footage"][0]["lens"]
    assert (lens["source"], lens["known"]) == ("people", False)
    assert lens["focal_sigma"] > sigma
    assert abs(np.log(lens["focal_px"] / CAMERA.K[0, 0])) < 2 * lens["focal_sigma"]
    said = " ".join(heard.err.split())
    assert "its EXIF does not tell a focal length" in said
    assert "distances may be off by" in said


def test_a_video_gives_one_motion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    person = walker(5, NEAR)
    use(monkeypatch, [person])
    write_clip(tmp_path / "walk.mp4", 5)
    out = tmp_path / "b.npz"
    words = ["estimate", "rgb", str(tmp_path / "walk.mp4"), "--fov", f"{FOV:.12g}", "--people", "1", "--json"]
    assert main([*words, "--out", str(out)]) == 0
    assert read_body_track(out).instants.tolist() == list(range(5))
    assert rooted_mm(out, person, list(range(5))).max() < 25
    assert json.loads(capsys.readouterr().out)["footage"][0]["people"]["person00"]["bodies"] == 5


@pytest.mark.slow
def test_two_people_of_a_video_are_followed_and_one_is_bridged_where_nobody_saw_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    people = [walker(7, FAR, speed=-0.3), walker(7, NEAR)]
    use(monkeypatch, people, absent={0: (3, 4)})
    write_clip(tmp_path / "walk.mp4", 7)
    out, overlay = tmp_path / "b.npz", tmp_path / "seen.mp4"
    K = [f"{value:g}" for value in (CAMERA.K[0, 0], CAMERA.K[1, 1], CAMERA.K[0, 2], CAMERA.K[1, 2])]
    words = ["estimate", "rgb", str(tmp_path / "walk.mp4"), "--K", *K, "--frames", "1:7"]
    assert main([*words, "--out", str(out), "--overlay", str(overlay), "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["footage"]
    assert set(told["people"]) == {"person00", "person01"}
    near, far = tmp_path / "b_person00.npz", tmp_path / "b_person01.npz"  # the larger one first
    assert read_body_track(near).instants.tolist() == list(range(1, 7))
    assert rooted_mm(near, people[1], list(range(1, 7))).max() < 25
    assert rooted_mm(far, people[0], list(range(1, 7))).max() < 45  # two of them were not seen
    track = read_body_track(far)
    assert ["bridged" in str(flag) for flag in track.flags] == [False, False, True, True, False, False]
    assert np.isnan(track.keypoint_px).tolist() == [False, False, True, True, False, False]
    with av.open(str(overlay)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 6
    assert main([*words, "--people", "1", "--no-smooth", "--floor", "--out", str(tmp_path / "c.npz"), "--json"]) == 0
    assert rooted_mm(tmp_path / "c.npz", people[1], list(range(1, 7))).max() < 25
    floor = json.loads(capsys.readouterr().out)["footage"][0]["people"]["person00"]["floor"]
    lowest = (BODY.pose(people[1]).vertices @ np.array(floor["up"])).min(1) + floor["camera_height_m"]
    assert np.abs(lowest).max() < 0.08  # soles are known to 30 mm each, depths of single frames to 60 mm


def test_a_folder_of_pictures_is_each_by_itself_and_one_without_people_does_not_hide_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    person = walker(2, NEAR)
    use(monkeypatch, [person], absent={0: (0,)})
    (tmp_path / "in").mkdir()
    for n, name in enumerate(("a.png", "b.png")):
        write_png(tmp_path / "in" / name, n)
    assert (
        main(["estimate", "rgb", str(tmp_path / "in"), "--fov", "60", "--out", str(tmp_path / "x.npz"), "--json"]) == 0
    )
    heard = capsys.readouterr()
    told = json.loads(heard.out)["footage"]
    assert "no person was found" in told[0]["refused"]
    assert " ".join(heard.err.split()).startswith("no person was found in a.png")
    assert (tmp_path / "x_b.npz").is_file()
    assert not (tmp_path / "x_a.npz").exists()


@pytest.mark.slow  # quick: hps/rgb/fitting/test_rgb_estimator.py moves a body into the world
def test_a_session_gives_bodies_in_its_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    person = walker(3, NEAR)
    use(monkeypatch, [person])
    write_clip(tmp_path / "cam.mp4", 3)
    T = look_at(np.array([1.0, -4.0, 1.5]), np.array([0.0, 0.0, 1.0]))
    camera = Camera(name="cam/color", K=CAMERA.K, width=CAMERA.width, height=CAMERA.height, T_world_camera=T)
    write_cameras(tmp_path / "cameras.json", {"cam/color": camera}, source="the test")
    session = import_recording([tmp_path / "cam.mp4"], tmp_path / "take", tmp_path / "cameras.json")
    (stream,) = session.of_kind("color")
    write_cameras(session.path("calibration", "cameras.json"), {stream: camera}, source="the test")
    times = session.timestamps_us(stream)[0]
    rows = [Instant(instant=10 + n, time_us=int(times[n]), index={stream: n}, offset_us={stream: 0}) for n in range(3)]
    write_instants(session.path("sync", "frames.parquet"), rows)
    assert main(["estimate", "rgb", str(session.folder), "--out", str(tmp_path / "b.npz"), "--frames", "11:13"]) == 0
    track = read_body_track(tmp_path / "b.npz")
    assert track.instants.tolist() == [11, 12]
    true = transform(T, BODY.pose(person[np.array([1, 2])]).joints)
    assert np.linalg.norm(track.joints - true, axis=-1).mean() < 0.05
    assert main(["estimate", "rgb", str(session.folder), "--fov", "40", "--out", str(tmp_path / "c.npz")]) == 1


def test_what_is_not_in_the_picture_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    person = walker(1, NEAR)
    detector = use(monkeypatch, [person])
    detector.visibility[0] = np.where(detector.q[0][0][:, 1] > 125, 0.02, 0.95)
    words = ["estimate", "rgb", str(write_png(tmp_path / "p.png")), "--fov", f"{FOV:.12g}", "--json"]
    main(words)
    heard = capsys.readouterr()
    one = json.loads(heard.out)["footage"][0]["people"]["person00"]
    assert one["unseen"] == ["legs"]
    assert "legs not seen: how they are held is a guess" in " ".join(heard.err.split())
    sure, unsure = one["by_frame"][0]["confidence"], 0.0
    detector.visibility[0] = np.where(np.arange(27) < 5, 0.95, 0.02)
    main(words)
    unsure = json.loads(capsys.readouterr().out)["footage"][0]["people"]["person00"]["by_frame"][0]
    assert unsure["confidence"] < min(sure, 0.5)
    assert "no trustworthy body" in unsure["reason"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none.png"], "there is no picture at"),
        (["none.mp4"], "there is nothing at"),
        (["text.png"], "is no picture that can be read"),
        (["half.jpg"], "is damaged"),
        (["photo.heic"], "export it as JPEG"),
        (["depth.png"], "one channel of 16 bits"),
        (["mask.png"], "as masks are"),
        (["tiny.png"], "8x8 pixels"),
        (["empty.png"], "no person was found in empty.png"),
        (["words.txt"], "neither a picture"),
        (["words.mp4"], "cannot be read"),
        (["half.mp4"], "cannot be read"),
        (["folder"], "holds no pictures"),
        (["good.png", "--fov", "0.5"], "--fov 0.5: a vertical field of view"),
        (["good.png", "--K", "200", "200", "900", "119"], "lies outside the picture"),
        (["good.png", "--K", "0", "200", "159", "119"], "must be above 0"),
        (["good.png", "--fov", "50", "--K", "200", "200", "159", "119"], "choose one"),
        (["good.png", "--frames", "0:3"], "is one picture"),
        (["good.png", "--floor"], "--floor is for videos"),
        (["good.png", "--views", "cam01"], "--views is for sessions"),
        (["good.png", "--people", "0"], "expected 1 or more"),
        (["good.png", "--height", "175"], "a height of 175 m"),
        (["good.png", "--overlay", "o.mp4"], "must end in .png"),
        (["clip.mp4", "--overlay", "o.png"], "must end in .mp4"),
        (["clip.mp4", "--frames", "5:9"], "has 2 frames"),
        (["good.png", "--weights", "none.safetensors"], "no weights at"),
    ],
)
def test_what_cannot_be_estimated_ends_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_png(Path("good.png"))
    write_png(Path("empty.png"), 3)
    cv2.imwrite("photo.jpg", picture_of_frame(0))
    Path("half.jpg").write_bytes(Path("photo.jpg").read_bytes()[:900])
    Path("photo.heic").write_bytes(b"\0\0\0\x18ftypheic")
    for name in ("text.png", "words.txt", "words.mp4"):
        Path(name).write_text("words")
    cv2.imwrite("depth.png", np.full((90, 90), 2000, np.uint16))
    cv2.imwrite("tiny.png", np.zeros((8, 8, 3), np.uint8))
    cv2.imwrite("mask.png", np.zeros((90, 90), np.uint8), [cv2.IMWRITE_PNG_BILEVEL, 1])
    write_clip(Path("clip.mp4"), 2)
    Path("half.mp4").write_bytes(Path("clip.mp4").read_bytes()[:800])
    Path("folder").mkdir()
    if "--weights" not in words:
        use(monkeypatch, [walker(2, NEAR)])
    assert main(["estimate", "rgb", *words, "--out", "b.npz"]) == 1
    heard = " ".join(capsys.readouterr().err.split())
    assert said in heard
    assert "Traceback" not in heard
    assert not Path("b.npz").exists()


def test_nothing_to_write_is_an_error_and_the_source_is_never_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    photo = write_png(tmp_path / "p.png")
    before = photo.read_bytes()
    assert main(["estimate", "rgb", str(photo)]) == 1
    assert "nothing is to be written" in capsys.readouterr().err
    assert main(["estimate", "rgb", str(photo), "--overlay", str(photo)]) == 1
    assert "would overwrite the source itself" in " ".join(capsys.readouterr().err.split())
    assert photo.read_bytes() == before
