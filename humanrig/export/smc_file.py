"""An SMC file (HDF5) that is being written: its groups, names and types, as docs/smc.md publishes them.

After the format's description (mmhuman3d, `docs/smc.md`) and its reader (`smc_reader.py`); where the two differ, both
are served.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import h5py
import numpy as np
from jaxtyping import Float, UInt8

from geometry.camera import Camera
from geometry.camera_files.azure_kinect_modes import COLOR_MODES, DEPTH_MODES
from humanrig.errors import DiskError

COLOR_ENUM: Final = {"720P": 1, "1080P": 2, "1440P": 3, "1536P": 4, "2160P": 5, "3072P": 6}
DEPTH_ENUM: Final = {"NFOV_2X2BINNED": 1, "NFOV_UNBINNED": 2, "WFOV_2X2BINNED": 3, "WFOV_UNBINNED": 4}
"""`k4a_color_resolution_t` and `k4a_depth_mode_t` of the Azure Kinect SDK; 0, off, for a size that is no mode."""
PACKED: Final = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
"""Of depth, IR and masks: readers of HDF5 unpack by themselves. Level 4 makes 2 % smaller files in 12 % more time (60
simulated depth images, 44 MB: 8.1 MB in 0.33 s)."""
DIRECTION: Final = "cam2world: p_world = R p_camera + T, metres; OpenCV cameras: x right, y down, z forward"


class SmcWriter:
    """One file. Frames are numbered from 0; a frame that was lost is left out of its group."""

    def __init__(self, path: Path, *, actor_id: int, action_id: int, created: datetime) -> None:
        """Raises HumanrigError when the file cannot be made."""
        self._path = path
        try:
            self._output = _Output(path)
        except OSError as error:
            raise DiskError(f"{path} cannot be written ({error}); choose another folder with --to") from None
        self._file = h5py.File(self._output, "w")
        self._file.attrs["actor_id"], self._file.attrs["action_id"] = np.int32(actor_id), np.int32(action_id)
        self._file.attrs["datetime_str"] = created.strftime("%Y-%m-%d-%H-%M-%S")

    def kinects(self, count: int, frames: int, color: Camera, depth: Camera) -> None:
        """What is said of all Kinects; `color` and `depth` are the first one's."""
        group = self._file.require_group("Kinect")
        group.attrs["num_frame"], group.attrs["num_device"] = np.uint32(frames), np.uint8(count)
        group.attrs["depth_mode"] = np.uint8(_mode(depth, DEPTH_MODES, DEPTH_ENUM))
        group.attrs["color_resolution"] = np.uint8(_mode(color, COLOR_MODES, COLOR_ENUM))

    def kinect_lens(self, number: int, kind: str, camera: Camera) -> None:
        """`Calibration/Color` or `Calibration/Depth` of a Kinect; `kind` is the group's name."""
        place = f"Kinect/{number}/Calibration/{kind}"
        vector = k4a_vector(camera)
        self._file[f"{place}/Intrinsics"] = vector
        self._file[f"{place}/Resolution"] = np.array([camera.width, camera.height], np.uint16)
        self._file[f"{place}/MetricRadius"] = vector[14]

    def encoded(self, place: str, data: bytes) -> None:
        """A picture as JPEG or PNG, byte for byte."""
        self._file[place] = np.frombuffer(data, np.uint8)
        self._check()

    def image(self, place: str, image: np.ndarray) -> None:
        """Depth, IR, a mask or confidence, as pixels."""
        self._file.create_dataset(place, data=image, **PACKED)
        self._check()

    def phone(self, frames: int, color: tuple[int, int], depth: tuple[int, int]) -> None:
        """What is said of the phone; sizes are (width, height)."""
        group = self._file.require_group("iPhone")
        group.attrs["num_frame"] = np.int32(frames)
        group.attrs["color_resolution"] = np.array(color, np.int32)
        group.attrs["depth_resolution"] = np.array(depth, np.int32)

    def phone_lens(self, frame: int, K: Float[np.ndarray, "3 3"], timestamp_s: float) -> None:
        """`CameraInfo` of a phone's frame: K of its colour image, column by column as the phone has it."""
        about = {"cameraIntrinsics": K.T.tolist(), "timestamp": timestamp_s}
        self._file[f"iPhone/0/CameraInfo/{frame}"] = json.dumps(about)

    def extrinsics(
        self,
        poses: Sequence[tuple[Camera, Camera]],
        phone: Camera | None,
        T_file_world: Float[np.ndarray, "4 4"],
        floors: Mapping[int, Mapping[str, Any]],
    ) -> None:
        """Where cameras stand. poses: colour and depth of each Kinect; floors: by a Kinect's number, the file's world.

        The phone is under the key of the description and under the one that the reader asks for.
        """
        content: dict[str, Any] = {}
        for number, pair in enumerate(poses):
            for odd, camera in enumerate(pair):
                content[str(2 * number + odd)] = _pose(T_file_world @ camera.T_world_camera)
            if number in floors:
                content[str(2 * number + 1)]["floor"] = dict(floors[number])
        if phone is not None:
            entry = _pose(T_file_world @ phone.T_world_camera)
            content |= {"iPhone": entry, str(2 * len(poses)): entry}
        self._file["Extrinsics"] = json.dumps(content)
        self._file["Extrinsics"].attrs["direction"] = DIRECTION

    def keypoints3d(
        self,
        points: Float[np.ndarray, "frames points 4"],
        mask: UInt8[np.ndarray, "points"],
        convention: str,
        when: str,
    ) -> None:
        """x, y, z in the file's world and confidence; the mask is under both spellings of its name."""
        group = self._file.create_group("Keypoints3D")
        group.attrs["num_frame"], group.attrs["convention"] = np.int32(len(points)), convention
        group.attrs["created_time"] = when
        group["keypoints3d"], group["keypoints3d_mask"] = points.astype(np.float32), mask
        group["Keypoints3d_mask"] = group["keypoints3d_mask"]

    def keypoints2d(
        self, place: str, points: Float[np.ndarray, "frames points 3"], mask: UInt8[np.ndarray, "points"]
    ) -> None:
        """Column, row and confidence in the recorded pictures of `place`: `Kinect/3` or `iPhone/0`."""
        self._file[f"Keypoints2D/{place}/keypoints2d"] = points.astype(np.float32)
        self._file[f"Keypoints2D/{place}/keypoints2d_mask"] = mask

    def smpl(self, arrays: Mapping[str, np.ndarray], model: str, sha256: str, when: str) -> None:
        """global_orient (N,3), body_pose (N,69), betas (1,10), transl (N,3), keypoints3d (N,24,3); the file's world."""
        group = self._file.create_group("SMPL")
        group.attrs["num_frame"], group.attrs["created_time"] = np.int32(len(arrays["transl"])), when
        group.attrs["body_model"], group.attrs["body_model_sha256"] = model, sha256
        for name, value in arrays.items():
            group[name] = value.astype(np.float32)

    def extra(self, arrays: Mapping[str, Any], about: str) -> None:
        """The group `Humanrig`, which no description of SMC has and other readers pass over."""
        group = self._file.create_group("Humanrig")
        group.attrs["about"] = about
        for name, value in arrays.items():
            group[name] = value

    def __enter__(self) -> SmcWriter:
        """The writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the file. Raises DiskError when the disk refused any of it."""
        self._file.close()
        self._output.close()
        if error is None:
            self._check()

    def _check(self) -> None:
        if self._output.error is not None:
            raise DiskError(f"{self._path} could not be written ({self._output.error}); is the disk full?")


class _Output(io.FileIO):
    """A file that keeps the error of the disk for later: HDF5 cannot close its objects when a write fails."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+")
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        """All bytes, or an error that is kept; returns their number."""
        rest = memoryview(data).cast("B")
        try:
            while self.error is None and len(rest):
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.error = error
        return memoryview(data).nbytes

    def truncate(self, size: int | None = None) -> int:
        """As `write`."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0


def k4a_vector(camera: Camera) -> Float[np.ndarray, "15"]:
    """The SDK's cx cy fx fy k1..k6 codx cody p2 p1 metric_radius, float32; the last is 0 where it has no bound."""
    K, (k1, k2, p1, p2, k3, k4, k5, k6) = camera.K, camera.distortion
    radius = camera.metric_radius if np.isfinite(camera.metric_radius) else 0.0
    values = [K[0, 2], K[1, 2], K[0, 0], K[1, 1], k1, k2, k3, k4, k5, k6, 0.0, 0.0, p2, p1, radius]
    return np.array(values, np.float32)


def _pose(T: Float[np.ndarray, "4 4"]) -> dict[str, Any]:
    return {"R": T[:3, :3].tolist(), "T": T[:3, 3].tolist()}


def _mode(camera: Camera, modes: Mapping[str, Any], numbers: Mapping[str, int]) -> int:
    size = (camera.width, camera.height)
    return next((n for name, n in numbers.items() if (modes[name].width, modes[name].height) == size), 0)
