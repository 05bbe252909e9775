"""Real recordings in which nobody is: whatever a mask may have cut out of them, no body is to be trusted."""

from pathlib import Path

import numpy as np
import pytest

from capture.importers.detect import import_recording
from capture.iphone.message import PhoneMessage
from capture.session import Session
from geometry.depth import depth_to_points
from geometry.rigid import rotate
from hps.points.estimate import BodyEstimate
from hps.points.estimator import PointEstimator
from hps.points.loading import WEIGHTS, load
from hps.points.person_cloud import PersonCloud

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not (WEIGHTS / "S.safetensors").is_file(), reason=f"needs {WEIGHTS / 'S.safetensors'}"),
]
KINECT = "kinect_001514394512"
PHONE = "iphone_000"
PHONE_FRAMES = (0, 20, 45, 70, 91)
CUTS = 24
"""Person-sized boxes out of the Kinect's frame."""


@pytest.fixture(scope="module")
def estimator() -> PointEstimator:
    return load("S")


@pytest.fixture(scope="module")
def room(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """A desk with a mug before a corner: a wall on the left, a window with its sill and a radiator behind."""
    path = real_data / "azure_kinect_mkv" / "recording.mkv"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    session = import_recording(path, tmp_path_factory.mktemp("room") / "session")
    points = points_of(session, f"{KINECT}/depth", 0)
    assert len(points) > 200_000
    return points


@pytest.fixture(scope="module")
def floor(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[PersonCloud]:
    """A floor with a board and cubes on it, at some instants of a walk round it, up as the phone tells it."""
    folder = real_data / "iphone_lidar_charuco" / "charuco-test-fixture-lowres"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    session = import_recording(folder, tmp_path_factory.mktemp("floor") / "session")
    clouds = []
    for index in PHONE_FRAMES:
        T_arkit_camera = PhoneMessage.of(session.frame(f"{PHONE}/imu", index).payload).T_arkit_camera
        up = rotate(T_arkit_camera.T, np.array([0.0, 1.0, 0.0]))
        clouds.append(PersonCloud.of_camera(points_of(session, f"{PHONE}/depth", index), up=up))
    return clouds


def points_of(session: Session, stream: str, index: int) -> np.ndarray:
    """Every measured point of a depth image, in the frame of the camera."""
    points = depth_to_points(session.frame(stream, index).payload, session.recorded_camera_file().cameras[stream])
    return points[np.isfinite(points).all(-1)].astype(np.float64)


def within(points: np.ndarray, near_m: float, far_m: float, left_m: float = -9.0, right_m: float = 9.0) -> PersonCloud:
    x, z = points[:, 0], points[:, 2]
    return PersonCloud.of_camera(points[(z > near_m) & (z < far_m) & (x > left_m) & (x < right_m)])


def assert_nobody(found: BodyEstimate, what: str) -> None:
    assert found.confidence[0] < 0.5, f"{what}: {found.confidence[0]:.2f}"
    assert found.reasons[0], what


@pytest.mark.parametrize(
    ("near_m", "far_m", "left_m", "right_m"),
    [(1.0, 3.0, -9, 9), (0.2, 4.0, -9, 9), (0.2, 0.8, -9, 9), (0.5, 1.5, -9, -0.2), (1.6, 2.5, -0.2, 1.0)],
    ids=["1 to 3 m", "everything", "the desk and the mug", "the wall", "the window"],
)
def test_nobody_is_found_in_a_room(
    estimator: PointEstimator, room: np.ndarray, near_m: float, far_m: float, left_m: float, right_m: float
) -> None:
    cloud = within(room, near_m, far_m, left_m, right_m)
    assert len(cloud) > 5000
    found = estimator.estimate(cloud)
    assert_nobody(found, "the room")
    assert "--up" not in found.reasons[0]  # no other way up makes a room a person


def test_nobody_is_found_in_person_sized_boxes_of_a_room(estimator: PointEstimator, room: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    cuts = []
    while len(cuts) < CUTS:
        left, near, width = rng.uniform(-1.2, 0.8), rng.uniform(0.5, 1.9), rng.uniform(0.3, 0.9)
        cloud = within(room, near, near + rng.uniform(0.3, 1.0), left, left + width)
        if len(cloud) > 2000:
            cuts.append(cloud)
    for n, found in enumerate(estimator.estimate_many(cuts)):
        assert_nobody(found, f"box {n}")


def test_nobody_is_found_on_a_floor(estimator: PointEstimator, floor: list[PersonCloud]) -> None:
    above = [cloud.select(cloud.points @ cloud.up > np.median(cloud.points @ cloud.up)) for cloud in floor]
    unknown = [PersonCloud.of_camera(cloud.points) for cloud in floor]
    for n, found in enumerate(estimator.estimate_many([*floor, *above, *unknown])):
        assert_nobody(found, f"cloud {n}")
