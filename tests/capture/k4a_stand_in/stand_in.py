"""The compiled stand-in of the Azure Kinect SDK, as tests use it."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from capture.azure_kinect.library import K4aLibrary
from geometry.camera import Camera
from geometry.camera_files.azure_kinect_writing import calibration_json
from geometry.rigid import from_rotvec

T_DEPTH_COLOR = from_rotvec(np.array([0.08, 0.01, 0.0]), np.array([0.032, 0.002, -0.004]))
DEPTH_CAMERA = Camera(name="d", K=np.array([[252.0, 0, 159], [0, 252, 145], [0, 0, 1]]), width=320, height=288)
COLOR_CAMERA = Camera(
    name="c",
    K=np.array([[608.0, 0, 640], [0, 608, 366], [0, 0, 1]]),
    width=1280,
    height=720,
    T_world_camera=T_DEPTH_COLOR,
)
PICTURES = tuple(simplejpeg.encode_jpeg(np.full((720, 1280, 3), 40 * k, np.uint8)) for k in range(4))


def build(folder):
    """Compiles the library; skips where there is no compiler."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc, which builds the stand-in of the device library")
    sources = sorted(Path(__file__).parent.glob("*.c"))
    path = folder / "libk4a.so"
    subprocess.run(
        ["gcc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", path]
        + [str(source) for source in sources]
        + ["-lpthread"],
        check=True,
    )
    return path


def depth_pattern(place, index, kind="depth", width=320, height=288):
    """What the stand-in's depth camera sees in its index-th frame."""
    y, x = np.mgrid[:height, :width]
    image = 500 + x + 3 * y + 17 * (index % 50) + 101 * place + 1000 * (kind == "ir")
    return np.where(x % 7 == 0, 0, image).astype(np.uint16)


class StandIn:
    """Virtual devices behind the SDK's interface."""

    def __init__(self, path):
        self.library = K4aLibrary.load(path)
        self._c = ctypes.CDLL(str(path))
        self._c.stand_in_calls.restype = ctypes.c_char_p
        self._c.stand_in_reset()
        self.library.places.clear()

    def add(self, serial, calibration=None, pictures=PICTURES, **faults):
        """One more device; `faults` as the C source names them."""
        calibration = calibration or calibration_json(DEPTH_CAMERA, COLOR_CAMERA, serial)
        place = self._c.stand_in_add(serial.encode(), calibration.encode())
        for picture in pictures:
            self._c.stand_in_picture(place, picture, ctypes.c_size_t(len(picture)))
        self.set(place, **faults)
        return place

    def chain(self, count, **faults):
        """Devices 000000, 000001, … with cables as in a chain."""
        for k in range(count):
            self.add(f"{k:06d}", cable_in=k > 0, cable_out=k < count - 1, **faults)

    def set(self, place, **faults):
        """Makes a device misbehave from now on."""
        for key, value in faults.items():
            self._c.stand_in_set(place, key.encode(), ctypes.c_int64(int(value)))

    @property
    def calls(self):
        """What was asked of the devices, in order."""
        return self._c.stand_in_calls().decode().split(";")[:-1]

    @property
    def outstanding(self):
        """Images and captures that were not released."""
        return self._c.stand_in_outstanding()
