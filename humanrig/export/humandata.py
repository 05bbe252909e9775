"""HumanData: mmhuman3d's .npz, one for each person and colour camera, everything in that camera's own frame.

After mmhuman3d, `docs/human_data.md` and `human_data.py`. Pictures are written beside it, undistorted to a pinhole with
the camera's own K, since the format has no place for a lens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import simplejpeg
from jaxtyping import Float

from body.joints import JOINT_NAMES
from capture.errors import CaptureError
from capture.frame_sets import Instant
from capture.session import Session
from geometry.camera import Camera
from humanrig.errors import HumanrigError
from humanrig.export.humandata_points import CONVENTION, OF_DETECTOR, OF_FACE, OF_JOINTS, Points190, points190
from humanrig.export.humman_body import humman_body
from humanrig.export.humman_rig import about_missing, write_image
from humanrig.export.person import keypoints_of
from humanrig.export.pinhole import PinholeImages
from humanrig.export.rgbd_devices import no_image
from humanrig.results import Results
from registration.masks.files import mask_path, read_mask

JPEG_QUALITY: Final = 95
BOX_SCALE: Final = 1.2
"""Of the box around the joints, as the format suggests."""


def write(people: Sequence[Results], folder: Path, on_progress: Callable[[int, int], None]) -> list[str]:
    """Writes personNN_DEVICE.npz, images/ and masks/; returns lines for source.txt.

    A shape that ten betas cannot hold is left out, and said. Raises HumanrigError when no colour camera is calibrated.
    """
    session = people[0].session
    cameras = session.cameras()
    streams = [s for s in session.of_kind("color") if s in cameras]
    if not streams:
        raise HumanrigError(f"{session.folder} has no calibrated colour camera; run the stage calibrate")
    fitted = {i for results in people for i in results.instants}
    instants = [i for i in session.instants() if i.instant in fitted]
    written, pictures, nobody, shapes, damaged, unmasked, undetected = 0, 0, [], {}, [], [], {}
    for done, stream in enumerate(streams, 1):
        camera = cameras[stream]
        pinhole = PinholeImages(camera)
        seen = _write_pictures(session, stream, [i for i in instants if i.has(stream)], folder, pinhole, damaged)
        pictures += len(seen)
        for results in people:
            view = _View(results, camera, seen, pinhole)
            shapes[results.person] = view.shape
            if not len(view.rows):
                nobody.append(f"{results.person} in {stream}")
                continue
            np.savez_compressed(folder / f"{results.person}_{_device(stream)}.npz", **view.arrays(folder))
            written += 1
            unmasked += view.unmasked
            if view.undetected:
                undetected[results.person] = view.undetected
        on_progress(done, len(streams))
    if not pictures:
        raise no_image(session, damaged)
    return [
        f"HumanData: {written} files personNN_DEVICE.npz, one for each person and camera; a row is an image of images/",
        "camera space, OpenCV: x right, y down, z forward, metres; pixels: the centre of the top-left one is (0, 0)",
        "images are undistorted to a pinhole with the focal_length and principal_point of meta; 0 where the lens did "
        "not see; segmentation: 255 on the person",
        f"keypoints2d, keypoints3d (and …_smpl): joints and face points of the fitted body; …_original: the detector's "
        f"points, triangulated; all in the convention {CONVENTION} (190 points and their mask), not root-aligned",
        *(f"smpl of {person}: {shape}" for person, shape in shapes.items()),
        *([f"never in the picture, so without a file: {', '.join(nobody)}"] if nobody else []),
        *(f"keypoints…_original of {person} are not there: {why}" for person, why in undetected.items()),
        *([f"no mask, so without segmentation: {' '.join(unmasked)}"] if unmasked else []),
        *about_missing([], damaged),
    ]


def _write_pictures(
    session: Session, stream: str, instants: Sequence[Instant], folder: Path, pinhole: PinholeImages, damaged: list[str]
) -> list[Instant]:
    """The undistorted pictures; returns the instants whose picture could be read."""
    kept = []
    for instant in instants:
        try:
            rgb = np.ascontiguousarray(pinhole.color(session.frame(stream, instant.index[stream]).payload))
        except CaptureError as error:
            damaged.append(str(error))
            continue
        path = folder / _picture(stream, instant)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(simplejpeg.encode_jpeg(rgb, quality=JPEG_QUALITY, colorsubsampling="444"))
        kept.append(instant)
    return kept


class _View:
    """One person in one camera, in the frames in which a joint is in the picture."""

    def __init__(self, results: Results, camera: Camera, seen: Sequence[Instant], pinhole: PinholeImages) -> None:
        self.results, self.camera, self.pinhole = results, camera, pinhole
        self.unmasked: list[str] = []
        """Pictures without a mask, known after `arrays`."""
        self.undetected = ""
        """Why the detector's points are not there, known after `arrays`."""
        row_of = {instant: row for row, instant in enumerate(results.instants)}
        rows = [row_of[i.instant] for i in seen if i.instant in row_of]
        self.instants = [i for i in seen if i.instant in row_of]
        names, points = _body_points(results)
        in_picture = np.asarray(points190(names, points[rows], OF_JOINTS, camera).q[..., 2].any(-1))
        self.rows = np.array(rows, np.int64)[in_picture]
        self.instants = [i for i, inside in zip(self.instants, in_picture) if inside]
        self.body = points190(names, points[self.rows], OF_JOINTS | OF_FACE, camera)
        try:
            fitted = humman_body(results.model, results.parameters, camera.T_camera_world)
        except HumanrigError as error:  # a child, say: points and pictures are worth having without
            self.parameters, self.shape = None, f"is not there: {error}"
        else:
            self.parameters = fitted.parameters
            self.shape = f"ten betas hold the fitted shape to {fitted.mean_mm:.2f} mm in the mean"

    def arrays(self, folder: Path) -> dict[str, Any]:
        """What the file holds, under the format's keys; masks are written on the way."""
        count, camera = len(self.rows), self.camera
        lens = np.array([[camera.K[0, 0], camera.K[1, 1]]]), camera.K[None, :2, 2]
        values = {
            "__key_strict__": False, "__data_len__": count, "__keypoints_compressed__": False,
            "config": "humanrig", "keypoints2d_convention": CONVENTION, "keypoints3d_convention": CONVENTION,
            "image_path": [_picture(camera.name, i) for i in self.instants],
            "image_id": [i.instant for i in self.instants],
            "segmentation": [self._mask(folder, i) for i in self.instants],
            "bbox_xywh": boxes(self.body.q, camera),
            "meta": {
                "gender": ["neutral"] * count,
                "height": [camera.height] * count, "width": [camera.width] * count,
                "focal_length": np.repeat(lens[0], count, 0), "principal_point": np.repeat(lens[1], count, 0),
            },
            "misc": {
                "kps3d_root_aligned": False, "bbox_source": "keypoints2d_smpl", "bbox_body_scale": BOX_SCALE,
                "smpl_source": "original", "cam_param_type": "prespective",
                "focal_length": lens[0], "principal_point": lens[1],
                "body_model": str(self.results.body["model"]),
                "body_model_sha256": str(self.results.body["model_sha256"]),
                "session": self.results.session.info.id, "person": self.results.person, "stream": camera.name,
            },
        }  # fmt: skip
        for name in ("", "_smpl"):
            values |= _named(name, self.body)
        return values | self._smpl() | self._detected()

    def _smpl(self) -> dict[str, Any]:
        """The body's parameters; nothing where ten betas cannot hold its shape."""
        if self.parameters is None:
            return {}
        body, count = self.parameters, len(self.rows)
        arrays = {
            "betas": np.repeat(body.betas[None], count, 0),
            "body_pose": body.body_pose[self.rows].reshape(count, 23, 3),
            "global_orient": body.global_orient[self.rows],
            "transl": body.transl[self.rows],
        }
        return {"smpl": {name: value.astype(np.float32) for name, value in arrays.items()}}

    def _detected(self) -> dict[str, Any]:
        """The detector's points; nothing where they cannot be read."""
        try:
            found = keypoints_of(self.results)
        except HumanrigError as error:
            self.undetected = str(error)
            return {}
        row_of = {int(instant): row for row, instant in enumerate(found["instants"])}
        names = [str(name) for name in found["names"]]
        points = np.full((len(self.instants), len(names), 3), np.nan)
        for n, instant in enumerate(self.instants):
            if instant.instant in row_of:
                points[n] = found["p_world"][row_of[instant.instant]]
        return _named("_original", points190(names, points, OF_DETECTOR, self.camera))

    def _mask(self, folder: Path, instant: Instant) -> str:
        """The path of the person's mask; empty where there is none."""
        path = mask_path(self.results.session.path("masks"), self.camera.name, instant.instant)
        if not path.is_file():
            self.unmasked.append(_picture(self.camera.name, instant))
            return ""
        name = f"masks/{self.results.person}/{_device(self.camera.name)}/{instant.instant:06d}.png"
        mask = 255 * read_mask(path, self.results.number).astype(np.uint8)
        write_image(folder / name, self.pinhole.nearest(mask))
        return name


def boxes(q: Float[np.ndarray, "frames points 3"], camera: Camera) -> Float[np.ndarray, "frames 5"]:
    """x, y, width, height around the points of each frame with a margin, cut at the picture's edge, and 1."""
    seen = q[..., 2:] > 0
    low = np.where(seen, q[..., :2], np.inf).min(1)
    high = np.where(seen, q[..., :2], -np.inf).max(1)
    middle, half = (low + high) / 2, BOX_SCALE * (high - low) / 2
    low = np.maximum(middle - half, 0)
    high = np.minimum(middle + half, np.array([camera.width, camera.height]) - 1)
    return np.concatenate([low, high - low, np.ones((len(q), 1))], 1)


def _named(suffix: str, points: Points190) -> dict[str, Any]:
    return {
        f"keypoints2d{suffix}": points.q, f"keypoints2d{suffix}_mask": points.mask,
        f"keypoints3d{suffix}": points.p_camera, f"keypoints3d{suffix}_mask": points.mask,
    }  # fmt: skip


def _body_points(results: Results) -> tuple[list[str], Float[np.ndarray, "frames points 3"]]:
    """Joints, and the landmarks of the face where the fit has them."""
    body = results.body
    landmarks = [str(name) for name in body["landmark_names"]] if "landmark_names" in body else []
    face = [n for n, name in enumerate(landmarks) if name in OF_FACE]
    extra = body["landmarks"][:, face] if face else np.zeros((len(body["joints"]), 0, 3))
    points = np.concatenate([body["joints"].astype(np.float64), extra.astype(np.float64)], 1)
    return [*JOINT_NAMES, *(landmarks[n] for n in face)], points


def _device(stream: str) -> str:
    return stream.rpartition("/")[0]


def _picture(stream: str, instant: Instant) -> str:
    return f"images/{_device(stream)}/{instant.instant:06d}.jpg"
