"""Cameras that look at a person are put right by what they see, and a better calibration is left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calibration.errors import CalibrationError
from calibration.geometric.depth_clouds import inside_cloud
from calibration.geometric.refine import refine_by_geometry
from calibration.pose_covariance import PoseCovariance
from calibration.rig import RigCalibration
from capture.virtual.furniture_shapes import tube
from geometry.camera import Camera
from geometry.cloud import PointCloud
from geometry.rays import RayScene
from geometry.rigid import from_rotvec, inverse, look_at, rigid, rotation_angle, transform

COUNT = 5
NOISE_M = 1.5e-3
GOOD_M, GOOD_RAD = 0.5e-3, np.deg2rad(0.03)
"""Of a good board calibration, root mean square over the three axes."""


def person(turn: float) -> RayScene:
    """A body of tubes with its arms out, turned about the vertical."""
    parts = [
        tube([(0, 0, 0.85), (0.02, 0, 1.1), (0, 0.02, 1.4)], 0.16),
        tube([(0, 0, 1.45), (0.02, 0, 1.72)], 0.1),
        tube([(0.1, 0, 1.4), (0.4, 0.1, 1.35), (0.6, 0.25, 1.55)], 0.05),
        tube([(-0.1, 0, 1.4), (-0.35, -0.1, 1.2), (-0.45, 0.15, 1.0)], 0.05),
        tube([(0.1, 0, 0.85), (0.15, 0.1, 0.6), (0.15, 0, 0.3)], 0.08),
        tube([(-0.1, 0, 0.85), (-0.2, -0.2, 0.6), (-0.2, -0.4, 0.45)], 0.08),
    ]
    offsets = np.cumsum([0] + [len(p.vertices) for p in parts[:-1]])
    R = from_rotvec(np.array([0, 0, turn]), np.zeros(3))[:3, :3]
    vertices = np.concatenate([p.vertices for p in parts]) @ R.T
    return RayScene(vertices, np.concatenate([p.faces + o for p, o in zip(parts, offsets)]))


@pytest.fixture(scope="module")
def rig() -> RigCalibration:
    """As it truly stands; each device has a colour camera beside its depth camera."""
    cameras = {}
    for i in range(COUNT):
        angle = 2 * np.pi * i / COUNT
        eye = np.array([2.2 * np.cos(angle), 2.2 * np.sin(angle), 1.0 + 0.5 * (i % 2)])
        T = look_at(eye, np.array([0, 0, 1.0]))
        K = np.array([[150.0, 0, 87.5], [0, 150, 87.5], [0, 0, 1]])
        for kind, x in (("depth", 0.0), ("color", 0.032)):
            name = f"cam{i}/{kind}"
            beside = T @ rigid(np.eye(3), np.array([x, 0, 0]))
            cameras[name] = Camera(name=name, K=K, width=176, height=176, T_world_camera=beside)
    return RigCalibration(cameras=cameras, source="test")


@pytest.fixture(scope="module")
def clouds(rig: RigCalibration) -> dict[str, tuple[PointCloud, ...]]:
    rng = np.random.default_rng(0)
    scenes = [person(turn) for turn in (0.0, 1.2)]
    found = {}
    for name, camera in rig.cameras.items():
        if name.endswith("depth"):
            images = [scene.cast_camera(camera).t for scene in scenes]
            noisy = [np.where(np.isfinite(z), z + rng.normal(0, NOISE_M, z.shape), np.nan) for z in images]
            found[name] = tuple(inside_cloud(z, camera, rig) for z in noisy)
    return found


def off(rig: RigCalibration, center_m: float, rotation_rad: float, seed: int, *, exact: bool) -> RigCalibration:
    """The rig with each camera off: by exactly as much, whole devices; or at random, cameras of a device apart."""
    rng = np.random.default_rng(seed)
    cameras, errors = {}, {}
    for name, camera in rig.cameras.items():
        device = name.partition("/")[0]
        if exact and device in errors:
            cameras[name] = camera.at(errors[device] @ camera.T_world_camera)
            continue
        w, c = rng.normal(size=3), rng.normal(size=3)
        if exact:
            w, c = rotation_rad * w / np.linalg.norm(w), center_m * c / np.linalg.norm(c)
        else:
            w, c = rotation_rad / np.sqrt(3) * w, center_m / np.sqrt(3) * c
        T = camera.T_world_camera @ from_rotvec(w, np.zeros(3))
        T[:3, 3] += c
        cameras[name], errors[device] = camera.at(T), T @ inverse(camera.T_world_camera)
    return replace(rig, cameras=cameras)


def with_covariance(rig: RigCalibration) -> RigCalibration:
    """States the covariance of a good board calibration."""
    diagonal = np.tile([GOOD_RAD**2 / 3] * 3 + [GOOD_M**2 / 3] * 3, len(rig.cameras))
    return replace(
        rig, covariance=PoseCovariance(cameras=tuple(rig.cameras), matrix=np.diag(diagonal), gauge="aligned")
    )


def errors(found: RigCalibration, true: RigCalibration, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Millimetres and degrees by camera after the best rigid alignment of the centres."""
    names = [name for name in true.cameras if name.endswith(kind)]
    a = np.stack([found.cameras[n].center for n in names])
    b = np.stack([true.cameras[n].center for n in names])
    U, _, Vt = np.linalg.svd((a - a.mean(0)).T @ (b - b.mean(0)))
    R = Vt.T @ np.diag([1, 1, np.linalg.det(Vt.T @ U.T)]) @ U.T
    T = rigid(R, b.mean(0) - R @ a.mean(0))
    moved = [T @ found.cameras[n].T_world_camera for n in names]
    turned = [rotation_angle(inverse(true.cameras[n].T_world_camera) @ m) for n, m in zip(names, moved)]
    return 1e3 * np.linalg.norm(np.stack([m[:3, 3] for m in moved]) - b, axis=1), np.rad2deg(np.array(turned))


@pytest.mark.parametrize("seed", [0])
def test_a_perturbed_rig_comes_back(rig, clouds, seed):
    start = off(rig, 0.010, np.deg2rad(1.0), seed, exact=True)
    before_mm, _ = errors(start, rig, "depth")
    assert before_mm.mean() > 5
    result = refine_by_geometry(clouds, start)
    mm, degrees = errors(result.calibration, rig, "depth")
    assert mm.max() < 3.0  # the demand on the whole stage
    assert degrees.max() < 0.1
    color_mm, _ = errors(result.calibration, rig, "color")
    assert color_mm.max() < 3.0  # colour cameras move with their devices
    assert result.unsolved == {}


def test_a_good_calibration_is_not_made_worse(rig, clouds):
    before, after = [], []
    for seed in range(2):
        good = with_covariance(off(rig, GOOD_M, GOOD_RAD, seed, exact=False))
        result = refine_by_geometry(clouds, good)
        before.append(errors(good, rig, "depth")[0])
        after.append(errors(result.calibration, rig, "depth")[0])
        assert not any(found.left for found in result.disagreement.values())
        assert result.calibration.covariance is not None
        assert good.covariance is not None
        aligned = good.covariance.aligned(good.cameras)
        for name in clouds:
            assert result.calibration.covariance.center_sigma_m(name) <= aligned.center_sigma_m(name) * 1.001
    assert np.sqrt(np.mean(np.square(after))) < 1.05 * np.sqrt(np.mean(np.square(before)))


def test_a_moved_device_is_named_and_brought_back_with_its_colour_camera(rig, clouds):
    good = with_covariance(off(rig, GOOD_M, GOOD_RAD, 5, exact=False))
    nudge = from_rotvec(np.array([0.0, 0, 0.02]), np.array([0.01, 0.02, 0]))
    moved = {n: c.at(nudge @ c.T_world_camera) if n.startswith("cam2/") else c for n, c in good.cameras.items()}
    result = refine_by_geometry(clouds, replace(good, cameras=moved))
    assert [name for name, found in result.disagreement.items() if found.left] == ["cam2/depth"]
    (verdict,) = [v for v in result.verdicts if v.subject == "cam2/depth"]
    assert not verdict.good
    assert "moved" in verdict.text
    mm, degrees = errors(result.calibration, rig, "depth")
    assert mm.max() < 3
    assert degrees.max() < 0.1
    assert errors(result.calibration, rig, "color")[0].max() < 3


def test_a_camera_that_sees_nothing_of_the_others_is_named_and_stays(rig, clouds):
    away = dict(clouds)
    away["cam1/depth"] = tuple(PointCloud(points=np.zeros((0, 3))) for _ in clouds["cam1/depth"])
    result = refine_by_geometry(away, rig)
    assert set(result.unsolved) == {"cam1/depth"}
    assert "cam1/depth" not in result.disagreement
    verdicts = {v.subject: v for v in result.verdicts}
    assert not verdicts["cam1/depth"].good


def test_what_lies_inside_does_not_depend_on_the_world_where_no_floor_is_known(rig):
    camera = rig.cameras["cam0/depth"]
    depth = person(0.0).cast_camera(camera).t
    turned = from_rotvec(np.array([1.0, -0.7, 0.4]), np.array([0.3, 2, -1]))
    elsewhere = replace(rig, cameras={n: c.at(turned @ c.T_world_camera) for n, c in rig.cameras.items()})
    here = inside_cloud(depth, camera, rig, is_upright=False)
    there = inside_cloud(depth, elsewhere.cameras["cam0/depth"], elsewhere, is_upright=False)
    assert len(here) > 300
    np.testing.assert_array_equal(here.points, there.points)
    upright = transform(camera.T_world_camera, inside_cloud(depth, camera, rig).points)
    assert upright[:, 2].min() >= 0.6  # lower surfaces are bent by echoes from the floor


def test_clouds_that_cannot_be_aligned_are_refused(rig, clouds):
    nothing = {name: tuple(PointCloud(points=np.zeros((0, 3))) for _ in seen) for name, seen in clouds.items()}
    with pytest.raises(CalibrationError, match="no two depth cameras"):
        refine_by_geometry(nothing, rig)
    with pytest.raises(CalibrationError, match="cam9/depth"):
        refine_by_geometry({"cam9/depth": clouds["cam0/depth"]}, rig)
    with pytest.raises(CalibrationError, match="numbers of instants"):
        refine_by_geometry({**clouds, "cam0/depth": clouds["cam0/depth"][:1]}, rig)
