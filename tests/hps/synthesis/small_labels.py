"""Tables and labels of one person in two cameras, by hand, whose statistics are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.spatial.transform import Rotation

from body.motion.mean_body import mean_body
from geometry.rigid import look_at
from hps.synthesis.scenes.rows import ActorRow, CameraRow, PersonRow, SceneRow
from hps.synthesis.scenes.table import SceneTable


def person(**changes) -> PersonRow:
    """A woman of 30 years, or with changes."""
    values = {
        "person": "p0", "split": "train", "subject": "", "body_seed": 0, "sex": "female", "age_years": 30.0,
        "height_m": 2.0, "mass_kg": 80.0, "wardrobe": "sport", "attire_seed": 0,
    }  # fmt: skip
    return PersonRow(**{**values, **changes})


def table() -> SceneTable:
    """Two people, one scene with one of them, one camera of 90 degrees."""
    T_world_camera = look_at(np.array([3.0, 0.0, 1.5]), np.array([0.0, 0.0, 1.0]))
    scene = SceneRow(
        scene="s0", split="train", kind="single", room_seed=0, rig="r", frames=2, rate_hz=10.0, noise_seed=0
    )
    actor = ActorRow(
        scene="s0", actor=0, person="p0", motion="walk+kick", recipe="sequence", motion_seed=0, motion_sha256="",
        x_m=0.0, y_m=0.0, heading_rad=0.0,
    )  # fmt: skip
    camera = CameraRow(
        scene="s0", camera=0, sensor="kinect", unit_seed=0, width=640, height=480, fx=320.0, fy=320.0, cx=319.5,
        cy=239.5, **CameraRow.placed(T_world_camera),
    )  # fmt: skip
    people = [person(), person(person="p1", age_years=6.0, height_m=1.2, mass_kg=20.0, sex="male")]
    return SceneTable.of({"people": people, "scenes": [scene], "actors": [actor], "cameras": [camera]})


def labels() -> dict[str, np.ndarray]:
    """One person at two instants, at the second with a raised leg, in two cameras: from the front, left and above."""
    rest = mean_body().rest_joints()
    upright = Rotation.from_euler("x", 90, degrees=True)
    joints = upright.apply(rest - rest[0]) + [0.0, 0.0, 1.0]
    pose = np.zeros((4, 69))
    pose[2:, 0] = -np.pi / 2  # left hip
    cameras = [look_at(np.array(p, float), np.array([0.0, 0, 1])) for p in ([0, -3, 1], [2, 0, 3])]
    some, none = ["occluded: 80 % of what is in view"], []
    flags = np.empty(4, object)
    flags[:] = [none, some, none, some]
    still = np.empty(4, object)
    still[:] = [none, none, ["near_static: 0.1 cm in 0.1 s"], ["near_static: 0.1 cm in 0.1 s"]]
    return {
        "split": np.array(["train"] * 4),
        "scene": np.array(["s0"] * 4),
        "frame": np.array([0, 0, 1, 1]),
        "camera": np.array([0, 1, 0, 1]),
        "actor": np.zeros(4, int),
        "body_pose": pose,
        "global_orient_world": np.tile(upright.as_rotvec(), (4, 1)),
        "joints_world": np.tile(joints.ravel(), (4, 1)),
        "T_world_camera": np.stack([T.ravel() for T in (*cameras, *cameras)]),
        "box_whole": np.array([[0, 0, 50, 200.0], [0, 0, 40, 100], [0, 0, 50, 200], [-9, -9, 4, 4]]),
        "pixels_visible": np.array([4000, 300, 4000, 0]),
        "occluded": np.array([0, 0.8, 0, np.nan]),
        "truncated": np.array([0, 0, 0.25, 1]),
        "coco_visible": np.repeat([[2], [1], [2], [0]], 17, 1),
        "label_gap_mm": np.array([4.0, 4, 5, 5]),
        "actor_flags": still,
        "picture_flags": flags,
    }


def write_rows(folder: Path, found: dict[str, np.ndarray], name: str = "labels") -> None:
    """Writes labels as a finished shard."""
    arrays = {
        name: pa.FixedSizeListArray.from_arrays(pa.array(v.ravel()), v.shape[1]) if v.ndim == 2 else pa.array(list(v))
        for name, v in found.items()
    }
    (folder / "shards").mkdir()
    pq.write_table(pa.table(arrays), folder / "shards" / f"train-00000.{name}.parquet")
    (folder / "shards" / f"train-00000.{name}.json").write_text("{}")
