"""Errors that speak to the user, and what they say: light to import, for workers too."""

from __future__ import annotations

import errno

from capture.disk_space import is_full


def expected_errors() -> tuple[type[BaseException], ...]:
    """Errors that speak to the user: the base class of each package, and files that cannot be read or written."""
    from body.errors import BodyError
    from calibration.errors import CalibrationError
    from capture.errors import CaptureError
    from geometry.errors import GeometryError
    from hps.errors import HpsError
    from humanrig.errors import HumanrigError
    from registration.errors import RegistrationError
    from texture.errors import TextureError

    ours = (GeometryError, BodyError, CaptureError, CalibrationError, RegistrationError, TextureError, HpsError)
    return (*ours, HumanrigError, PermissionError, FileNotFoundError, OSError)


def in_words(error: BaseException) -> str:
    """The sentence of an error; a system's own error with what to do about it."""
    if isinstance(error, OSError) and is_full(error):
        return f"the disk is full ({error}); free some space and run the same command again: finished stages are kept"
    if isinstance(error, OSError) and error.errno == errno.EROFS:
        return f"{error.filename} cannot be written, its file system is read-only; copy the folder to another disk"
    return str(error)
