"""What several tests of this folder look at: a real device's cameras, a body-like mesh, a plain camera."""

from __future__ import annotations

import json

import numpy as np
import pytest
import trimesh

from geometry.camera import Camera
from geometry.camera_files.azure_kinect import KinectCalibration, parse_kinect_calibration
from geometry.mesh import TriangleMesh
from geometry.rigid import look_at

# The factory calibration of a real device: numbers of tests/assets/calibration.json in etiennedub/pyk4a at commit
# 8c153164 (MIT licence), whose golden points test_azure_kinect_golden.py reproduces.
UNIT = {
    "Depth": {
        "sensor": (1024, 1024),
        "radius": 1.739999771118164,
        "p": [0.5129697918891907, 0.5169235467910767, 0.4927808940410614, 0.49290284514427185]
        + [0.5479397773742676, -0.020971370860934258, -0.002652231603860855]
        + [0.8896790742874146, 0.08613020926713943, -0.013910384848713875]
        + [0, 0, -7.210415787994862e-05, 2.0557534298859537e-05],
        "R": [1, 0, 0, 0, 1, 0, 0, 0, 1],
        "t": [0, 0, 0],
    },
    "PhotoVideo": {
        "sensor": (4096, 3072),
        "radius": 0,
        "p": [0.4998471438884735, 0.5066176056861877, 0.4779651165008545, 0.6374239325523376]
        + [0.33012130856513977, -2.489396572113037, 1.453670859336853]
        + [0.20891207456588745, -2.302915096282959, 1.3751275539398193]
        + [0, 0, -0.00012944525224156678, -0.00016178244550246745],
        "R": [0.9999992251396179, 0.001181757659651339, -0.0004481404321268201]
        + [-0.0011387512786313891, 0.9962806105613708, 0.0861603245139122]
        + [0.0005482942215166986, -0.08615975081920624, 0.9962812066078186],
        "t": [-0.032083429396152496, -0.0022053730208426714, 0.003883692668750882],
    },
}


def unit_json(unit: dict = UNIT) -> dict:
    """The raw calibration that a device with these numbers would send."""
    cameras = [
        {
            "Purpose": f"CALIBRATION_CameraPurpose{purpose}",
            "SensorWidth": c["sensor"][0],
            "SensorHeight": c["sensor"][1],
            "MetricRadius": c["radius"],
            "Intrinsics": {
                "ModelType": "CALIBRATION_LensDistortionModelBrownConrady",
                "ModelParameterCount": 14,
                "ModelParameters": list(c["p"]),
            },
            "Rt": {"Rotation": c["R"], "Translation": c["t"]},
        }
        for purpose, c in unit.items()
    ]
    return {"CalibrationInformation": {"Cameras": cameras, "Metadata": {"SerialId": "001514394512"}}}


@pytest.fixture
def raw_calibration() -> dict:
    return unit_json()


@pytest.fixture(scope="session")
def kinect() -> KinectCalibration:
    return parse_kinect_calibration(json.dumps(unit_json()).encode(), "constants")


@pytest.fixture(scope="session")
def body_mesh() -> TriangleMesh:
    """Head, trunk and limbs that touch, 1.75 m tall, feet on the floor: thin parts, silhouettes, self-occlusion."""

    def limb(start, end, radius):
        capsule = trimesh.creation.capsule(
            height=np.linalg.norm(np.subtract(end, start)), radius=radius, count=[24, 24]
        )
        capsule.apply_transform(trimesh.geometry.align_vectors([0, 0, 1], np.subtract(end, start)))
        return capsule.apply_translation(np.add(start, end) / 2).subdivide_to_size(0.06)

    parts = [
        limb([0, 0, 0.85], [0, 0, 1.4], 0.14),
        trimesh.creation.icosphere(3, 0.11).apply_translation([0, 0, 1.64]),
        limb([0.1, 0, 0.08], [0.1, 0, 0.9], 0.07),
        limb([-0.1, 0.05, 0.08], [-0.1, 0, 0.9], 0.07),
        limb([0.2, 0, 1.4], [0.7, 0.1, 1.35], 0.045),
        limb([-0.2, 0, 1.4], [-0.3, -0.3, 1.1], 0.045),
    ]
    merged = trimesh.util.concatenate(parts)
    return TriangleMesh(vertices=np.array(merged.vertices), faces=np.array(merged.faces, np.int64))


@pytest.fixture
def pinhole() -> Camera:
    """A small camera without lens distortion, 2.2 m in front of the body."""
    K = np.array([[210.0, 0, 159.3], [0, 212.0, 143.8], [0, 0, 1]])
    T = look_at(np.array([0.3, -2.2, 1.2]), np.array([0.0, 0.0, 0.9]))
    return Camera(name="pinhole", K=K, width=320, height=288, T_world_camera=T)
