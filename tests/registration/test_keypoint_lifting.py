from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from keypoint_scenes import ring, stick_person, walk

from registration.errors import RegistrationError
from registration.fit.clip_keypoints import ClipKeypoints, pixel_sigma
from registration.fit.keypoint_terms import RayDepth
from registration.keypoints.facing import facing
from registration.keypoints.lifting import LiftOptions, behind_skin, lift, skin_near, votes
from registration.keypoints.observations import Observations
from registration.keypoints.projection import project_all
from registration.keypoints.sets import BLAZEPOSE
from registration.keypoints.track import read_track, write_track
from registration.keypoints.tracking import track_people
from registration.masks.label_warp import UNSEEN, WarpedLabels

J = len(BLAZEPOSE)
SIGMA_PX = 3.0
RIGHT_ARM = [BLAZEPOSE.index(f"right_{kind}") for kind in ("elbow", "wrist")]


def surface(camera, p, visibility, person=0, radius=7):
    """Discs of skin before the joints, as far as the table says, the nearest on top; the room is 5 m away."""
    q = camera.project(p)
    v = (p - camera.center) / np.linalg.norm(p - camera.center, axis=1, keepdims=True)
    metres_per_px = float(np.linalg.norm(p.mean(0) - camera.center)) / camera.K[0, 0]
    skin = p - behind_skin(q, visibility, metres_per_px, BLAZEPOSE, LiftOptions())[:, :1] * v
    z = (skin - camera.center) @ camera.T_world_camera[:3, 2]
    depth = np.full((camera.height, camera.width), 5.0, np.float32)
    label = np.full(depth.shape, -1, np.int8)
    for j in np.argsort(-z):
        x, y = np.round(q[j]).astype(int)
        part = slice(max(y - radius, 0), y + radius + 1), slice(max(x - radius, 0), x + radius + 1)
        depth[part], label[part] = z[j], person
    return WarpedLabels(left=0, top=0, person=label, depth_m=depth)


@pytest.fixture(scope="module")
def camera():
    return ring(4)[0]


def toward(camera, turn=0.0):
    """A stick person who faces the camera, turned."""
    heading = np.arctan2(camera.center[1], camera.center[0]) + turn
    return stick_person(heading=heading)


@pytest.mark.parametrize(("turn", "expected"), [(0, (1, 0)), (np.pi, (-1, 0)), (-np.pi / 2, (0, -1))])
def test_the_way_a_person_faces_is_seen(camera, turn, expected):
    p = toward(camera, turn)
    trunk, head = facing(camera.project(p), 3.0 / 620, BLAZEPOSE)
    assert trunk @ expected > 0.85  # 30 degrees: the camera looks from above, and the widths are other people's
    assert head @ expected > 0.85


def test_joints_lie_behind_the_skin_that_depth_shows(camera):
    p, visibility = toward(camera), np.ones(J)
    visibility[RIGHT_ARM] = 0.3
    wide = [BLAZEPOSE.index(f"{s}_{k}") for s in ("left", "right") for k in ("shoulder", "elbow", "hip", "knee")]
    q, sigma = camera.project(p), np.full(J, SIGMA_PX)
    found = lift(camera, surface(camera, p, visibility), 0, q, visibility, sigma, BLAZEPOSE)
    assert np.isnan(found.p_world[RIGHT_ARM]).all(), "a hidden joint is not lifted"
    seen = np.setdiff1d(wide, RIGHT_ARM)
    assert np.linalg.norm(found.p_world - p, axis=1)[seen].max() < 0.004  # half a pixel is 2.4 mm
    v = (p - camera.center) / np.linalg.norm(p - camera.center, axis=1, keepdims=True)
    along = np.sqrt(np.einsum("ji,jik,jk->j", v, found.covariance, v))
    total = np.sqrt(np.trace(found.covariance, axis1=1, axis2=2) - along**2)
    assert (along[seen] > 0.012).all(), "a joint is no better known than its distance from the skin"
    np.testing.assert_allclose(total[seen], np.sqrt(2) * SIGMA_PX * 3.0 / 620, rtol=0.15)  # at about 3 m


def test_an_arm_before_the_trunk_is_read_and_doubted():
    depth = np.full((60, 60), 2.0, np.float32)
    depth[:, 28:33] = 1.8
    label = np.zeros((60, 60), np.int8)
    label[:10] = 1
    depth[:10] = 1.0
    labels = WarpedLabels(left=100, top=50, person=label, depth_m=depth)
    at = np.array([130.0, 80.0])
    z, sigma = skin_near(labels, 0, at, 6.0, LiftOptions())
    assert z == pytest.approx(1.8)
    assert sigma > 0.05
    assert skin_near(labels, 0, at, 2.0, LiftOptions()) == (pytest.approx(1.8), pytest.approx(0.0))
    assert np.isnan(skin_near(labels, 0, np.array([300.0, 80.0]), 6.0, LiftOptions())[0])
    # the other person, who is nearer, is not read
    assert skin_near(labels, 0, np.array([110.0, 61.0]), 6.0, LiftOptions())[0] == pytest.approx(2.0)


def test_people_are_told_by_the_surface_they_lie_on(camera):
    p = toward(camera)
    labels = surface(camera, p, np.ones(J), person=1)
    q = np.stack([camera.project(p), camera.project(p) + [300.0, 0]])
    assert votes(labels, q, np.ones((2, J)), 2) == pytest.approx(np.array([[0, 1], [0, 0]]), abs=0.1)
    nobody = replace(labels, person=np.full(labels.person.shape, UNSEEN, np.int8))
    assert not votes(nobody, q, np.ones((2, J)), 2).any()


def clip(cameras, p, visibility):
    q = np.moveaxis(project_all(cameras, p), 2, 1)[:, :, None]
    return Observations(
        streams=[c.name for c in cameras],
        q=q,
        visibility=np.broadcast_to(visibility, q.shape[:-1]).copy(),
        sigma_px=np.full(q.shape[:-1], SIGMA_PX),
    )


def test_one_camera_with_depth_follows_a_person(camera, tmp_path):
    time_s = np.arange(8) / 30
    p = walk(8, (0.0, 0.0), (0.3, 0.1), heading=np.arctan2(camera.center[1], camera.center[0]))
    seen = clip([camera], p, 1.0)
    seen.visibility[..., RIGHT_ARM] = 0.1
    ((track, flipped),) = track_people(
        [camera], seen, range(8), time_s, surfaces=lambda t, _: surface(camera, p[t], np.ones(J))
    )
    assert not flipped.any()
    assert track.lifted is not None
    assert track.lifted.mean() > 0.85
    np.testing.assert_array_equal(track.used[:, 0], track.lifted)
    assert np.isnan(track.p_world[:, RIGHT_ARM]).all()
    trunk = [BLAZEPOSE.index(f"{s}_{k}") for s in ("left", "right") for k in ("shoulder", "hip", "knee")]
    # hands pass before the hips and are taken for them, at times
    assert np.median(np.linalg.norm(track.p_world - p, axis=-1)[:, trunk]) < 0.015
    write_track(track, tmp_path / "person00.npz")
    np.testing.assert_array_equal(read_track(tmp_path / "person00.npz").lifted, track.lifted)
    with pytest.raises(RegistrationError, match="has no keypoints on the person"):
        track_people([camera], seen, range(8), time_s, surfaces=lambda t, _: surface(camera, p[t], np.ones(J), 3))


def test_two_cameras_triangulate_and_lift_what_one_sees():
    cameras = ring(4)[:2]
    p = walk(6, (0.0, 0.0), (0.2, 0.0), heading=0.8)
    seen = clip(cameras, p, 1.0)
    seen.q[:, 1, :, RIGHT_ARM] = np.nan
    asked = []

    def surfaces(t, c):
        asked.append(c)
        return surface(cameras[c], p[t], np.ones(J))

    ((track, _),) = track_people(cameras, seen, range(6), np.arange(6) / 30, surfaces=surfaces)
    assert track.lifted is not None
    np.testing.assert_array_equal(np.flatnonzero(track.lifted.all(0)), RIGHT_ARM)
    assert track.lifted.sum() == 6 * len(RIGHT_ARM)
    assert set(asked) == {0}, "depth is read only where it is needed"
    assert np.linalg.norm(track.p_world - p, axis=-1)[:, RIGHT_ARM].max() < 0.03


def test_the_fit_keeps_what_depth_says_along_the_ray(camera):
    p = toward(camera)[None]
    keypoints = ClipKeypoints(
        names=BLAZEPOSE.names, cameras=[camera], p_world=p, sigma=np.full((1, J), 0.03),
        q=camera.project(p)[:, None], confidence=np.ones((1, 1, J)), used=np.ones((1, 1, J), bool),
        time_us=np.zeros(1, np.int64), instants=np.zeros(1, np.int64), depth_sigma=np.full((1, J), 0.02),
    )  # fmt: skip
    depth = RayDepth.of(keypoints, np.arange(J))
    assert depth is not None
    v = p - camera.center
    v /= np.linalg.norm(v, axis=-1, keepdims=True)
    squared, weight, vv = depth.weights(p + 0.02 * v, 3.0)
    np.testing.assert_allclose(squared, 1.0)
    assert (weight > 0).all()
    across = np.cross(v, [0, 0, 1.0])
    np.testing.assert_allclose(depth.weights(p + 0.5 * across, 3.0)[0], 0, atol=1e-9)
    np.testing.assert_allclose(np.trace(vv, axis1=-2, axis2=-1), 1)
    assert RayDepth.of(replace(keypoints, depth_sigma=None), np.arange(J)) is None
    # lifted points lie on their own detections, which says nothing of the detector
    extent = np.ptp(keypoints.q[0, 0], axis=0).max()
    np.testing.assert_allclose(pixel_sigma(keypoints, 1.5), 6 / 700 * extent)
