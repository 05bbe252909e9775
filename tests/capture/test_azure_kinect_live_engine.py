"""The maker's own depth engine, without a device: what it says without a display, and that it starts with one."""

import os
import shutil
import subprocess
import sys
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_void_p, create_string_buffer

import pytest
from k4a_stand_in.stand_in import COLOR_CAMERA, DEPTH_CAMERA

from capture.azure_kinect.finding import SETTING, LibraryUnavailable, find_library
from capture.azure_kinect.library import K4aLibrary, open_shared
from capture.azure_kinect.messages import reason_of
from capture.azure_kinect.structures import DEPTH16, Handle
from geometry.camera_files.azure_kinect_writing import calibration_json

FUNCTIONS = {
    "k4a_calibration_get_from_raw": (c_int, (c_char_p, c_size_t, c_int, c_int, c_void_p)),
    "k4a_transformation_create": (c_void_p, (c_void_p,)),
    "k4a_transformation_depth_image_to_color_camera": (c_int, (Handle, Handle, Handle)),
    "k4a_image_create": (c_int, (c_int, c_int, c_int, c_int, POINTER(Handle))),
}
CALIBRATION_BYTES = 8192
"""More than k4a_calibration_t has."""


def start_engine():
    """The part of the engine that warps images needs what the part that computes depth needs."""
    library = K4aLibrary.load()
    c = open_shared(library.files.k4a, FUNCTIONS)
    raw = calibration_json(DEPTH_CAMERA, COLOR_CAMERA, "1").encode() + b"\0"
    calibration, depth, warped = create_string_buffer(CALIBRATION_BYTES), Handle(), Handle()
    with library.log.collecting() as messages:
        assert c.k4a_calibration_get_from_raw(raw, len(raw), 1, 1, calibration) == 0
        engine = c.k4a_transformation_create(calibration)
        if engine:
            c.k4a_image_create(DEPTH16, 320, 288, 640, byref(depth))
            c.k4a_image_create(DEPTH16, 1280, 720, 2560, byref(warped))
            assert c.k4a_transformation_depth_image_to_color_camera(engine, depth, warped) == 0
    sys.stdout.write("started" if engine else reason_of(messages))


def run(*command):
    try:
        find_library()
    except LibraryUnavailable as error:
        pytest.skip(f"needs the SDK: {error}")
    env = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", SETTING)}
    code = "import test_azure_kinect_live_engine as t; t.start_engine()"
    done = subprocess.run(
        [*command, sys.executable, "-c", code],
        env={**env, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_without_a_display_the_reason_and_the_next_step_are_told():
    said = run()
    if "libGL" in said:
        pytest.skip("this system has no libGL")
    assert said.startswith("Transform engine create and initialize failed with error code: 204")
    assert said.endswith("depth needs OpenGL and an X display: set DISPLAY to a running X server")


@pytest.mark.slow
def test_with_a_display_it_starts():
    if shutil.which("xvfb-run") is None:
        pytest.skip("needs xvfb-run")
    assert run("xvfb-run", "-a") == "started"
