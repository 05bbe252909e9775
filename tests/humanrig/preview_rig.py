"""A small virtual rig with pictures that can be told apart, and a control that only remembers what it was asked."""

import numpy as np
import simplejpeg

from capture import depth_codec
from capture.device import DeviceDescription, DeviceStream
from capture.errors import CaptureError
from capture.recorder.live_rig import LiveRig
from capture.session_info import DeviceInfo
from capture.virtual.clocks import ClockEffects, draw_clocks
from capture.virtual.driver import RigTime, VirtualDriver
from capture.virtual.frame_sources import RenderedFrames
from humanrig.live.control import RigStatus, TakeVerdict

WIDTH, HEIGHT = 640, 360


def color_picture(number, width=WIDTH, height=HEIGHT):
    """A grey room with a person-sized bar that walks to the right; the room's tint tells the device."""
    image = np.full((height, width, 3), (70 + 12 * (number % 10), 90, 150 - 9 * (number % 10)), np.uint8)
    image[int(height * 0.8) :] //= 2
    return image


def person_at(image, index):
    height, width = image.shape[:2]
    x = width // 5 + (index * width // 60) % (width * 3 // 5)
    image[height // 6 : height * 9 // 10, x : x + width // 12] = (200, 160, 130) if image.ndim == 3 else 1500
    return image


def depth_picture(width=320, height=288):
    depth = np.linspace(4500, 1200, height, dtype=np.uint16)[:, None].repeat(width, 1)
    depth[:, :20] = 0
    return depth


class Pictures:
    """Renders encoded frames; the last 8 pictures of a cycle are kept."""

    def __init__(self, number, size=(WIDTH, HEIGHT), depth_size=(320, 288), quality=85):
        self._color = [
            simplejpeg.encode_jpeg(person_at(color_picture(number, *size), 4 * k), quality=quality, colorspace="RGB")
            for k in range(8)
        ]
        self._depth = [depth_codec.encode(person_at(depth_picture(*depth_size), 4 * k)) for k in range(8)]

    def __call__(self, stream, index):
        return (self._color if stream.endswith("color") else self._depth)[index // 4 % 8]


def make_devices(count=2, *, seconds=60.0, size=(WIDTH, HEIGHT), depth_size=(320, 288), free=(), effects=None):
    """Kinects on one cable, and free devices with a clock of their own."""
    names = [f"kinect_{k:03d}" for k in range(count)]
    drawn = draw_clocks(names, list(free), effects=effects or ClockEffects.quiet(), seed=0)
    time = RigTime(master=names[0])
    return [
        VirtualDriver(
            name,
            RenderedFrames(describe(name, k, size, depth_size), Pictures(k, size, depth_size), seconds=seconds),
            drawn[name],
            time,
        )
        for k, name in enumerate([*names, *free])
    ]


def describe(name, number, size=(WIDTH, HEIGHT), depth_size=(320, 288)):
    kinect = name.startswith("kinect")
    return DeviceDescription(
        info=DeviceInfo(
            name=name,
            model="azure-kinect" if kinect else "iphone",
            serial=f"{name}-s",
            clock="pulse" if kinect else name,
            sync=("subordinate" if number else "master") if kinect else "standalone",
        ),
        streams=tuple(
            DeviceStream(name=f"{name}/{kind}", kind=kind, encoding=code, rate_hz=30.0, width=w, height=h)
            for kind, code, (w, h) in (("color", "jpeg", size), ("depth", "dzp", depth_size))
        ),
    )


def make_rig(count=2, **options):
    return LiveRig(make_devices(count, **options))


class RememberingControl:
    """A RigControl whose takes are nothing but a state."""

    def __init__(self, **values):
        self.state, self.calls, self.refusal = "idle", [], ""
        self.values = {
            "session": "20260301T101500_walk",
            "subject": "p000012",
            "action": "011",
            "prompt": "Walk to the far end, turn on your left foot and come back.",
            "next_prompt": "Lift both arms to the side until they are level with your shoulders.",
            "disk_free_bytes": 412_000_000_000,
            "disk_left_s": 3060.0,
            **values,
        }

    def status(self):
        return RigStatus(state=self.state, seconds=12.0 if self.state == "recording" else 0.0, **self.values)

    def start(self):
        if self.refusal:
            raise CaptureError(self.refusal)
        self.calls.append("start")
        self.state = "recording"

    def stop(self):
        self.calls.append("stop")
        self.state = "idle"
        self.values["verdict"] = TakeVerdict(keep=True, lines=("12.0 s, no frame lost",), session="walk")
