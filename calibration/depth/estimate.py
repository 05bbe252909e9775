"""The depth corrections of a rig's devices, from the depth images of a take in which a board was shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from calibration.depth.board_depths import BoardDepths, board_depths
from calibration.depth.fitting import DepthEstimate, fit_depth
from calibration.depth_correction import DepthCorrection
from calibration.errors import CalibrationError
from calibration.pose_covariance import PoseCovariance
from calibration.rig import RigCalibration, Verdict
from capture.board import Board
from capture.errors import CaptureError
from capture.session import Session
from geometry.camera import Camera

INK_M = 1.5e-3
"""A difference of ink and paper that is worth a doubt: the boards are half ink, skin and cloth are not."""
SCATTER_M = 4e-3
"""Boards that scatter more than this are placed badly, or seen through reflections; good ones scatter by 1 mm."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DepthCorrections:
    """What was found of each depth camera."""

    estimates: dict[str, DepthEstimate]
    """By the name of the depth camera."""
    unsolved: dict[str, str] = field(default_factory=dict)
    """Depth cameras without a correction, and why."""
    damaged: tuple[str, ...] = ()
    """Frames that could not be read, in words."""

    @property
    def corrections(self) -> dict[str, DepthCorrection]:
        """As `RigCalibration.depth_corrections` has them."""
        return {name: estimate.correction for name, estimate in self.estimates.items()}

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """One for each depth camera, in words, and one for damaged frames."""
        told = [_verdict(name, estimate) for name, estimate in self.estimates.items()]
        told += [Verdict(subject=name, good=False, text=reason) for name, reason in self.unsolved.items()]
        if self.damaged:
            text = f"{len(self.damaged)} damaged depth frames were left out; the first: {self.damaged[0]}"
            told.append(Verdict(subject="rig", good=False, text=text))
        return tuple(told)


def estimate_depth_corrections(
    session: Session,
    board: Board,
    T_world_board: Mapping[int, Float[np.ndarray, "4 4"]],
    calibration: RigCalibration,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> DepthCorrections:
    """Bias, scale and slow error of every depth camera of the calibration that has a stream in the session.

    T_world_board: solved placements by instant, in the world of the calibration. Cameras whose depth cannot be told
    are named with the reason; frames that cannot be read are named too. Raises CaptureError before the stage `sync`.
    """
    streams = [name for name in session.of_kind("depth") if name in calibration.cameras]
    used = [instant for instant in session.instants() if instant.instant in T_world_board]
    seen: dict[str, list[BoardDepths]] = {name: [] for name in streams}
    damaged: list[str] = []
    for done, instant in enumerate(used):
        for name in streams:
            if not instant.has(name):
                continue
            try:
                depth_m = session.frame(name, instant.index[name]).payload
            except CaptureError as error:
                damaged.append(str(error))
                continue
            number = instant.instant
            found = board_depths(depth_m, calibration.cameras[name], board, T_world_board[number], number)
            if found is not None:
                seen[name].append(found)
        if on_progress is not None:
            on_progress(done + 1, len(used))
    return corrections_from(seen, calibration, damaged)


def corrections_from(
    seen: Mapping[str, Sequence[BoardDepths]], calibration: RigCalibration, damaged: Sequence[str] = ()
) -> DepthCorrections:
    """The same from boards that were already looked up, by the name of the depth camera."""
    covariance = calibration.covariance
    if covariance is not None and covariance.gauge != "aligned" and set(covariance.cameras) <= set(calibration.cameras):
        covariance = covariance.aligned(calibration.cameras)
    estimates, unsolved = {}, {}
    for name, boards in seen.items():
        try:
            estimates[name] = fit_depth(boards, along_axis_m(covariance, calibration.cameras[name]))
        except CalibrationError as error:
            unsolved[name] = str(error).partition(": ")[2] or str(error)
    return DepthCorrections(estimates=estimates, unsolved=unsolved, damaged=tuple(damaged))


def along_axis_m(covariance: PoseCovariance | None, camera: Camera) -> float:
    """Standard deviation of a camera's place along its optical axis; 0 where nobody estimated it."""
    if covariance is None or camera.name not in covariance.cameras:
        return 0.0
    axis = camera.T_world_camera[:3, 2]
    return float(np.sqrt(max(axis @ covariance.of(camera.name)[3:, 3:] @ axis, 0.0)))


def _verdict(name: str, estimate: DepthEstimate) -> Verdict:
    correction, notes = estimate.correction, list(estimate.notes)
    middle = sum(estimate.range_m) / 2
    reads = correction.bias_m + correction.scale * middle
    if correction.slow_z_m:
        reads += float(np.interp(middle, correction.slow_z_m, correction.slow_m))
    if np.isfinite(estimate.ink_m) and abs(estimate.ink_m) > INK_M:
        notes.append(f"black ink reads {estimate.ink_m * 1000:+.1f} mm against white paper")
    if estimate.scatter_m > SCATTER_M:
        notes.append(f"its boards scatter by {estimate.scatter_m * 1000:.1f} mm, more than depth noise explains")
    text = (
        f"depth reads {reads * 1000:+.1f} mm at {middle:.1f} m, scale {correction.scale * 1000:+.2f} mm/m, "
        f"σ {correction.sigma_m * 1000:.2f} mm from {estimate.boards} boards"
    )
    return Verdict(subject=name, good=not notes, text="; ".join([text, *notes]))
