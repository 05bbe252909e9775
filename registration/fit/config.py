"""What a body fit believes before it sees data: uncertainties, all in metres, radians, pixels and seconds."""

from __future__ import annotations

import os

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class FitConfig:
    """One set for all recordings, with and without depth. Terms are log-likelihoods: nothing else is weighted."""

    betas: int = Field(default=16, ge=1)
    """Shape coefficients, or as many as the body model has."""
    beta_sigma: float = 1.0
    """Of each beta; 1 is the model's own population."""
    fit_child: bool = True
    """Find the place on the body's child axis too, where it has one."""
    child_sigma: float = 0.4
    """Of the child factor about the adult's 0. The bank's adults spread by 0.11, children by 0.37 about 0.56.
    Vertex error at 0.1 and 0.4: a child 8.7 and 8.4 mm, two adults 6.3 mm with both."""
    terms: dict[str, float] = Field(default_factory=dict)
    """Weights of single terms by name (registration/fit/energy.py); 0 leaves one out. All are 1 unless said here."""
    independent_frames: float = 3.0
    """How many frames of a clip count as independent where they speak of what stays the same: the shape and the
    offsets of the landmarks. A detector's and a calibration's errors last from frame to frame. On the four-camera
    recording of a real person, 3 instead of 10 raised the silhouettes' overlap from 0.764 to 0.784 and the keypoints'
    median from 9.5 to 9.6 px; with all 100 one beta went to -2.6."""
    pose_scale: float = 1.0
    """Scales all standard deviations of the pose prior (registration/fit/priors.py)."""
    joint_acceleration: float = 40.0
    """Standard deviation of a joint's angular acceleration, rad/s². RMS of the simulated
    clips: walk 11, dance 26, kick 32 (at most 380). 15 makes the kick 0.7 mm worse, 150 makes it 0.1 mm better."""
    root_acceleration: float = 6.0
    """Of the pelvis, m/s². RMS: walk 1, dance 4, kick 7."""
    keypoint_kernel: float = 3.0
    """Residual, in standard deviations, from which a keypoint counts as an outlier (Geman–McClure)."""
    detector_px: float = 1.5
    """Least standard deviation of a detected keypoint, pixels."""
    surface_sigma_m: float = 0.003
    """Model error of the surface beside the sensor's noise. 4 mm: 2.46 mm mean vertex error of a dance; 3 mm: 2.09."""
    surface_points: int = Field(default=1500, ge=10)
    """Points of the cloud used in each frame."""
    surface_independent: float = 1000.0
    """How many of them count as independent: their errors are correlated (bias of a sensor, clothes).
    300 instead: 4.6 mm instead of 2.5 (the same dance), since the keypoints then bend the body."""
    surface_kernel_m: float = 0.03
    """Distance from which a point is an outlier; the first iterations use three times as much."""
    clothes: str = "auto"
    """What the person wears: painted (tight, at most 3 mm), sewn, skirted, or auto: the kind of least cost."""
    clothes_weight: float = 0.5
    """Weight of points outside the body relative to those inside: clothes are never inside.
    Vertex error at 1 / 0.5 / 0.25: minimal clothes 1.9 / 2.2 / 3.2 mm, shirt and trousers 8.0 / 7.1 / 7.8 mm."""
    keypoint_iterations: int = 25
    pixel_iterations: int = 12
    surface_iterations: int = 15
    tolerance: float = 1e-4
    """A stage ends when the cost falls by less than this part in a step."""
    threads: int = Field(default=0, ge=0)
    """Of the surface's points; 0: as many as there are cores, at most four."""
    frames_at_once: int = Field(default=400, ge=10)
    """Longer clips are fitted in pieces with one shape, found from frames spread over the whole clip."""

    @property
    def workers(self) -> int:
        """Threads in numbers."""
        return self.threads or min(4, os.cpu_count() or 1)
