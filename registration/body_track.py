"""A fitted body over a clip, with how well it fits, and its file body/personNN.npz."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int64, Shaped

from body.parameters import BodyParameters
from registration.errors import RegistrationError

GOOD = ""
"""The flag of a frame that nothing is wrong with."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BodyTrack:
    """One person's body at every instant."""

    parameters: BodyParameters
    joints: Float[np.ndarray, "frames 24 3"]
    """World, metres."""
    instants: Int64[np.ndarray, "frames"]
    time_us: Int64[np.ndarray, "frames"]
    keypoint_px: Float[np.ndarray, "frames"]
    """Median distance of the detected keypoints from the body's, over all cameras used; NaN without detections."""
    surface_mm: Float[np.ndarray, "frames"]
    """Mean distance of the cloud's points from the body; NaN without a cloud."""
    flags: Shaped[np.ndarray, "frames"]
    """Why a frame should not be trusted, reasons joined by `; `; empty for a good frame."""
    model: str
    model_sha256: str
    landmark_names: tuple[str, ...] = ()
    landmarks: Float[np.ndarray, "frames landmarks 3"] | None = None
    """Where the detector should see its keypoints on this body, world, metres: joints and skin points, moved by the
    offset that was found for this person. Their projections are what is compared with detections."""

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.instants)

    def write(self, path: Path) -> None:
        """Writes the file."""
        p = self.parameters
        np.savez_compressed(
            path,
            betas=p.betas, child=np.float64(p.child), global_orient=p.global_orient, body_pose=p.body_pose,
            transl=p.transl, joints=self.joints, instants=self.instants, time_us=self.time_us,
            keypoint_px=self.keypoint_px, surface_mm=self.surface_mm, flags=self.flags.astype(np.str_),
            model=np.str_(self.model), model_sha256=np.str_(self.model_sha256),
            landmark_names=np.array(self.landmark_names, np.str_),
            landmarks=np.zeros((len(self), 0, 3)) if self.landmarks is None else self.landmarks,
        )  # fmt: skip


def read_body_track(path: Path) -> BodyTrack:
    """The track of a file. Raises RegistrationError when it is missing, damaged or without a needed array."""
    try:
        with np.load(path, allow_pickle=False) as data:
            a = dict(data)
        parameters = BodyParameters(
            betas=a["betas"],
            global_orient=a["global_orient"],
            body_pose=a["body_pose"],
            transl=a["transl"],
            child=float(a["child"]),
        )
        frames = len(parameters)
        return BodyTrack(
            parameters=parameters,
            joints=a["joints"],
            instants=a["instants"].astype(np.int64),
            time_us=a["time_us"].astype(np.int64),
            keypoint_px=a.get("keypoint_px", np.full(frames, np.nan)),
            surface_mm=a.get("surface_mm", np.full(frames, np.nan)),
            flags=a.get("flags", np.full(frames, GOOD)),
            model=str(a["model"]),
            model_sha256=str(a["model_sha256"]),
            landmark_names=tuple(str(name) for name in a.get("landmark_names", ())),
            landmarks=a.get("landmarks"),
        )
    except FileNotFoundError:
        raise RegistrationError(f"{path} is missing; run: humanrig reconstruct SESSION --only register") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise RegistrationError(f"{path} is not a fitted body ({error}); run the stage register again") from None
