"""What other programs read from the files that `humanrig export --format native` writes, beside what was recorded.

Usage: python scripts/measure_native_files.py SESSION [--keep FOLDER]
       python scripts/measure_native_files.py            # simulates a rig first: 2 Kinects, a RealSense unit, a phone
Prints a Markdown table: a row for each device, file and reader.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import sys  # noqa: E402
import tempfile  # noqa: E402
from collections.abc import Callable  # noqa: E402
from dataclasses import replace  # noqa: E402
from pathlib import Path  # noqa: E402

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

import tyro  # noqa: E402
from native_files.kinect_readers import with_libk4arecord, with_open3d, with_pyav  # noqa: E402
from native_files.kinect_rewriting import with_libk4arecords_writer  # noqa: E402
from native_files.other_readers import with_folder, with_librealsense, with_sqlite, with_zipfile  # noqa: E402
from native_files.reading import Reading, compared, projector, recorded  # noqa: E402
from tyro.conf import Positional  # noqa: E402

from capture.importers.detect import import_recording  # noqa: E402
from capture.iphone.message import PhoneMessage  # noqa: E402
from capture.session import Session  # noqa: E402
from geometry.camera import Camera  # noqa: E402
from humanrig.export import export_session  # noqa: E402
from humanrig.simulation import simulate_session  # noqa: E402

Reader = Callable[[Path], Reading]
READERS: dict[str, tuple[str, dict[str, Reader]]] = {
    "azure_kinect": (
        ".mkv",
        {"libk4arecord 1.4.2": with_libk4arecord, "Open3D": with_open3d, "PyAV (FFmpeg)": with_pyav},
    ),
    "realsense": (".db3", {"librealsense": with_librealsense, "SQLite and OpenCV": with_sqlite}),
    "record3d": (".r3d", {"zipfile and liblzfse": with_zipfile}),
    "stray_scanner": ("", {"PyAV, OpenCV, numpy": with_folder}),
}
"""By folder of the export: the ending of its files and who reads them beside our importers."""


def main(session: Positional[Path | None] = None, keep: Path | None = None) -> None:
    """Exports, reads and compares.

    Args:
        session: A session with Kinects, RealSense units or phones; simulated when none is given.
        keep: Where the files stay; else they are deleted.
    """
    with tempfile.TemporaryDirectory() as place:
        taken = Session.open(session) if session else _simulated(Path(place) / "take")
        files = keep or Path(place) / "native"
        export_session(taken, "native", files)
        print("| file | reader | frames | time us | lens px | 16-bit images | colour |")
        print("|---|---|---|---|---|---|---|")
        for folder, (suffix, readers) in READERS.items():
            for path in sorted((files / folder).glob(f"*{suffix}")) if (files / folder).is_dir() else ():
                _rows(taken, path, path.name.removesuffix(suffix), readers, Path(place))


def _rows(session: Session, path: Path, device: str, readers: dict[str, Reader], place: Path) -> None:
    true, cameras = recorded(session, device), _cameras(session, device)
    for name, read in readers.items():
        print(compared(path.name, name, read(path), true, cameras), flush=True)
    made = import_recording(path, place / f"made_{path.name}_{path.parent.name}")
    print(compared(path.name, "humanrig import", _of_session(made), true, cameras), flush=True)
    if path.suffix == ".mkv":
        written = with_libk4arecords_writer(session, device, place / f"theirs_{path.name}")
        for name, read in (("libk4arecord 1.4.2", with_libk4arecord), ("PyAV (FFmpeg)", with_pyav)):
            print(compared("written by libk4arecord", name, read(written), true, cameras), flush=True)
        made = import_recording(written, place / f"made_theirs_{path.name}")
        print(compared("written by libk4arecord", "humanrig import", _of_session(made), true, cameras), flush=True)


def _of_session(made: Session) -> Reading:
    """The only device of an imported session."""
    (device,) = made.devices
    if made.stream(f"{device}/color").encoding == "jpeg":
        found = recorded(made, device)
        found.pixels = []
    else:  # PNG or a video
        found = Reading()
        for stream in made.info.streams:
            if stream.kind == "color":
                found.times_us["color"] = made.timestamps_us(stream.name)[0].tolist()
                for frame in made.frames(stream.name):
                    found.add_color(rgb=frame.payload)
        rest = replace(made.info, streams=[s for s in made.info.streams if s.kind != "color"])
        others = recorded(Session(made.folder, rest), device)
        found.times_us |= others.times_us
        found.counts |= others.counts
        found.digests |= others.digests
    found.project = projector(_cameras(made, device))
    return found


def _cameras(session: Session, device: str) -> dict[str, Camera]:
    """Of the recording by kind; of a phone those of its first frame."""
    cameras = session.recorded_camera_file().cameras
    found = {kind: cameras[f"{device}/{kind}"] for kind in ("color", "depth") if f"{device}/{kind}" in cameras}
    said = session.streams.get(f"{device}/imu")
    if said is not None and "T_arkit_camera" in (first := session.frame(said.name, 0).payload):
        color = replace(found["color"], K=PhoneMessage.of(first).K)
        depth = color.resized(found["depth"].width, found["depth"].height)
        found = {"color": color, "depth": depth}
    return found


def _simulated(folder: Path) -> Session:
    return simulate_session(folder, cameras=2, realsense=1, phones=1, seconds=1.0, infrared=True)


if __name__ == "__main__":
    tyro.cli(main)
