from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from simulated_scene import open_body, ring, standing

from body.joints import JOINT_INDEX
from body.parameters import BodyParameters
from geometry.cloud import PointCloud
from geometry.rigid import from_rotvec
from registration.body_track import read_body_track
from registration.errors import RegistrationError
from registration.fit.clip import ClipKeypoints, fit_clip
from registration.fit.config import FitConfig
from registration.fit.initial import initial_state
from registration.fit.landmarks import Landmarks
from registration.fit.posing import PosedClip
from registration.fit.report import landmark_points
from registration.fit.rest import RestBody
from registration.fit.state import FitState
from registration.fit.surface import vertex_normals
from registration.fit.system import NormalEquations
from registration.keypoints.sets import BLAZEPOSE_NAMES

FRAMES = 6


@pytest.fixture(scope="module")
def model():
    return open_body()


@pytest.fixture(scope="module")
def truth(model):
    parameters = standing(model, FRAMES, np.random.default_rng(11), betas=0.8)
    return parameters, model.pose(parameters)


def _keypoints(model, parameters, noise, seed=0, cameras=None):
    """What the detector should say of the body, with noise in metres and, at 2.3 m, the same in pixels."""
    rng = np.random.default_rng(seed)
    cameras = list(ring(5, 1280, 1152).values()) if cameras is None else cameras
    landmarks = Landmarks.of(model, BLAZEPOSE_NAMES, RestBody.of(model, model.shape_count))
    state = replace(FitState.from_parameters(parameters), offsets=landmarks.offset_m)
    p = np.full((len(parameters), len(BLAZEPOSE_NAMES), 3), np.nan)
    p[:, landmarks.index] = landmark_points(landmarks, state)
    q = np.stack([camera.project(p) for camera in cameras], 1) if cameras else np.zeros((len(p), 0, p.shape[1], 2))
    q = q + noise * 440 * rng.standard_normal(q.shape)
    used = np.isfinite(q).all(-1)
    return ClipKeypoints(
        names=BLAZEPOSE_NAMES,
        cameras=cameras,
        p_world=p + noise * rng.standard_normal(p.shape),
        sigma=np.full(p.shape[:2], max(noise, 1e-3)),
        q=q,
        confidence=np.where(used, 0.9, 0.0),
        used=used,
        time_us=np.arange(len(p)) * 33_333,
        instants=np.arange(len(p)),
    )


def _clouds(model, posed, noise=0.002, seed=1, count=4000):
    rng = np.random.default_rng(seed)
    clouds = []
    for v in posed.vertices:
        corners = v[model.faces]
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        area = np.linalg.norm(cross, axis=1)
        face = rng.choice(len(area), count, p=area / area.sum())
        points = np.einsum("nc,nci->ni", rng.dirichlet(np.ones(3), count), corners[face])
        normals = vertex_normals(v, model.faces)[model.faces[face, 0]]
        points = points + noise * rng.standard_normal((count, 1)) * normals
        clouds.append(PointCloud(points=points, normals=normals, sigma=np.full(count, noise)))
    return clouds


def _errors_mm(model, fit, posed):
    found = model.pose(fit.track.parameters)
    pve = 1000 * np.linalg.norm(found.vertices - posed.vertices, axis=-1).mean()
    return pve, 1000 * np.linalg.norm(found.joints - posed.joints, axis=-1).mean()


@pytest.fixture(scope="module")
def fits(model, truth):
    """The same noisy keypoints with and without clouds."""
    keypoints = _keypoints(model, truth[0], 0.01)
    return fit_clip(model, keypoints), fit_clip(model, keypoints, _clouds(model, truth[1]))


def test_keypoints_alone_give_the_body(model, truth, fits):
    pve, mpjpe = _errors_mm(model, fits[0], truth[1])
    # keypoints are 10 mm off along each axis; pelvis and hips are the least certain (offsets of 40 mm are allowed)
    assert pve < 18
    assert mpjpe < 18


def test_clouds_make_it_exact(model, truth, fits):
    (pve, mpjpe), without = _errors_mm(model, fits[1], truth[1]), _errors_mm(model, fits[0], truth[1])
    assert pve < 3.5  # noise of 2 mm on 4,000 points leaves the prior's pull
    assert mpjpe < 3.5
    assert pve < without[0] / 2
    # bodies that are not in the model and painted clothes are allowed for: 4 mm of each patch
    assert np.abs(fits[1].track.parameters.betas[:3] - truth[0].betas[:3]).max() < 0.25
    assert np.nanmax(fits[1].track.surface_mm) < 4
    assert set(fits[1].track.flags) == {""}


def test_hands_and_trunk_improve_with_clouds(model, truth, fits):
    for part in ("left_hand", "pelvis", "spine2"):
        j = JOINT_INDEX[part]
        errors = [np.linalg.norm(f.track.joints[:, j] - truth[1].joints[:, j], axis=-1).mean() for f in fits]
        assert errors[1] < errors[0]


def test_error_falls_with_noise(model, truth):
    errors = [_errors_mm(model, fit_clip(model, _keypoints(model, truth[0], n)), truth[1])[1] for n in (0.03, 0.003)]
    assert errors[1] < 0.75 * errors[0]  # what stays is the priors' pull on what keypoints do not show


def test_a_turned_world_gives_a_turned_body(model, truth):
    """Moving the cameras and the points about the vertical and along the floor moves the body and nothing else."""
    T = from_rotvec(np.array([0, 0, 1.2]), np.array([0.5, -0.3, 0.0]))
    keypoints = _keypoints(model, truth[0], 0.01)
    moved = replace(
        keypoints,
        cameras=[c.at(T @ c.T_world_camera) for c in keypoints.cameras],
        p_world=keypoints.p_world @ T[:3, :3].T + T[:3, 3],
    )
    a, b = fit_clip(model, keypoints).track, fit_clip(model, moved).track
    assert np.abs(a.joints @ T[:3, :3].T + T[:3, 3] - b.joints).max() < 2e-3  # where the iterations stop
    assert np.abs(a.parameters.betas - b.parameters.betas).max() < 0.05


def test_a_gap_is_interpolated_and_flagged(model):
    parameters = standing(model, 10, np.random.default_rng(2))
    keypoints = _keypoints(model, parameters, 0.003)
    p, used = keypoints.p_world.copy(), keypoints.used.copy()
    p[4:6], used[4:6] = np.nan, False
    fit = fit_clip(model, replace(keypoints, p_world=p, used=used))
    whole = fit_clip(model, keypoints)
    assert len(fit.track) == 10
    assert all("no keypoints" in flag for flag in fit.track.flags[4:6])
    assert all(flag == "" for flag in np.delete(fit.track.flags, [4, 5]))
    assert np.isnan(fit.track.keypoint_px[4:6]).all()
    # smooth motion of a second in 10 frames: the gap is bridged to within 5 cm
    assert np.linalg.norm(fit.track.joints[4:6] - whole.track.joints[4:6], axis=-1).max() < 0.05


def test_nobody_turns_round_when_left_and_right_are_mixed_up_once(model):
    keypoints = _keypoints(model, standing(model, 10, np.random.default_rng(4)), 0.003)
    mirror = [BLAZEPOSE_NAMES.index(_other_side(name)) for name in BLAZEPOSE_NAMES]
    p = keypoints.p_world.copy()
    p[5] = p[5, mirror]
    fit = fit_clip(model, replace(keypoints, p_world=p, cameras=[], q=keypoints.q[:, :0], used=keypoints.used[:, :0],
                                  confidence=keypoints.confidence[:, :0]))  # fmt: skip
    R = Rotation.from_rotvec(fit.track.parameters.global_orient)
    assert np.degrees((R[1:] * R[:-1].inv()).magnitude()).max() < 45
    assert [n for n, flag in enumerate(fit.track.flags) if "left and right exchanged" in flag] == [5]
    right = fit_clip(model, replace(keypoints, cameras=[], q=keypoints.q[:, :0], used=keypoints.used[:, :0],
                                    confidence=keypoints.confidence[:, :0]))  # fmt: skip
    assert np.abs(right.track.joints - fit.track.joints).max() < 1e-3  # the same keypoints again


def test_clouds_carry_the_body_through_frames_without_keypoints(model, truth):
    keypoints = _keypoints(model, truth[0], 0.005)
    p, used = keypoints.p_world.copy(), keypoints.used.copy()
    p[2:4], used[2:4] = np.nan, False
    fit = fit_clip(model, replace(keypoints, p_world=p, used=used), _clouds(model, truth[1]))
    error = 1000 * np.linalg.norm(model.pose(fit.track.parameters).vertices - truth[1].vertices, axis=-1).mean(1)
    assert error[2:4].max() < 8  # 3 to 4 mm with keypoints


def test_pieces_of_a_long_clip_join(model, truth):
    keypoints = _keypoints(model, standing(model, 24, np.random.default_rng(5)), 0.005)
    whole = fit_clip(model, keypoints).track
    pieces = fit_clip(model, keypoints, config=FitConfig(frames_at_once=12)).track
    assert len(pieces) == 24
    assert np.linalg.norm(whole.joints - pieces.joints, axis=-1).mean() < 0.012
    jump = np.linalg.norm(np.diff(pieces.joints, axis=0), axis=-1).max()
    assert jump < 1.5 * np.linalg.norm(np.diff(whole.joints, axis=0), axis=-1).max()


def test_without_a_trunk_there_is_no_body(model, truth):
    keypoints = _keypoints(model, truth[0], 0.01)
    p = keypoints.p_world.copy()
    p[:, BLAZEPOSE_NAMES.index("left_hip")] = np.nan
    with pytest.raises(RegistrationError, match=f"none of {FRAMES} instants shows both shoulders"):
        fit_clip(model, replace(keypoints, p_world=p))
    few = [n for n, name in enumerate(BLAZEPOSE_NAMES) if "hip" not in name]
    with pytest.raises(RegistrationError, match="without the keypoints left_hip, right_hip"):
        fit_clip(
            model,
            replace(
                keypoints,
                names=[BLAZEPOSE_NAMES[n] for n in few],
                p_world=p[:, few],
                q=keypoints.q[:, :, few],
                sigma=keypoints.sigma[:, few],
                confidence=keypoints.confidence[:, :, few],
                used=keypoints.used[:, :, few],
            ),
        )


def test_the_start_is_close(model, truth):
    keypoints = _keypoints(model, truth[0], 0.0, cameras=[])
    landmarks = Landmarks.of(model, BLAZEPOSE_NAMES, RestBody.of(model, 10))
    state = initial_state(model, landmarks.names, keypoints.p_world[:, landmarks.index], 10)
    joints = model.pose(state.parameters()).joints
    limbs = [JOINT_INDEX[j] for j in ("left_wrist", "right_wrist", "left_ankle", "right_ankle", "left_knee")]
    assert np.linalg.norm(joints[:, limbs] - truth[1].joints[:, limbs], axis=-1).mean() < 0.06


def test_derivatives_match_finite_differences(model):
    rng = np.random.default_rng(0)
    rest = RestBody.of(replace(model, posedirs=None), 6, fit_child=True)  # derivatives leave the correctives out
    state = FitState(
        rotations=Rotation.random(48, random_state=1).as_matrix().reshape(2, 24, 3, 3),
        transl=rng.standard_normal((2, 3)),
        betas=rng.standard_normal(6),
        offsets=np.zeros((0, 3)),
        child=0.3,
        fits_child=True,
    )
    N = 30
    frame, vertex, joint = np.arange(N) % 2, rng.choice(len(rest.template), N), rng.integers(0, 24, N)
    along = rng.standard_normal((N, 3))

    def measured(s):
        body = PosedClip(s, rest)
        return ((body.vertices[frame, vertex] * along).sum(-1), (body.joints[frame, joint] * along).sum(-1))

    body = PosedClip(state, rest)
    rows = body.vertex_rows(frame, vertex, along), body.joint_rows(frame, joint, along)
    h = 1e-6
    for unknown in range(82):
        step, shared = np.zeros((2, 75)), np.zeros(7)
        (step[:, unknown] if unknown < 75 else shared[unknown - 75 : unknown - 74]).fill(h)
        up, down = measured(state.stepped(step, shared)), measured(state.stepped(-step, -shared))
        for r, u, d in zip(rows, up, down):
            # central differences in float64: rounding 1e-16 / 1e-6, times metres
            np.testing.assert_allclose(r[:, unknown], (u - d) / (2 * h), atol=1e-7)


def test_posing_is_the_models_own(model, truth):
    body = PosedClip(FitState.from_parameters(truth[0]), RestBody.of(model, model.shape_count))
    np.testing.assert_allclose(body.vertices, truth[1].vertices, atol=1e-12)
    np.testing.assert_allclose(body.joints, truth[1].joints, atol=1e-12)


def test_the_banded_solution_is_the_dense_one():
    rng = np.random.default_rng(0)
    T, S, N = 4, 3, 60
    system = NormalEquations.zeros(T, S)
    frames = np.repeat(np.arange(T), N)
    system.add_rows(frames, rng.standard_normal((T * N, 78)), rng.random(T * N), np.ones(T * N), 0.0)
    for t in range(T - 1):
        system.add_between(t, *rng.standard_normal((2, 1, 78)), np.ones(1), np.ones(1), 0.0)
    system.A += 5 * np.eye(75)
    system.A_shared += np.eye(S)
    system.A_second[:-2] = 0.5
    step, shared = system.solve(0.0)
    dense = np.zeros((T * 75 + S, T * 75 + S))
    for t in range(T):
        here, later, last = (slice(75 * k, 75 * k + 75) for k in (t, t + 1, t + 2))
        dense[here, here] = system.A[t]
        dense[here, T * 75 :] = system.A_border[t]
        dense[T * 75 :, here] = system.A_border[t].T
        if t + 1 < T:
            dense[later, here], dense[here, later] = system.A_next[t], system.A_next[t].T
        if t + 2 < T:
            dense[last, here] = dense[here, last] = np.diag(system.A_second[t])
    dense[T * 75 :, T * 75 :] = system.A_shared
    solution = np.linalg.solve(dense, np.concatenate([system.b.ravel(), system.b_shared]))
    np.testing.assert_allclose(step.ravel(), solution[: T * 75], atol=1e-6)
    np.testing.assert_allclose(shared, solution[T * 75 :], atol=1e-6)


def test_a_track_survives_the_disk(fits, tmp_path):
    track = fits[0].track
    track.write(tmp_path / "person00.npz")
    again = read_body_track(tmp_path / "person00.npz")
    for name in ("joints", "instants", "time_us", "keypoint_px", "flags", "landmarks"):
        assert (getattr(again, name) == getattr(track, name)).all()
    assert (again.parameters.body_pose == track.parameters.body_pose).all()
    assert isinstance(again.parameters, BodyParameters)
    assert again.landmark_names == track.landmark_names
    with pytest.raises(RegistrationError, match="is missing"):
        read_body_track(tmp_path / "person01.npz")
    np.savez(tmp_path / "person02.npz", betas=np.zeros(3))
    with pytest.raises(RegistrationError, match="is not a fitted body"):
        read_body_track(tmp_path / "person02.npz")


def _other_side(name):
    return name.replace("left", "right") if "left" in name else name.replace("right", "left")
