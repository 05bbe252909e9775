"""What a scoring protocol lists: numbers of each frame of a compared clip, under the joint protocol that it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from jaxtyping import Float

from hps.errors import HpsError
from hps.evaluation.scoring.compared_clip import ComparedClip
from hps.evaluation.scoring.posed_clip import PosedClip
from hps.metrics.acceleration import EMDB_IGNORED, acceleration_error_m_s2, acceleration_error_mm, jitter_10m_s3
from hps.metrics.alignment import best_similarity, rooted
from hps.metrics.angles import geodesic_deg
from hps.metrics.correct_keypoints import CHALLENGE_JOINTS, challenge_areas, challenge_pck_percent
from hps.metrics.foot_sliding import foot_sliding_mm
from hps.metrics.positions import (
    PELVIS,
    joint_distances_mm,
    pa_pve_by_joints_mm,
    pa_pve_mm,
    translation_error_mm,
)
from hps.metrics.world_motion import rte_percent, w_mpjpe_mm, wa_mpjpe_mm
from hps.protocols import PROTOCOLS, Protocol, measure_mm, measure_vertices_mm, protocol_points

Regressors = Mapping[str, np.ndarray]
VERTEX_BLOCK: Final = 256
"""Frames whose vertices are aligned at once."""


class NotMeasured(HpsError):
    """Why a clip cannot give a measure: the file lacks what it needs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One column of a table."""

    name: str
    unit: str
    joints: str
    """Name of the joint protocol (`hps.protocols`) that gives joints, root and alignment."""
    beside: str = ""
    """What is printed beside the number, where it is of other points than these joints; empty: `joints`."""
    of: Callable[[ComparedClip, Protocol, Regressors], Float[np.ndarray, "samples"]] = field(repr=False)
    over: Literal["frames", "sequences"] = "frames"
    """Whether the mean is over all frames, or over the means of sequences."""
    says: str

    @property
    def protocol(self) -> str:
        """What stands beside the number."""
        return self.beside or self.joints

    @property
    def label(self) -> str:
        """Name, protocol and unit."""
        return f"{self.name} [{self.protocol}] {self.unit}".strip()

    def values(self, clip: ComparedClip, regressors: Regressors) -> Float[np.ndarray, "samples"]:
        """One number for each frame (or step, or contact); for the mean `over` sequences, one number.

        Raises NotMeasured where the clip lacks what it needs.
        """
        how = PROTOCOLS[self.joints]
        for side, posed in (("prediction", clip.estimate), ("truth", clip.truth)):
            if not posed.placed and not how.root and how.alignment == "none":
                raise NotMeasured(f"the {side} has no translations")
        found = np.asarray(self.of(clip, how, regressors), np.float64)
        if self.over == "sequences" and len(found):
            return found.mean(keepdims=True)
        return found


def sources(clip: PosedClip, how: Protocol, regressors: Regressors, side: str) -> Float[np.ndarray, "frames sources 3"]:
    """The points that a joint protocol chooses from: SMPL's joints, or what its regressor finds in the skin."""
    if how.regressor in clip.regressed:
        return clip.regressed[how.regressor]
    if how.regressor and clip.vertices is None:
        raise NotMeasured(f"{how.name} regresses joints from the skin, the {side} has no vertices")
    if clip.joints is None:
        raise NotMeasured(f"{how.name} needs SMPL's 24 joints, the {side} has others")
    return protocol_points(how, clip.joints, clip.vertices, regressors)


def joint_error(clip: ComparedClip, how: Protocol, regressors: Regressors) -> Float[np.ndarray, "frames"]:
    """MPJPE or PA-MPJPE, as the joint protocol has it."""
    estimate, truth = _both(clip, how, regressors)
    return measure_mm(how, estimate, truth, np.ones(len(truth), bool))


def vertex_error(clip: ComparedClip, how: Protocol, regressors: Regressors) -> Float[np.ndarray, "frames"]:
    """PVE relative to the joint protocol's root."""
    estimate, truth = _both(clip, how, regressors)
    v, t = _skins(clip)
    blocks = [measure_vertices_mm(how, v[some], t[some], estimate[some], truth[some]) for some in _blocks(len(truth))]
    return np.concatenate(blocks)


def aligned_vertex_error(clip: ComparedClip, _how: Protocol, _regressors: Regressors) -> Float[np.ndarray, "frames"]:
    """PA-PVE, aligned by the vertices."""
    v, t = _skins(clip)
    return np.concatenate([pa_pve_mm(v[some], t[some]) for some in _blocks(len(t))])


def vertex_error_by_joints(clip: ComparedClip, how: Protocol, regressors: Regressors) -> Float[np.ndarray, "frames"]:
    """PA-PVE, aligned by the joints (EMDB)."""
    estimate, truth = _both(clip, how, regressors)
    v, t = _skins(clip)
    blocks = [pa_pve_by_joints_mm(v[some], t[some], estimate[some], truth[some]) for some in _blocks(len(t))]
    return np.concatenate(blocks)


def root_error(clip: ComparedClip, how: Protocol, regressors: Regressors) -> Float[np.ndarray, "frames"]:
    """MRPE: distance of the pelvis joints."""
    estimate, truth = _both(clip, how, regressors)
    return translation_error_mm(estimate[:, PELVIS], truth[:, PELVIS])


def acceleration_per_frame(clip: ComparedClip, how: Protocol, regressors: Regressors) -> Float[np.ndarray, "inner"]:
    """Of the chosen joints from the protocol's root, within stretches without a gap."""
    a, b = _rooted(clip, how, regressors)
    return _by_run(clip, 3, lambda run: acceleration_error_mm(a[run], b[run]))


def acceleration_per_second(clip: ComparedClip, how: Protocol, regressors: Regressors) -> Float[np.ndarray, "inner"]:
    """The same in m/s², each stretch without its first and last value."""
    a, b = _rooted(clip, how, regressors)
    rate = _rate(clip)
    return _by_run(clip, 5, lambda run: acceleration_error_m_s2(a[run], b[run], rate))


def jitter(clip: ComparedClip, how: Protocol, regressors: Regressors) -> Float[np.ndarray, "inner"]:
    """Of the estimate's joints, within stretches without a gap."""
    estimate, rate = sources(clip.estimate, how, regressors, "prediction"), _rate(clip)
    return _by_run(clip, 4, lambda run: jitter_10m_s3(estimate[run], rate))


def true_jitter(clip: ComparedClip, how: Protocol, regressors: Regressors) -> Float[np.ndarray, "inner"]:
    """Of the truth's joints: what a perfect estimate would have."""
    truth, rate = sources(clip.truth, how, regressors, "truth"), _rate(clip)
    return _by_run(clip, 4, lambda run: jitter_10m_s3(truth[run], rate))


def emdb_jitter(clip: ComparedClip, how: Protocol, regressors: Regressors) -> Float[np.ndarray, "inner"]:
    """From the pelvis, nine joints still, good frames put together as if there were no gap, at 30 Hz: EMDB's way."""
    estimate = sources(clip.estimate, how, regressors, "prediction")
    _needs(clip, 4)
    return jitter_10m_s3(rooted(estimate, (PELVIS,), estimate), 30.0, EMDB_IGNORED)


def wham_jitter(clip: ComparedClip, how: Protocol, regressors: Regressors) -> Float[np.ndarray, "inner"]:
    """Of all joints in the world, good frames put together, at 30 Hz: WHAM's and GVHMR's way."""
    _needs(clip, 4)
    return jitter_10m_s3(sources(clip.estimate, how, regressors, "prediction"), 30.0)


def orientation_error(clip: ComparedClip, _how: Protocol, _regressors: Regressors) -> Float[np.ndarray, "frames"]:
    """MPJAE of the nine major joints."""
    a, b = _orientations(clip)
    return geodesic_deg(a, b).mean(-1)


def aligned_orientation_error(clip: ComparedClip, how: Protocol, regressors: Regressors) -> Float[np.ndarray, "frames"]:
    """PA-MPJAE: after the turn that aligns the joints."""
    a, b = _orientations(clip)
    R = best_similarity(*_both(clip, how, regressors)).rotation
    return geodesic_deg(R[:, None] @ a, b).mean(-1)


def correct_50(clip: ComparedClip, how: Protocol, regressors: Regressors) -> Float[np.ndarray, "frames"]:
    """Share of 12 major joints within 50 mm, from the root."""
    return challenge_pck_percent(_major(clip, how, regressors))


def area_200(clip: ComparedClip, how: Protocol, regressors: Regressors) -> Float[np.ndarray, "frames"]:
    """Area under that share's curve from 0 to 200 mm."""
    return challenge_areas(_major(clip, how, regressors))


def world_error(clip: ComparedClip, how: Protocol, regressors: Regressors) -> Float[np.ndarray, "frames"]:
    """W-MPJPE_100."""
    return w_mpjpe_mm(*_both(clip, how, regressors))


def aligned_world_error(clip: ComparedClip, how: Protocol, regressors: Regressors) -> Float[np.ndarray, "frames"]:
    """WA-MPJPE_100."""
    return wa_mpjpe_mm(*_both(clip, how, regressors))


def root_path_error(clip: ComparedClip, how: Protocol, regressors: Regressors) -> Float[np.ndarray, "frames"]:
    """RTE of the pelvis joint."""
    estimate, truth = (points[:, PELVIS] for points in _both(clip, how, regressors))
    if (truth == truth[0]).all():
        raise NotMeasured("the true pelvis does not move")
    return rte_percent(estimate, truth)


def sliding(clip: ComparedClip, _how: Protocol, _regressors: Regressors) -> Float[np.ndarray, "contacts"]:
    """Foot sliding, between neighbouring frames alone; in the world."""
    estimate, truth = _feet(clip)
    return _some(_by_run(clip, 2, lambda run: foot_sliding_mm(estimate[run], truth[run])))


def joined_sliding(clip: ComparedClip, _how: Protocol, _regressors: Regressors) -> Float[np.ndarray, "contacts"]:
    """Foot sliding with good frames put together as if there were no gap: WHAM's and GVHMR's way."""
    feet = _feet(clip)
    _needs(clip, 2)
    return _some(foot_sliding_mm(*feet))


def _needs(clip: ComparedClip, least: int) -> None:
    if len(clip.frames) < least:
        raise NotMeasured(f"it needs {least} frames, {len(clip.frames)} are compared")


def _some(slides: np.ndarray) -> np.ndarray:
    if not len(slides):
        raise NotMeasured("no true foot stands still")
    return slides


def _feet(clip: ComparedClip) -> tuple[np.ndarray, np.ndarray]:
    if clip.truth.frame != "world":
        raise NotMeasured("foot sliding needs a world that stands still, the bodies are in a camera's frame")
    if clip.estimate.feet is None or clip.truth.feet is None:
        raise NotMeasured("foot sliding needs the skin of the feet on both sides")
    return clip.estimate.feet, clip.truth.feet


def _both(clip: ComparedClip, how: Protocol, regressors: Regressors) -> tuple[np.ndarray, np.ndarray]:
    return (
        sources(clip.estimate, how, regressors, "prediction"),
        sources(clip.truth, how, regressors, "truth"),
    )


def _rooted(clip: ComparedClip, how: Protocol, regressors: Regressors) -> tuple[np.ndarray, np.ndarray]:
    a, b = (rooted(points, how.root, points)[:, list(how.joints)] for points in _both(clip, how, regressors))
    return a, b


def _skins(clip: ComparedClip) -> tuple[np.ndarray, np.ndarray]:
    v, t = clip.estimate.vertices, clip.truth.vertices
    if v is None or t is None:
        raise NotMeasured("vertices are compared where both sides have them, or parameters and a body model")
    if v.shape[1] != t.shape[1]:
        raise NotMeasured(f"the prediction has {v.shape[1]} vertices, the truth {t.shape[1]}: two body models")
    return v, t


def _orientations(clip: ComparedClip) -> tuple[np.ndarray, np.ndarray]:
    a, b = clip.estimate.orientations, clip.truth.orientations
    if a is None or b is None:
        raise NotMeasured("joint angles need parameters or orientations on both sides")
    return a, b


def _major(clip: ComparedClip, how: Protocol, regressors: Regressors) -> Float[np.ndarray, "frames 12"]:
    estimate, truth = (rooted(points, how.root, points) for points in _both(clip, how, regressors))
    return joint_distances_mm(estimate, truth)[:, list(CHALLENGE_JOINTS)]


def _rate(clip: ComparedClip) -> float:
    if not np.isfinite(clip.frame_rate_hz):
        raise NotMeasured("the frame rate is not known; pass --fps")
    return clip.frame_rate_hz


def _by_run(
    clip: ComparedClip, least: int, of: Callable[[slice], Float[np.ndarray, "some"]]
) -> Float[np.ndarray, "samples"]:
    found = [of(run) for run in clip.runs() if run.stop - run.start >= least]
    if not found:
        raise NotMeasured(f"no stretch of {least} frames without a gap")
    return np.concatenate(found)


def _blocks(count: int) -> list[slice]:
    return [slice(start, start + VERTEX_BLOCK) for start in range(0, count, VERTEX_BLOCK)]
