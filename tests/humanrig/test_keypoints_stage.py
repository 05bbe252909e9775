"""The stage `keypoints` on a recording whose pictures say, by their colour, which instant they show."""

import dataclasses
import json

import numpy as np
import pytest
import simplejpeg

from capture.frame_sets import Instant, write_instants
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import StreamInfo
from geometry.camera import Camera
from geometry.camera_files.cameras_json import write_cameras
from geometry.rigid import look_at
from humanrig.stage import StageContext
from humanrig.stages import keypoints
from registration.errors import RegistrationError
from registration.keypoints.detector import Person2D
from registration.keypoints.sets import BLAZEPOSE
from registration.keypoints.track import read_track

T = 6
RNG = np.random.default_rng(0)
PERSON = np.stack([RNG.uniform(-0.3, 0.3, 33), RNG.uniform(-0.3, 0.3, 33), RNG.uniform(0.1, 1.7, 33)], -1)


def cameras():
    K = np.array([[400.0, 0, 319.5], [0, 400, 239.5], [0, 0, 1]])
    eyes = [(2.5, 0, 1), (0, 2.5, 1.4), (-2.5, 0.3, 1.2)]
    return [
        Camera(
            name=f"cam{i}/color",
            K=K,
            width=640,
            height=480,
            T_world_camera=look_at(np.array(eye), np.array([0, 0, 1.0])),
        )
        for i, eye in enumerate(eyes)
    ]


class Reads:
    """Reads the camera and the instant off the colour of the picture and answers with the person's projection."""

    keypoints = BLAZEPOSE
    fingerprint = "reads"
    blind = ()

    def __init__(self, *_):
        self.detector = self.landmarks = self.options = None

    def detect(self, image, previous=(), search=True):
        camera, instant = (round(float(v) / 20) for v in image.reshape(-1, 3).mean(0)[:2])
        if camera in self.blind:
            return []
        q = cameras()[camera].project(PERSON + [0.01 * instant, 0, 0])
        return [Person2D(q=q, visibility=np.full(33, 0.9), score=0.9, pixel_size=1.5)]


@pytest.fixture
def context(tmp_path, monkeypatch):
    monkeypatch.setattr(keypoints, "make_detector", lambda *_: Reads())
    monkeypatch.setattr(keypoints, "BlazePose", Reads)
    monkeypatch.setattr(Reads, "blind", ())
    folder = tmp_path / "take"
    names = [camera.name for camera in cameras()]
    with McapWriter(folder / "recording/rig.mcap") as writer:
        for c, name in enumerate(names):
            writer.add_stream(f"/{name}", "jpeg")
            for t in range(T):
                picture = np.full((16, 16, 3), (20 * c, 20 * t, 0), np.uint8)
                data = simplejpeg.encode_jpeg(picture, quality=98, colorsubsampling="444")
                writer.write(f"/{name}", data, device_us=33_333 * t, host_us=33_333 * t)
    file = "recording/rig.mcap"
    streams = [StreamInfo(name=n, kind="color", file=file, topic=f"/{n}", encoding="jpeg", frames=T) for n in names]
    session = Session.create(folder, origin="test", streams=streams)
    index = [{n: t if (n, t) != ("cam1/color", 3) else -1 for n in names} for t in range(T)]
    zero = dict.fromkeys(names, 0)
    write_instants(
        session.path("sync", "frames.parquet"),
        [Instant(instant=10 + t, time_us=33_333 * t, index=index[t], offset_us=zero) for t in range(T)],
    )
    session.path("calibration").mkdir()
    write_cameras(
        session.path("calibration", "cameras.json"), {camera.name: camera for camera in cameras()}, source="test"
    )
    output = tmp_path / "out"
    output.mkdir()
    return StageContext(
        session=session,
        output=output,
        config=keypoints.KeypointsConfig(workers=2),
        instants=[10, 11, 12, 13, 14, 15],
        without=frozenset(),
        progress=lambda done, total: None,
    )


def test_the_stage_writes_the_person(context):
    figures = keypoints.run(context)
    track = read_track(context.output / "person00.npz")
    expected = PERSON + 0.01 * np.arange(T)[:, None, None] * [1, 0, 0]
    np.testing.assert_allclose(track.p_world, expected, atol=2e-6)  # detections are kept as float32 pixels
    assert track.streams == ["cam0/color", "cam1/color", "cam2/color"]
    assert track.instants.tolist() == context.instants
    assert np.isnan(track.q[3, 1]).all()  # the hole
    assert track.used.sum() == (3 * T - 1) * 33
    assert json.loads(json.dumps(figures))["reprojection_px"]["median"] < 0.001
    assert figures["cameras"]["cam1/color"]["instants_seen"] == T - 1


def test_devices_can_be_left_out(context):
    keypoints.run(dataclasses.replace(context, without=frozenset({"cam0"}), instants=[11, 12]))
    track = read_track(context.output / "person00.npz")
    assert track.streams == ["cam1/color", "cam2/color"]
    assert track.instants.tolist() == [11, 12]
    with pytest.raises(RegistrationError, match=r"at least 2 colour streams, 1 in use \(cam2/color\)"):
        keypoints.run(dataclasses.replace(context, without=frozenset({"cam0", "cam1"})))


def test_cameras_that_saw_nobody_are_named(context, monkeypatch):
    monkeypatch.setattr(Reads, "blind", (0, 2))
    with pytest.raises(RegistrationError, match=r"nobody was found by cam0/color, cam2/color"):
        keypoints.run(context)


def test_a_stream_without_a_camera_is_named(context):
    path = context.session.path("calibration", "cameras.json")
    write_cameras(path, cameras()[:2], source="test")
    with pytest.raises(RegistrationError, match=r"no camera 'cam2/color'.*--without cam2"):
        keypoints.run(context)
