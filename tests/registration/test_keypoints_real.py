"""The whole keypoint chain on a real person before four cameras, with a bystander in the pictures."""

import av
import numpy as np
import pytest

from capture.importers.video_size import camera_of_size
from geometry.camera_files.qualisys import read_qualisys
from humanrig.errors import HumanrigError
from humanrig.wheel_assets import blazepose_weights
from registration.keypoints.blazepose import BlazePose
from registration.keypoints.detections import detect_stream
from registration.keypoints.observations import gather
from registration.keypoints.projection import project_all
from registration.keypoints.sets import BLAZEPOSE
from registration.keypoints.tracking import track_subject

FIRST, LAST = 36, 60
"""The person bends sideways; the second camera sees the blurred face from the front and takes left for right."""

pytestmark = [pytest.mark.real_data, pytest.mark.slow]


@pytest.fixture(scope="module")
def scene(real_data):
    folder = real_data / "multicam_person_pose2sim/Demo_SinglePerson"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    try:
        weights = blazepose_weights()
    except HumanrigError as error:
        pytest.skip(f"needs BlazePose's weights: {error}")
    cameras, detections = {}, {}
    for name, camera in sorted(read_qualisys(folder / "calibration/Calib.qca.txt").items()):
        with av.open(str(folder / "videos" / f"{name.split('/')[0]}.mp4")) as container:
            frames = [
                f.to_ndarray(format="rgb24") for i, f in enumerate(container.decode(video=0)) if FIRST <= i < LAST
            ]
        height, width = frames[0].shape[:2]
        cameras[name] = camera_of_size(camera, width, height, "fit")
        detections[name] = detect_stream(frames, BlazePose(*weights), stream=name)
    observations = gather(detections, {name: list(range(LAST - FIRST)) for name in detections})
    return list(cameras.values()), observations


def test_the_person_is_followed_in_all_four_views(scene):
    cameras, observations = scene
    T = LAST - FIRST
    track, flipped = track_subject(cameras, observations, range(FIRST, LAST), np.arange(T) / 60)
    assert np.isfinite(track.q[..., 0]).all()
    assert np.isfinite(track.p_world).all()
    error = track.reprojection_px[track.used]
    assert np.median(error) < 12  # 10 when written; the calibration itself is 5 to 10 px off in two cameras
    assert np.quantile(error, 0.95) < 30
    assert flipped[:, 1].mean() > 0.6  # the second camera's sides are exchanged
    assert not flipped[:, [0, 2, 3]].any()
    # one rigid trunk of an adult, whose left stays left: no flip and no bystander
    left, right = (
        track.p_world[:, BLAZEPOSE.index("left_shoulder")],
        track.p_world[:, BLAZEPOSE.index("right_shoulder")],
    )
    width = np.linalg.norm(left - right, axis=-1)
    assert width.min() > 0.3
    assert width.max() < 0.42
    turned = (left - right) @ (left - right)[0] / (width * width[0])
    assert turned.min() > 0.8


def test_three_cameras_predict_the_fourth(scene):
    cameras, observations = scene
    keep = [0, 1, 3]
    three = type(observations)(
        streams=[observations.streams[c] for c in keep],
        q=observations.q[:, keep],
        visibility=observations.visibility[:, keep],
        sigma_px=observations.sigma_px[:, keep],
    )
    T = LAST - FIRST
    track, _ = track_subject([cameras[c] for c in keep], three, range(T), np.arange(T) / 60)
    predicted = np.moveaxis(project_all([cameras[2]], track.p_world), 2, 1)[:, 0]
    error = np.linalg.norm(predicted - observations.q[:, 2, 0], axis=-1)
    assert np.nanmedian(error) < 35  # 26 when written: this camera's calibration is 15 px off the others'
