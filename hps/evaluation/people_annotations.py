"""One person through the frames of one sequence, as a data set's file or a method's predictions have it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int64


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PersonAnnotations:
    """None where the file does not say; NaN rows where it does not say of one frame. Metres, radians, pixels.

    3D is in the frame that `frame` names. A camera frame has OpenCV axes; readers turn others into it.
    """

    dataset: str
    """`3dpw`, `emdb`, `agora`, `bedlam`, `humandata`, `gta_human`, `humman`, `surreal`, `amass`, `humanrig`."""
    sequence: str
    person: str
    frames: Int64[np.ndarray, "frames"]
    """Numbers of the frames within the sequence, rising."""
    images: tuple[str, ...] = ()
    """Name of each frame's picture, relative to the data set's folder of pictures; empty: not told."""
    frame: str = "camera"
    """`camera` or `world`."""
    fps: float = float("nan")
    """Of the numbers in `frames`: 30 too where every sixth frame of a video of 30 Hz is annotated."""
    body: str = "smpl"
    """`smpl`, `smplh`, `smplx` or `open body`."""
    gender: str = "neutral"
    """`female`, `male`, `neutral`, or `unknown`."""
    betas: Float[np.ndarray, "frames shapes"] | None = None
    child: Float[np.ndarray, "frames"] | None = None
    """Of the open body's child axis, or of the kid template in AGORA."""
    global_orient: Float[np.ndarray, "frames 3"] | None = None
    body_pose: Float[np.ndarray, "frames turns"] | None = None
    """3 numbers a joint: 69 of SMPL, 63 of SMPL-X and SMPL-H without hands."""
    transl: Float[np.ndarray, "frames 3"] | None = None
    joints: Float[np.ndarray, "frames joints 3"] | None = None
    joint_names: tuple[str, ...] = ()
    """Of `joints`; empty: SMPL's 24."""
    vertices: Float[np.ndarray, "frames vertices 3"] | None = None
    keypoints2d: Float[np.ndarray, "frames keypoints 3"] | None = None
    """Pixels of the undistorted picture, and confidence."""
    keypoint_names: tuple[str, ...] = ()
    boxes_xywh: Float[np.ndarray, "frames 4"] | None = None
    K: Float[np.ndarray, "frames 3 3"] | None = None
    image_size: Int64[np.ndarray, "frames 2"] | None = None
    """Width and height."""
    Ts_camera_world: Float[np.ndarray, "frames 4 4"] | None = None
    """p_camera = T_camera_world @ p_world."""
    valid: Bool[np.ndarray, "frames"] | None = None
    """Whether the data set counts the frame; None: all."""
    occlusion: Float[np.ndarray, "frames"] | None = None
    """Share of the person that is hidden, 0 to 1."""
    extra: dict[str, Any] = field(default_factory=dict)
    """What only this data set has, by the names of its own file."""

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.frames)
