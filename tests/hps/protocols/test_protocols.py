"""Protocols: each ignores what it says it ignores, sees the rest, and says what it needs."""

import inspect
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from body.joints import JOINT_NAMES
from body.loading import load_body_model
from body.parameters import BodyParameters
from hps.errors import HpsError
from hps.protocols import (
    DEFAULT_PROTOCOLS,
    PROTOCOLS,
    back_comparison,
    livehps_angle_deg,
    measure_mm,
    protocol,
    protocol_points,
)
from hps.protocols.named import H36M_TO_LSP14, LSP14

OURS = [p for p in PROTOCOLS.values() if not p.regressor and not p.given and not p.flipped_translation]


def _joints(seed: int, frames: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.5, (frames, 24, 3))


def _measure(how, estimate, truth) -> np.ndarray:
    return measure_mm(how, estimate, truth, np.ones(len(truth), bool) if how.validity else None)


@pytest.mark.parametrize("how", OURS, ids=str)
def test_a_protocol_ignores_what_it_aligns_and_nothing_else(how):
    truth = _joints(0)
    estimate = truth + np.random.default_rng(1).normal(0, 0.03, truth.shape)
    error = _measure(how, estimate, truth)
    assert (error > 5).all()
    shifted, turned, grown = estimate + [0.1, -0.2, 0.3], estimate @ _turn().T, 1.2 * estimate
    ignores = {
        "shift": bool(how.root) or how.alignment != "none",
        "turn": how.alignment != "none",
        "size": how.alignment == "similarity",
    }
    for what, moved in (("shift", shifted), ("turn", turned), ("size", grown)):
        same = _measure(how, moved, truth) == pytest.approx(error, rel=1e-9)
        assert same == ignores[what], what


@pytest.mark.parametrize("how", OURS, ids=str)
def test_a_protocol_sees_its_own_joints_alone(how):
    truth = _joints(2)
    estimate = truth.copy()
    others = sorted(set(range(24)) - set(how.joints) - set(how.root))
    estimate[:, others] += 0.5
    assert _measure(how, estimate, truth) == pytest.approx(0, abs=1e-9)


def test_names_stand_beside_numbers_and_are_told_when_wrong():
    assert [str(p) for p in DEFAULT_PROTOCOLS][:2] == ["smpl24_abs", "smpl24_root"]
    assert all(name == how.name and how.says and how.source for name, how in PROTOCOLS.items())
    assert all(how.comparable for how in DEFAULT_PROTOCOLS)
    assert [p.name for p in PROTOCOLS.values() if not p.comparable] == [
        "3dpw_challenge", "livehps_pose", "livehps_global", "votehmr", "lidar_hmr", "lidar_hmr_lidarh26m",
    ]  # fmt: skip
    with pytest.raises(HpsError, match="no protocol is called 'mpjpe'; there are smpl24_abs, "):
        protocol("mpjpe")


def test_lsp_joints_are_right_first_from_the_ankle_up():
    names = [JOINT_NAMES[joint] for joint in LSP14]
    assert names[:6] == ["right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle"]
    assert names[6:] == [
        "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "neck", "head",
    ]  # fmt: skip
    assert len(set(H36M_TO_LSP14)) == 14


def test_a_regressor_is_the_users_and_of_the_right_body():
    how = protocol("3dpw14_h36m")
    vertices = np.random.default_rng(3).normal(size=(2, 50, 3))
    matrix = np.random.default_rng(4).random((17, 50))
    points = protocol_points(how, _joints(0, 2), vertices, {"h36m17": matrix})
    assert points[1, 3] == pytest.approx(matrix[3] @ vertices[1])
    assert measure_mm(how, points + [1.0, 0, 0], points) == pytest.approx(0, abs=1e-9)  # its own pelvis is the root
    with pytest.raises(HpsError, match="is not ours to ship"):
        protocol_points(how, _joints(0, 2), vertices)
    with pytest.raises(HpsError, match="of 50 vertices, the bodies have 60"):
        # the tests' shape check would see it first
        inspect.unwrap(protocol_points)(how, _joints(0, 2), np.zeros((2, 60, 3)), {"h36m17": matrix})


def test_frames_without_the_flag_do_not_count():
    how, truth = protocol("3dpw_challenge"), _joints(5)
    error = measure_mm(how, truth + 0.01, truth, np.array([True, False, True, True, False]))
    assert np.isnan(error).tolist() == [False, True, False, False, True]
    with pytest.raises(HpsError, match="the flag 'campose_valid_and_poses2d'"):
        measure_mm(how, truth, truth)


def test_livehps_global_adds_the_translation_with_the_wrong_sign():
    truth = _joints(6)
    shift = np.array([0.05, 0.0, 0.0])
    leaning = truth + shift  # all joints and the pelvis are off by the same
    leaning[:, 1:] -= 2 * shift  # the other joints are off the other way
    honest, printed = (measure_mm(protocol(name), leaning, truth) for name in ("smpl24_abs", "livehps_global"))
    assert honest == pytest.approx(50)
    assert printed == pytest.approx((50 + 23 * 150) / 24)


def _body(seed: int, **changes) -> BodyParameters:
    rng = np.random.default_rng(seed)
    body = BodyParameters(
        betas=rng.normal(0, 1, 10),
        global_orient=rng.normal(0, 1, (1, 3)),
        body_pose=rng.normal(0, 0.2, (1, 69)),
        transl=rng.normal(0, 1, (1, 3)),
    )
    return replace(body, **changes)


def test_what_is_handed_over_is_no_error_of_the_estimate():
    model = load_body_model()
    truths = [_body(seed) for seed in range(3)]
    flags = {"over_18_parts": np.ones(3, bool)}
    wrong_shape = [_body(seed, betas=np.full(10, 1.5)) for seed in range(3)]
    wrong_place = [_body(seed, transl=np.full((1, 3), 9.0)) for seed in range(3)]
    shape, place = (back_comparison(model, bodies, truths, valid=flags) for bodies in (wrong_shape, wrong_place))
    assert shape["livehps_pose"].mpjpe_mm == pytest.approx(0, abs=1e-9)
    assert (shape["livehps_shape"].mpjpe_mm > 1).all()
    assert (shape["votehmr"].pve_mm > 5).all()
    assert place["votehmr"].pve_mm == pytest.approx(0, abs=1e-9)
    assert (place["lidar_hmr"].mpjpe_mm > 1000).all()
    perfect = back_comparison(model, truths, truths, valid=flags)
    assert (perfect["lidar_hmr"].mpjpe_mm > 1).all()  # regressed against posed joints: no estimate gets 0
    for name in set(perfect) - {"lidar_hmr", "lidar_hmr_lidarh26m"}:
        assert perfect[name].mpjpe_mm == pytest.approx(0, abs=1e-9)
    assert livehps_angle_deg(model, wrong_place, truths) == pytest.approx(0, abs=1e-9)


def test_refusals_stay_nan_and_flags_that_are_not_given_leave_a_protocol_out():
    model = load_body_model()
    truths = [_body(seed) for seed in range(3)]
    found = back_comparison(model, [truths[0], None, truths[2]], truths)
    assert "votehmr" not in found
    assert np.isnan(found["dapt24"].mpjpe_mm).tolist() == [False, True, False]
    with pytest.raises(HpsError, match="2 estimates for 3 truths"):
        back_comparison(model, truths[:2], truths)


def _turn() -> np.ndarray:
    return Rotation.from_rotvec([0.1, 0.3, -0.2]).as_matrix()
