"""A session from an .r3d file of the application Record3D.

An .r3d is a zip archive: `metadata` (JSON), `rgbd/N.jpg`, `rgbd/N.depth` (float32 metres, row by row, LZFSE) and
`rgbd/N.conf` (uint8 0 to 2, LZFSE). Of the metadata: `K` (nine numbers, column by column), `perFrameIntrinsicCoeffs`
(fx, fy, cx, cy of each frame), `poses` (qx, qy, qz, qw, x, y, z: camera to world, OpenGL axes, relative to the first
frame), `initPose` (of the first frame), `frameTimestamps` (seconds), `fps`, `w`, `h`, `dw`, `dh`. Source: the
maker's answers in issues 27, 33, 36, 63, 83, 95 and 99 of marek-simonik/record3d.

OpenGL's camera axes are ARKit's, so that nothing is turned. LiDAR recordings are stored upright (portrait) with colour,
depth and K alike, and stay so: camera x is to the right in the picture as it is stored. No file of the application was
at hand; readings and writings of it by others agree with this.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from capture.errors import CaptureError
from capture.importers.layout import Layout
from capture.importers.lzfse import unpacked
from capture.importers.phone_session import PhoneFrame, PhoneRecording, write_phone_session
from capture.iphone.record3d_frames import millimetres
from capture.session import Session
from geometry.npz_files import DAMAGED
from geometry.rigid import rigid
from geometry.told_values import json_of
from geometry.unpacking import check_archive, member

ORIGIN = "record3d"
DEPTH_SHAPES = {256 * 192: (256, 192), 640 * 480: (640, 480), 960 * 720: (960, 720)}
"""Rows and columns by number of pixels, where the metadata lack `dh` and `dw`: LiDAR, TrueDepth, old TrueDepth."""
ASSUMED = (
    "depth rounded to millimetres",
    "camera axes taken as those of the picture as it is stored",
    "lens without distortion",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Metadata:
    """The contents of `metadata`, in our terms."""

    times_s: Float[np.ndarray, "frames"]
    Ks: Float[np.ndarray, "frames 3 3"]
    Ts_arkit_camera: Float[np.ndarray, "frames 4 4"]
    depth_shape: tuple[int, int] | None
    notes: tuple[str, ...]


def is_r3d(source: Path) -> bool:
    """Whether a file is called .r3d; what is in it is looked at when it is imported."""
    return source.suffix.lower() == ".r3d" and source.is_file()


def import_r3d(
    source: Path,
    folder: Path,
    *,
    calibration: Path | None = None,
    session_id: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Session:
    """Makes a session in an empty folder. Colour is copied byte for byte; depth is rounded to millimetres.

    Raises CaptureError when the file is no archive or is cut short, when an entry or a key is missing, and when an
    image is damaged.
    """
    try:
        archive = zipfile.ZipFile(source)
        check_archive(archive, source.stat().st_size)
    except DAMAGED as error:
        raise CaptureError(f"{source} is no whole .r3d archive ({error}); share it from Record3D again") from None
    with archive:
        metadata = _read_metadata(archive, source)
        there = [name for name in archive.namelist() if name.startswith("rgbd/") and name.endswith(".jpg")]
        notes = [*ASSUMED, *metadata.notes]
        if len(there) > len(metadata.times_s):
            notes.append(f"{len(there) - len(metadata.times_s)} pictures after the last pose were left out")
        attachments = {"metadata.json": _entry(archive, source, "metadata")}
        if "sound.m4a" in archive.namelist():
            attachments["sound.m4a"] = _entry(archive, source, "sound.m4a")
        recording = PhoneRecording(
            origin=ORIGIN,
            model="iPhone, Record3D",
            frames=_frames(archive, source, metadata),
            count=len(metadata.times_s),
            notes=notes,
            attachments=attachments,
        )
        return write_phone_session(
            folder, recording, calibration=calibration, session_id=session_id, on_progress=on_progress
        )


def _read_metadata(archive: zipfile.ZipFile, source: Path) -> _Metadata:
    try:
        values: dict[str, Any] = json_of(_entry(archive, source, "metadata"))
        relative = _transforms(np.array(values["poses"], np.float64).reshape(-1, 7))
        frames, notes = len(relative), []
        if not frames:
            raise CaptureError(f"{source} holds no frame; record it again")
        K = np.array(values["K"], np.float64).reshape(3, 3).T
        Ks = np.broadcast_to(K, (frames, 3, 3)).copy()
        if "perFrameIntrinsicCoeffs" in values:
            coefficients = np.array(values["perFrameIntrinsicCoeffs"], np.float64).reshape(frames, 4)
            Ks[:, 0, 0], Ks[:, 1, 1], Ks[:, 0, 2], Ks[:, 1, 2] = coefficients.T
        else:
            notes.append("K of the first frame taken for all")
        if "frameTimestamps" in values:
            times_s = np.array(values["frameTimestamps"], np.float64).reshape(frames)
        else:
            times_s = np.arange(frames) / float(values["fps"])
            notes.append(f"the file has no times of frames: frame number / {values['fps']} Hz taken")
        Ts, note = _in_the_world(relative, values.get("initPose"))
        shape = (int(values["dh"]), int(values["dw"])) if values.get("dh") and values.get("dw") else None
    except KeyError as error:
        raise CaptureError(f"{source}: its metadata have no {error}; export it with a newer Record3D") from None
    except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise CaptureError(f"{source}: its metadata are damaged ({error}); share it from Record3D again") from None
    return _Metadata(times_s=times_s, Ks=Ks, Ts_arkit_camera=Ts, depth_shape=shape, notes=(*notes, *note))


def _in_the_world(relative: np.ndarray, first: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    """Poses in ARKit's world, as far as the file has them, and what was assumed."""
    if np.allclose(relative, np.eye(4)):
        return relative, ("every pose is the identity (the front camera does not track): where the phone was is lost",)
    T_world_first = np.eye(4) if first is None else _transforms(np.array(first, np.float64).reshape(1, 7))[0]
    if np.allclose(T_world_first, np.eye(4)):
        return relative, ("the world of its poses is the first frame's camera: gravity is not known",)
    if np.allclose(relative[0], np.eye(4), atol=1e-6):
        return T_world_first @ relative, ("poses put into the world by initPose",)
    return relative, ("initPose was not applied, because the first pose is not the identity",)


def _frames(archive: zipfile.ZipFile, source: Path, metadata: _Metadata) -> Iterator[PhoneFrame]:
    names = set(archive.namelist())
    for index, time_s in enumerate(metadata.times_s):
        depth, has_confidence = None, False
        if f"rgbd/{index}.depth" in names:
            metres = np.frombuffer(_unpack(archive, source, f"rgbd/{index}.depth"), np.float32)
            shape = metadata.depth_shape or DEPTH_SHAPES.get(metres.size)
            if shape is None or metres.size != shape[0] * shape[1]:
                raise CaptureError(
                    f"{source}: rgbd/{index}.depth has {metres.size} pixels, {shape or 'a known size'} was expected; "
                    "share it from Record3D again"
                )
            depth = millimetres(metres.reshape(shape))
            has_confidence = f"rgbd/{index}.conf" in names
        confidence = None
        if has_confidence and depth is not None:
            coded = np.frombuffer(_unpack(archive, source, f"rgbd/{index}.conf"), np.uint8)
            if coded.size != depth.size:
                raise CaptureError(
                    f"{source}: rgbd/{index}.conf has {coded.size} pixels, its depth {depth.size}; share it again"
                )
            confidence = coded.reshape(depth.shape)
        yield PhoneFrame(
            where=f"{source}: frame {index}",
            timestamp_s=float(time_s),
            K=metadata.Ks[index],
            T_arkit_camera=metadata.Ts_arkit_camera[index],
            color=_entry(archive, source, f"rgbd/{index}.jpg"),
            depth_mm=depth,
            confidence=confidence,
        )


def _transforms(poses: np.ndarray) -> np.ndarray:
    """(N, 4, 4) of rows qx, qy, qz, qw, x, y, z."""
    return rigid(Rotation.from_quat(poses[:, :4]).as_matrix(), poses[:, 4:])


def _unpack(archive: zipfile.ZipFile, source: Path, name: str) -> bytes:
    try:
        return unpacked(_entry(archive, source, name))
    except ValueError as error:
        raise CaptureError(f"{source}: {name} is damaged ({error}); share the recording again") from None


def _entry(archive: zipfile.ZipFile, source: Path, name: str) -> bytes:
    try:
        return member(archive, name)
    except KeyError:
        raise CaptureError(f"{source} has no {name}; share the recording from Record3D again") from None
    except DAMAGED as error:
        raise CaptureError(f"{source}: {name} cannot be read ({error}); share it from Record3D again") from None


LAYOUT = Layout(
    name=ORIGIN,
    description="file: .r3d of the iPhone application Record3D",
    recognises=is_r3d,
    write=import_r3d,
)
