"""The scoring protocols of the literature and ours by name: which measures, joints, frames and bodies."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hps.errors import HpsError
from hps.evaluation.scoring import measures as m
from hps.evaluation.scoring.measures import Measure
from hps.evaluation.scoring.scoring_protocol import ScoringProtocol


def _mpjpe(joints: str, says: str) -> Measure:
    return Measure(name="MPJPE", unit="mm", joints=joints, of=m.joint_error, says=says)


def _pa_mpjpe(joints: str) -> Measure:
    return Measure(
        name="PA-MPJPE", unit="mm", joints=joints, of=m.joint_error, says="joints after the best turn, shift and size"
    )


def _pve(joints: str) -> Measure:
    return Measure(name="PVE", unit="mm", joints=joints, of=m.vertex_error, says="vertices from the joints' root")


def _accelerations(joints: str) -> tuple[Measure, Measure]:
    return (
        Measure(
            name="acceleration error",
            unit="mm/frame²",
            joints=joints,
            of=m.acceleration_per_frame,
            says="second differences (HMMR, VIBE, mmhuman3d)",
        ),
        Measure(
            name="acceleration error",
            unit="m/s²",
            joints=joints,
            of=m.acceleration_per_second,
            says="second differences by the frame rate, ends dropped (WHAM)",
        ),
    )


def _angles(joints: str) -> tuple[Measure, Measure]:
    return (
        Measure(
            name="MPJAE",
            unit="deg",
            joints=joints,
            beside="major9",
            of=m.orientation_error,
            says="angles of pelvis, hips, knees, shoulders, elbows",
        ),
        Measure(
            name="PA-MPJAE",
            unit="deg",
            joints=joints,
            beside="major9_pa",
            of=m.aligned_orientation_error,
            says="the same after the turn that aligns the joints",
        ),
    )


_PA_PVE: Final = Measure(
    name="PA-PVE",
    unit="mm",
    joints="smpl24_pa",
    beside="vertices_pa",
    of=m.aligned_vertex_error,
    says="vertices after their own best turn, shift and size",
)
_JITTER: Final = "third differences of the prediction alone"
_SLIDING: Final = Measure(
    name="foot sliding",
    unit="mm/frame",
    joints="smpl24_abs",
    beside="feet",
    of=m.sliding,
    says="feet whose truth stands still",
)
_CHALLENGE: Final = (
    Measure(
        name="PCK50",
        unit="%",
        joints="smpl24_root",
        beside="major12_root",
        of=m.correct_50,
        says="12 major joints within 50 mm",
    ),
    Measure(
        name="AUC",
        unit="",
        joints="smpl24_root",
        beside="major12_root",
        of=m.area_200,
        says="area under their PCK from 0 to 200 mm",
    ),
)
_H36M_ROOT: Final = (
    _mpjpe("3dpw14_h36m", "from the regressed pelvis"),
    _pve("3dpw14_h36m"),
    *_accelerations("3dpw14_h36m"),
)
_MIDHIP: Final = (
    _mpjpe("3dpw14_midhip", "from the middle of the regressed hips"),
    _pve("3dpw14_midhip"),
    *_accelerations("3dpw14_midhip"),
)
_3DPW14 = ScoringProtocol(
    name="3dpw14",
    measures=(*_H36M_ROOT, *_MIDHIP, _pa_mpjpe("3dpw14_pa"), _PA_PVE),
    validity="valid frames",
    place="camera",
    estimate_gender="neutral",
    says="3DPW's test set, 14 joints regressed from the skin, with both roots that the literature takes",
    source="SPIN, BEDLAM, CameraHMR, mmhuman3d; VIBE, WHAM",
)
_H36M = ScoringProtocol(
    name="h36m_p1",
    place="camera",
    measures=(_mpjpe("3dpw14_h36m", "from the pelvis"), _pa_mpjpe("3dpw14_pa")),
    estimate_gender="neutral",
    says="Human3.6M, subjects 9 and 11, all four cameras, 14 joints (HMR's and SPIN's P1)",
    source="Kanazawa et al. 2018 (HMR); Kolotouros et al. 2019 (SPIN)",
)

SCORING_PROTOCOLS: Final[dict[str, ScoringProtocol]] = {
    one.name: one
    for one in (
        _3DPW14,
        replace(
            _3DPW14,
            name="3dpw14_h36m",
            measures=(*_H36M_ROOT, _pa_mpjpe("3dpw14_pa"), _PA_PVE),
            says="3DPW's test set, 14 joints regressed from the skin, from the regressed pelvis",
            source="SPIN, BEDLAM, CameraHMR, mmhuman3d",
        ),
        replace(
            _3DPW14,
            name="3dpw14_midhip",
            measures=(*_MIDHIP, _pa_mpjpe("3dpw14_pa"), _PA_PVE),
            says="3DPW's test set, 14 joints regressed from the skin, from the middle of the regressed hips",
            source="VIBE, WHAM",
        ),
        ScoringProtocol(
            name="3dpw_challenge",
            measures=(
                _mpjpe("3dpw_challenge", "from the pelvis joint"),
                _pa_mpjpe("smpl24_pa"),
                *_CHALLENGE,
                *_angles("smpl24_pa"),
            ),
            validity="valid frames",
            place="camera",
            says="the 3DPW challenge's six figures, 24 joints, of frames with a valid camera and a 2D pose",
            source="aymenmir1/3dpw-eval, evaluate.py",
        ),
        ScoringProtocol(
            name="smpl24",
            measures=(
                _mpjpe("smpl24_abs", "where the camera or the world has them"),
                Measure(
                    name="MRPE",
                    unit="mm",
                    joints="smpl24_abs",
                    beside="pelvis",
                    of=m.root_error,
                    says="the pelvis joint",
                ),
                _mpjpe("smpl24_root", "from the pelvis joint"),
                _mpjpe("smpl24_midhip", "from the middle of the hips"),
                _pa_mpjpe("smpl24_pa"),
                _pve("smpl24_root"),
                _PA_PVE,
                *_angles("smpl24_pa"),
                *_CHALLENGE,
                *_accelerations("smpl24_root"),
                Measure(name="jitter", unit="10m/s³", joints="smpl24_abs", of=m.jitter, says=_JITTER),
                Measure(
                    name="jitter of the truth",
                    unit="10m/s³",
                    joints="smpl24_abs",
                    of=m.true_jitter,
                    says="what a perfect prediction has",
                ),
                _SLIDING,
            ),
            says="everything that 24 joints, the skin and the turns of the bodies can say; needs no regressor",
            source="humanrig",
        ),
        ScoringProtocol(
            name="emdb",
            measures=(
                _mpjpe("smpl24_midhip", "from the middle of the hips"),
                _pa_mpjpe("smpl24_pa"),
                _pve("smpl24_midhip"),
                Measure(
                    name="PA-PVE",
                    unit="mm",
                    joints="smpl24_pa",
                    beside="by smpl24_pa",
                    of=m.vertex_error_by_joints,
                    says="vertices after the turn, shift and size that align the joints",
                ),
                *_angles("smpl24_pa"),
                Measure(
                    name="jitter",
                    unit="10m/s³",
                    joints="smpl24_root",
                    beside="emdb_jitter",
                    of=m.emdb_jitter,
                    over="sequences",
                    says="third differences of the prediction from its pelvis, nine joints still, good frames joined",
                ),
            ),
            validity="valid frames",
            place="camera",
            says="EMDB 1, in the camera's frame: good frames, 24 joints",
            source="eth-ait/emdb, evaluation_metrics.py and evaluation_engine.py",
        ),
        ScoringProtocol(
            name="emdb_world",
            measures=(
                Measure(
                    name="W-MPJPE_100",
                    unit="mm",
                    joints="smpl24_abs",
                    of=m.world_error,
                    says="chunks of 100 frames aligned by their first two",
                ),
                Measure(
                    name="WA-MPJPE_100",
                    unit="mm",
                    joints="smpl24_abs",
                    of=m.aligned_world_error,
                    says="chunks of 100 frames aligned as a whole",
                ),
                Measure(
                    name="RTE",
                    unit="%",
                    joints="smpl24_abs",
                    beside="pelvis",
                    of=m.root_path_error,
                    says="pelvis after one rigid alignment of the path, by its length",
                ),
                Measure(name="jitter", unit="10m/s³", joints="smpl24_abs", of=m.wham_jitter, says=_JITTER),
                replace(_SLIDING, of=m.joined_sliding),
            ),
            validity="valid frames",
            place="world",
            says="EMDB 2, in the world: good frames put together",
            source="WHAM, lib/eval; GVHMR, hmr4d/utils/eval",
        ),
        _H36M,
        replace(
            _H36M,
            name="h36m_p2",
            validity="frontal camera",
            says="Human3.6M, subjects 9 and 11, the frontal camera alone, 14 joints (HMR's and SPIN's P2)",
        ),
    )
}
"""Every protocol of people who are known by name; people of pictures are matched first, by `agora`."""


def scoring_protocol(name: str) -> ScoringProtocol:
    """The protocol of this name. Raises HpsError for one that there is none of."""
    if name not in SCORING_PROTOCOLS:
        raise HpsError(f"no scoring protocol is called {name!r}; there are {', '.join([*SCORING_PROTOCOLS, 'agora'])}")
    return SCORING_PROTOCOLS[name]
