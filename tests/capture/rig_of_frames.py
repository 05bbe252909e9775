"""Small devices with frames that can be told apart, and sessions to play, for the tests of the recorder."""

import numpy as np

from capture import depth_codec
from capture.device import DeviceStream
from capture.mcap_recording import McapWriter
from capture.session import Session
from capture.session_info import DeviceInfo
from geometry.camera import Camera
from geometry.camera_files.cameras_json import write_cameras

PERIOD_US = 33_333
JPEG = None


def jpeg(number, size=(16, 8)):
    """A JPEG whose grey says its number."""
    import simplejpeg

    image = np.full((size[1], size[0], 3), number % 256, np.uint8)
    return simplejpeg.encode_jpeg(image, quality=95)


def depth(number, size=(16, 8)):
    """A depth image whose value is its number."""
    return depth_codec.encode(np.full((size[1], size[0]), number % 65536, np.uint16))


def write_playable(folder, devices=3, frames=60, pad=0):
    """A session of wired devices, the first the master, with real JPEG and dzp frames; `pad` bytes behind each JPEG."""
    streams = []
    for d in range(devices):
        name = f"kinect_{d:03d}"
        streams.append(
            DeviceStream(name=f"{name}/color", kind="color", encoding="jpeg", rate_hz=30.0, width=16, height=8)
        )
        streams.append(
            DeviceStream(name=f"{name}/depth", kind="depth", encoding="dzp", rate_hz=30.0, width=16, height=8)
        )
    with McapWriter(folder / "recording" / "rig.mcap", {"kinect_001/calibration.json": b"{}"}) as writer:
        for stream in streams:
            writer.add_stream(f"/{stream.name}", stream.encoding)
        for k in range(frames):
            for stream in streams:
                us = 1_000_000 + k * PERIOD_US
                data = jpeg(k) + bytes(pad) if stream.kind == "color" else depth(k)
                writer.write(f"/{stream.name}", data, device_us=us, host_us=us + 40_000_000)
    cameras = [
        Camera(name=s.name, K=np.array([[10.0, 0, 7.5], [0, 10.0, 3.5], [0, 0, 1]]), width=16, height=8)
        for s in streams
    ]
    write_cameras(folder / "recording" / "cameras.json", cameras, source="test")
    Session.create(
        folder,
        streams=[s.recorded("recording/rig.mcap", frames) for s in streams],
        devices=[
            DeviceInfo(name=f"kinect_{d:03d}", serial=str(d), sync="subordinate" if d else "master")
            for d in range(devices)
        ],
        origin="virtual",
    )
    return folder
