"""A take whose pictures say, by their colour, which camera took them and at which instant, and who reads them."""

import numpy as np
import simplejpeg

from capture.frame_sets import Instant, write_instants
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import StreamInfo
from geometry.camera import Camera
from geometry.camera_files.cameras_json import write_cameras
from geometry.rigid import look_at
from registration.keypoints.detector import Person2D
from registration.keypoints.sets import BLAZEPOSE

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
    """Reads the camera and the instant off the colour of the picture and answers with the people's projections."""

    keypoints = BLAZEPOSE
    fingerprint = "reads"
    blind = ()
    people = (0.0,)
    """Where people stand, along x."""

    def __init__(self, *_):
        self.detector = self.landmarks = self.options = None

    def detect(self, image, previous=(), search=True):
        camera, instant = (round(float(v) / 20) for v in image.reshape(-1, 3).mean(0)[:2])
        if camera in self.blind:
            return []
        places = [PERSON + [0.01 * instant + x, 0, 0] for x in self.people]
        seen = [cameras()[camera].project(p) for p in places]
        return [Person2D(q=q, visibility=np.full(33, 0.9), score=0.9, pixel_size=1.5) for q in seen]


def take(folder):
    """A session with frame sets and cameras; the second camera lacks the fourth picture."""
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
    for file in ("calibration/cameras.json", "recording/cameras.json"):
        write_cameras(session.path(file), {camera.name: camera for camera in cameras()}, source="test")
    return session
