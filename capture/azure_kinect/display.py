"""Whether live depth can be computed here: the SDK's depth engine needs libGL, libX11 and an X display."""

from __future__ import annotations

import ctypes
import os


def display_problem() -> str | None:
    """Why the depth engine cannot run, with the next step; None when it can be tried.

    Recording files, playing them back and the colour camera alone need none of it.
    """
    for library, package in (("libGL.so.1", "libgl1"), ("libX11.so.6", "libx11-6")):
        try:
            ctypes.CDLL(library)
        except OSError:
            return (
                f"{library} is missing, which the Azure Kinect's depth engine needs; install it (apt install {package})"
            )
    name = os.environ.get("DISPLAY", "")
    if not name:
        return (
            "DISPLAY is not set, and the Azure Kinect's depth engine needs an X display with OpenGL; log in at the "
            "computer's desktop, or start an X server and set DISPLAY"
        )
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype, x11.XOpenDisplay.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
    x11.XCloseDisplay.argtypes = [ctypes.c_void_p]
    display = x11.XOpenDisplay(name.encode())
    if not display:
        return f"the X display '{name}' does not answer, which the Azure Kinect's depth engine needs; correct DISPLAY"
    x11.XCloseDisplay(display)
    return None
