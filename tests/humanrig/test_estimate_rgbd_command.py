"""`humanrig estimate rgbd` on files, sessions and recordings, with the shipped point network; a detector and a lifter
know the truth."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import cv2
import liblzfse
import numpy as np
import pytest
from rgb_people import BODY, CAMERA, KnowingDetector, knowing_estimator, picture_of_frame, walker
from scipy.spatial.transform import Rotation

from body.parameters import BodyParameters
from capture import depth_codec
from capture.frame_sets import Instant, write_instants
from capture.importers.detect import import_recording
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import StreamInfo
from geometry.camera import Camera
from geometry.camera_files.cameras_json import write_cameras
from geometry.depth import encode_depth_mm
from geometry.mesh import TriangleMesh
from geometry.rasterizer import rasterize_camera
from geometry.rigid import look_at, transform
from hps.points.loading import WEIGHTS
from hps.points.loading import load as load_points
from hps.rgbd.estimator import RgbdEstimator
from humanrig.cli import main
from humanrig.estimating.rgbd.phone_footage import turned
from registration.body_track import read_body_track
from registration.keypoints.detector import Person2D, PersonMask

pytestmark = pytest.mark.skipif(
    not (WEIGHTS / "S.safetensors").is_file(), reason=f"needs the weights {WEIGHTS / 'S.safetensors'}"
)
AT = (0.1, -0.1, 2.5)
WALL_M = 4.0
K = [f"{value:g}" for value in (CAMERA.K[0, 0], CAMERA.K[1, 1], CAMERA.K[0, 2], CAMERA.K[1, 2])]
DEPTH = Camera(
    name="d", K=np.array([[150.0, 0, 95.5], [0, 150.0, 95.5], [0, 0, 1]]), width=192, height=192,
    T_world_camera=np.array([[1.0, 0, 0, 0.05], [0, 1, 0, 0], [0, 0, 1, 0.01], [0, 0, 0, 1]]),
)  # fmt: skip
WHOLE = np.array([[1.0, 0, 0], [0, 1, 0]])


class MaskingDetector(KnowingDetector):
    """Tells the person's mask too, of the first frame."""

    def __init__(self, people: Sequence[BodyParameters]) -> None:
        super().__init__(people)
        self.masks = [np.where(np.isfinite(depth_of(one, CAMERA)), 255, 0).astype(np.uint8) for one in people]

    def detect(self, image: np.ndarray, previous: Sequence[Person2D] = (), search: bool = True) -> list[Person2D]:
        found = super().detect(image, previous, search)
        return [replace(p, mask=PersonMask(crop=self.masks[p.follow], A_image_crop=WHOLE)) for p in found]


@lru_cache
def points_estimator():
    return load_points("S", body=BODY)


def use(monkeypatch: pytest.MonkeyPatch, people: list[BodyParameters], seen: bool = True) -> None:
    estimator = RgbdEstimator(points_estimator(), knowing_estimator(people))
    monkeypatch.setattr("hps.rgbd.loading.load", lambda *_, **__: estimator)
    detector = MaskingDetector(people if seen else [])
    monkeypatch.setattr("humanrig.estimating.rgb.detecting.make_detector", lambda *_: detector)


def depth_of(person: BodyParameters, camera: Camera) -> np.ndarray:
    """Metres, of the first frame; NaN beside the person."""
    vertices = BODY.pose(person[:1]).vertices[0].astype(np.float64)
    return rasterize_camera(TriangleMesh(vertices=vertices, faces=BODY.faces), camera).depth


def write_depth(path: Path, metres: np.ndarray) -> Path:
    cv2.imwrite(str(path), encode_depth_mm(np.where(np.isfinite(metres), metres, WALL_M)))
    return path


def write_pair(folder: Path, person: BodyParameters, camera: Camera = CAMERA) -> tuple[str, str]:
    cv2.imwrite(str(folder / "color.png"), picture_of_frame(0))
    return str(folder / "color.png"), str(write_depth(folder / "depth.png", depth_of(person, camera)))


def errors_mm(path: Path, person: BodyParameters) -> tuple[float, float]:
    """Rooted mean over the joints, and of the root, of the first frame."""
    found, true = read_body_track(path).joints[0], BODY.pose(person[:1]).joints[0]
    rooted = np.linalg.norm((found - found[:1]) - (true - true[:1]), axis=-1).mean()
    return 1000 * float(rooted), 1000 * float(np.linalg.norm(found[0] - true[0]))


def told_of(capsys: pytest.CaptureFixture) -> tuple[dict, str]:
    heard = capsys.readouterr()
    (figures,) = json.loads(heard.out)["footage"]
    return figures, " ".join(heard.err.split())


def test_two_aligned_files_give_a_body_a_model_and_an_overlay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    person = walker(1, AT)
    use(monkeypatch, [person])
    out, glb, overlay = (tmp_path / "out" / name for name in ("b.npz", "b.glb", "seen.png"))
    words = ["estimate", "rgbd", *write_pair(tmp_path, person), "--K", *K, "--out", str(out), "--glb", str(glb)]
    assert main([*words, "--overlay", str(overlay), "--json"]) == 0
    figures, _ = told_of(capsys)
    one = figures["people"]["person00"]
    assert one["used"] == {"both": 1}
    assert one["by_frame"][0]["note"] == ""
    assert one["distance_m_median"] == pytest.approx(2.5, abs=0.05)
    rooted, root = errors_mm(out, person)
    assert rooted < 40  # the point network alone: 40 mm on people it has not seen
    assert root < 30
    with np.load(out) as stored:
        assert stored["used"].tolist() == ["both"]
        assert stored["T_world_camera"].shape == (1, 4, 4)
    assert glb.read_bytes()[:4] == b"glTF"
    assert np.asarray(cv2.imread(str(overlay))).shape == (CAMERA.height, CAMERA.width, 3)


@pytest.mark.slow
def test_depth_of_a_camera_of_its_own_and_a_wrong_place_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    person = walker(1, AT)
    use(monkeypatch, [person])
    pair = write_pair(tmp_path, person, DEPTH)
    words = ["estimate", "rgbd", *pair, "--K", *K, "--depth-K", "150", "150", "95.5", "95.5", "--json"]
    words += ["--out", str(tmp_path / "b.npz"), "--T-color-depth"]
    right = DEPTH.T_world_camera[:3].copy()
    assert main([*words, *(f"{value:g}" for value in right.ravel())]) == 0
    assert told_of(capsys)[0]["people"]["person00"]["used"] == {"both": 1}
    assert errors_mm(tmp_path / "b.npz", person)[1] < 30
    right[1, 3] += 0.2
    main([*words, *(f"{value:g}" for value in right.ravel())])
    figures, said = told_of(capsys)
    assert figures["people"]["person00"]["used"] != {"both": 1}
    assert "disagree" in said


def test_depth_without_the_person_and_a_picture_without_them_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    person = walker(1, AT)
    use(monkeypatch, [person])
    color, depth = write_pair(tmp_path, person)
    words = ["estimate", "rgbd", color, depth, "--K", *K, "--json"]
    cv2.imwrite(depth, np.zeros((CAMERA.height, CAMERA.width), np.uint16))
    assert main(words) == 0
    figures, said = told_of(capsys)
    assert figures["people"]["person00"]["used"] == {"picture": 1}
    assert "no depth was measured on the person" in said
    metres = depth_of(person, CAMERA)
    write_depth(Path(depth), metres)
    use(monkeypatch, [person], seen=False)
    assert main(words) == 1
    assert "no person was found" in capsys.readouterr().err
    mask = tmp_path / "mask.png"
    cv2.imwrite(str(mask), np.where(np.isfinite(metres), 255, 0).astype(np.uint8))
    assert main([*words, "--mask", str(mask)]) == 0
    figures, said = told_of(capsys)
    assert figures["people"]["person00"]["used"] == {"depth": 1}
    assert "nobody was found in the picture" in said


def write_r3d(path: Path, person: BodyParameters, quarters: int, frames: int = 2) -> None:
    """A phone that was held so that its pictures, turned by so many quarters, are upright; depth has low confidence."""
    stored = turned(CAMERA, -quarters)
    level = np.diag([1.0, -1, -1, 1])  # of ARKit's world, y up, in the axes of an upright OpenCV camera
    T = level @ stored.T_world_camera @ np.diag([1.0, -1, -1, 1])
    metres = np.rot90(np.where(np.isfinite(depth_of(person, CAMERA)), depth_of(person, CAMERA), WALL_M), -quarters)
    metres = np.ascontiguousarray(metres, np.float32)
    belief = np.full(metres.shape, 2, np.uint8)
    metres[::7], belief[::7] = metres[::7] + 0.5, 0  # lies, and says so
    metadata = {
        "w": stored.width, "h": stored.height, "dw": metres.shape[1], "dh": metres.shape[0], "fps": 30,
        "K": stored.K.T.ravel().tolist(), "initPose": [0, 0, 0, 1, 0, 0, 0],
        "poses": [[*Rotation.from_matrix(T[:3, :3]).as_quat().tolist(), 0.001 * n, 0, 0] for n in range(frames)],
        "frameTimestamps": [100 + n / 30 for n in range(frames)],
    }  # fmt: skip
    image = np.ascontiguousarray(np.rot90(picture_of_frame(0), -quarters))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata", json.dumps(metadata))
        for n in range(frames):
            archive.writestr(f"rgbd/{n}.jpg", cv2.imencode(".jpg", image)[1].tobytes())
            archive.writestr(f"rgbd/{n}.depth", liblzfse.compress(metres.tobytes()))
            archive.writestr(f"rgbd/{n}.conf", liblzfse.compress(belief.tobytes()))


@pytest.mark.parametrize("quarters", [pytest.param(0, marks=pytest.mark.slow), 3])
def test_a_phones_recording_however_it_was_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, quarters: int
) -> None:
    person = walker(1, AT)
    use(monkeypatch, [person])
    write_r3d(tmp_path / "walk.r3d", person, quarters)
    source = tmp_path / "walk.r3d"
    if quarters:
        import_recording(source, tmp_path / "session")
        source = tmp_path / "session"
    assert main(["estimate", "rgbd", str(source), "--out", str(tmp_path / "b.npz"), "--json"]) == 0
    figures, _ = told_of(capsys)
    one = figures["people"]["person00"]
    assert figures["frame"] == "the phone's world, z up"
    assert one["used"] == {"both": 2}
    assert one["cloud_to_body_mm_median"] < 30  # a seventh of the pixels lie 0.5 m off, with low confidence
    joints = read_body_track(tmp_path / "b.npz").joints[0]
    true = transform(np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]]), BODY.pose(person).joints[0])
    assert np.linalg.norm(joints - true, axis=1).mean() < 0.05


def test_a_device_of_a_session_in_its_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    person = walker(1, AT)
    use(monkeypatch, [person])
    place = look_at(np.array([0.0, -2.5, 1.2]), np.array([0.0, 0.0, 1.0]))
    folder = tmp_path / "take"
    cameras = [
        replace(CAMERA.at(place), name="k/color"),
        replace(DEPTH.at(place @ DEPTH.T_world_camera), name="k/depth"),
    ]
    metres = depth_of(person, DEPTH)
    depth = encode_depth_mm(np.where(np.isfinite(metres), metres, WALL_M))
    with McapWriter(folder / "recording/rig.mcap", {}) as to:
        to.add_stream("/k/color", "png", {"width": str(CAMERA.width), "height": str(CAMERA.height)})
        to.add_stream("/k/depth", "dzp", {"width": str(DEPTH.width), "height": str(DEPTH.height)})
        to.write("/k/color", cv2.imencode(".png", picture_of_frame(0))[1].tobytes(), device_us=5, host_us=5)
        to.write("/k/depth", depth_codec.encode(depth), device_us=5, host_us=5)
    file = "recording/rig.mcap"
    streams = [
        StreamInfo(
            name="k/color", kind="color", file=file, topic="/k/color", encoding="png", frames=1, width=CAMERA.width,
            height=CAMERA.height,
        ),
        StreamInfo(
            name="k/depth", kind="depth", file=file, topic="/k/depth", encoding="dzp", frames=1, width=DEPTH.width,
            height=DEPTH.height,
        ),
    ]  # fmt: skip
    session = Session.create(folder, streams=streams, origin="test")
    words = ["estimate", "rgbd", str(folder), "--views", "k", "--out", str(tmp_path / "b.npz"), "--json"]
    assert main(words) == 1
    assert "not matched in time" in capsys.readouterr().err
    index = {"k/color": 0, "k/depth": 0}
    write_instants(
        session.path("sync", "frames.parquet"),
        [Instant(instant=3, time_us=5, index=index, offset_us=dict.fromkeys(index, 0))],
    )
    write_cameras(session.path("calibration", "cameras.json"), cameras, source="test")
    assert main(words) == 0
    figures, _ = told_of(capsys)
    assert figures["frame"] == "the session's world"
    assert figures["people"]["person00"]["used"] == {"both": 1}
    track = read_body_track(tmp_path / "b.npz")
    assert track.instants.tolist() == [3]
    true = transform(place, BODY.pose(person).joints[0])
    assert np.linalg.norm(track.joints[0] - true, axis=1).mean() < 0.05
    assert main([*words, "--views", "other"]) == 1
    assert "no such device" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["c.png", "d.png"], "say the lens of c.png with --K"),
        (["c.png", "none.png", "--K", *K], "there is no depth image at"),
        pytest.param(["none.png", "d.png", "--K", *K], "there is no picture at", marks=pytest.mark.slow),
        (["c.png", "c.png", "--K", *K], "a depth image is a PNG of one channel with 16 bits"),
        pytest.param(["d.png", "c.png", "--K", *K], "depth images have", marks=pytest.mark.slow),
        (["c.png", "small.png", "--K", *K], "they are not aligned"),
        (["c.png", "d.png", "--K", *K, "--unit", "m"], "2500 m away and farther, if its unit is m"),
        (["c.png", "d.png", "--K", "0", *K[1:]], "focal lengths must be above 0"),
        pytest.param(["c.png", "d.png", "--K", *K[:2], "4000", "3000"], "of another size", marks=pytest.mark.slow),
        pytest.param(["c.png", "d.png", "--K", *K, "--mask", "d.txt"], "is no picture", marks=pytest.mark.slow),
        (["c.png", "d.png", "--K", *K, "--T-color-depth", *"100001000010"], "say its lens too"),
        pytest.param(
            ["c.png", "d.png", "--K", *K, "--depth-K", *K, "--T-color-depth", *"200001000010"],
            "no rotation",
            marks=pytest.mark.slow,
        ),
        (["c.png", "d.png", "--K", *K, "--depth-K", *K, "--T-color-depth", *"100901000010"], "give metres"),
        pytest.param(["c.png", "d.png", "--K", *K, "--views", "k"], "are for sessions", marks=pytest.mark.slow),
        (["c.png"], "give the depth image beside it"),
        pytest.param(["nothing.r3d"], "there is nothing at", marks=pytest.mark.slow),
        (["broken.r3d"], "is no whole .r3d archive"),
        pytest.param(["c.png", "d.png", "--K", *K, "--people", "0"], "expected 1 or more", marks=pytest.mark.slow),
    ],
)
def test_bad_input_is_said_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, words: list[str], said: str
) -> None:
    use(monkeypatch, [walker(1, AT)])
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("c.png", picture_of_frame(0))
    cv2.imwrite("d.png", np.full((CAMERA.height, CAMERA.width), 2500, np.uint16))
    cv2.imwrite("small.png", np.full((64, 64), 2500, np.uint16))
    (tmp_path / "d.txt").write_text("no picture")
    (tmp_path / "broken.r3d").write_bytes(b"PK\x03\x04 cut short")
    assert main(["estimate", "rgbd", *words, "--json"]) == 1
    heard = capsys.readouterr().err
    assert said in " ".join(heard.split())
    assert "Traceback" not in heard
