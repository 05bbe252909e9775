"""Synthetic shards read as samples: each person of each cloud, in the cloud's frame, with truth and labels."""

from __future__ import annotations

import pickle
import sys
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest
from posed_person import joints, model, moved, off_skin_mm, person, ring, seen, skin

sys.path.insert(0, str(Path(__file__).parents[1] / "synthesis"))
from stub_passes import stub_info, stub_table

from geometry.depth import depth_to_points
from hps.datasets.opening import open_dataset
from hps.datasets.synthetic import open_synthetic
from hps.errors import HpsError
from hps.synthesis.clouds.cloud import LabelledCloud
from hps.synthesis.clouds.clouds_pass import cloud_key
from hps.synthesis.production.dataset_file import write_dataset_file
from hps.synthesis.production.factory import Factory, PassKind
from hps.synthesis.production.produce import produce
from hps.synthesis.sample import Sample

CAMERAS = ring(2, size=(64, 56))
BODIES = (person(1), person(2, x_m=0.9))
AS_STORED_MM = 0.01
"""float32 points, metres."""


class TwoPeople:
    """Clouds of two people in two cameras, alone and fused; the third actor is behind everything."""

    name: ClassVar[str] = "clouds"
    version: ClassVar[int] = 1
    schema: ClassVar[pa.Schema] = pa.schema(
        {"key": pa.string(), "split": pa.string(), "scene": pa.string(), "frame": pa.int32(), "camera": pa.int32(),
         "actor": pa.int32(), "person": pa.string(), "motion": pa.string(), "height_m": pa.float32(),
         "mass_kg": pa.float32(), "label_gap_mm": pa.float32(), "child": pa.float32(), "points": pa.int32(),
         "views": pa.int32(), "sensors": pa.list_(pa.string()), "actor_flags": pa.list_(pa.string()),
         **{name: pa.list_(pa.float64()) for name in
            ("betas", "body_pose", "global_orient_world", "transl_world", "joints_world", "global_orient_camera",
             "transl_camera", "joints_camera")}}
    )  # fmt: skip

    def samples(self, spec):
        alone = [cloud(camera, number) for number, camera in enumerate(CAMERAS)]
        for which, group in enumerate([[alone[0]], [alone[1]], alone]):
            single = len(group) == 1
            whole = group[0] if single else LabelledCloud.fused(group)
            key = cloud_key(spec.name, 0, len(group), which if single else 0)
            T = np.linalg.inv(CAMERAS[which].T_world_camera) if single else np.eye(4)
            rows = tuple(row(spec, key, n, whole, len(group), T) for n in range(3))
            yield Sample(key=key, files={"cloud.npz": whole.to_bytes()}, rows=rows)


def cloud(camera, number: int) -> LabelledCloud:
    depth, owner = seen(camera, *map(skin, BODIES))
    mask = np.where(owner >= 0, owner, 0)
    mask[:2, :2] = 1  # four pixels that are nobody's lie in the mask of the second
    depth[:2, :2] = 1.0
    take = np.isfinite(depth)
    p = depth_to_points(depth.astype(np.float64), camera)[take]
    count = len(p)
    return LabelledCloud(
        points=p.astype(np.float32), mask=mask[take].astype(np.uint8), actor=owner[take].astype(np.int8),
        part=np.where(owner[take] >= 0, 5, 0).astype(np.uint8), skin_offset=np.full((count, 3), 0.25, np.float16),
        normal=np.zeros((count, 3), np.int8), camera=np.zeros(count, np.uint8),
        pixel=np.argwhere(take).astype(np.uint16), cameras=np.array([number], np.int32), K=camera.K[None],
        distortion=np.zeros((1, 8)), size=np.array([[camera.height, camera.width]], np.int32),
        T_world_camera=camera.T_world_camera[None],
    )  # fmt: skip


def row(spec, key: str, actor: int, whole: LabelledCloud, views: int, T: np.ndarray) -> dict:
    world = BODIES[min(actor, 1)]
    own = moved(world, T)
    values = {
        "key": key, "split": spec.row.split, "scene": spec.name, "frame": 0, "camera": -1, "actor": actor,
        "person": f"{spec.name}p{actor}", "motion": "stand", "height_m": 2.0, "mass_kg": 80.0, "label_gap_mm": 0.0,
        "child": 0.0, "points": int((whole.mask == actor).sum()), "views": views, "sensors": ["kinect"] * views,
        "actor_flags": [], "betas": world.betas, "body_pose": world.body_pose[0],
    }  # fmt: skip
    for name, body in (("world", world), ("camera", own)):
        values |= {
            f"global_orient_{name}": body.global_orient[0],
            f"transl_{name}": body.transl[0],
            f"joints_{name}": joints(body)[0].ravel(),
        }
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}


def make_clouds(place):
    return TwoPeople()


def one() -> int:
    return 1


def stage(place, colors):
    return lambda spec: spec


FACTORY = Factory(kinds=(PassKind(name="clouds", version=one, settings=(), make=make_clouds),), stage=stage)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    info = replace(stub_info(passes=("clouds",)), model_sha256=model().sha256)
    table = stub_table(folder, scenes=2, frames=1)
    write_dataset_file(folder, info)
    produce(folder, table, info, factory=FACTORY, workers=0)
    return folder


def test_each_person_of_each_cloud_is_a_sample_and_who_is_not_seen_is_told(folder):
    reader = open_dataset(folder)
    assert len(reader) == 2 * 3 * 2
    assert reader.keys[:3] == ("s000000_000_c00_a00", "s000000_000_c00_a01", "s000000_000_c01_a00")
    assert set(reader.left_out) == {
        f"{s}_000_{c}_a02" for s in ("s000000", "s000001") for c in ("c00", "c01", "v02_00")
    }
    assert "0 points" in reader.left_out["s000000_000_c00_a02"]
    assert [len(reader.split(name)) for name in ("train", "validation", "test")] == [6, 0, 6]
    assert {entry.subject for entry in reader.split("test").entries} == {"s000001p0", "s000001p1"}
    assert len(open_synthetic(folder, "test")) == 6


def test_points_lie_on_the_skin_of_the_truth_in_the_frame_of_one_camera_and_of_several(folder):
    reader = open_dataset(folder)
    for sample in reader:
        mine = sample.labels.part != 24
        off = off_skin_mm(sample)
        assert off[mine].max() < AS_STORED_MM
        assert (~mine).sum() == (4 * len(sample.sensors) if sample.key.endswith("a01") else 0)
        assert (off[~mine] > 10).all()
        assert np.isnan(sample.labels.skin_offset[~mine]).all()
        np.testing.assert_array_equal(sample.labels.part[mine], 4)
        np.testing.assert_allclose(sample.joints, joints(sample.truth)[0], atol=1e-6)
        assert sample.model == model().name


def test_cameras_stand_where_the_points_were_seen_from_and_up_is_up(folder):
    for sample in open_dataset(folder).split("train"):
        cloud = sample.cloud
        head, pelvis = sample.joints[15], sample.joints[0]
        assert (head - pelvis) @ cloud.up > 0.3
        fused = len(sample.sensors) == 2
        origins = np.array([camera.center for camera in CAMERAS]) if fused else np.zeros((1, 3))
        np.testing.assert_allclose(cloud.origins, origins, atol=1e-12)
        # seen from the front only: no ray crosses the body before its point
        body = skin(sample.truth)
        hits = body.cast(cloud.origins[cloud.camera], cloud.points - cloud.origins[cloud.camera])
        assert np.nanmin(hits.t) > 1 - 1e-4


def test_attributes_say_what_a_camera_saw(folder):
    sample = open_dataset(folder)["s000000_000_c00_a00"]
    assert sample.attributes["views"] == 1
    assert sample.attributes["sensor"] == "kinect"
    assert sample.attributes["points"] == len(sample.cloud)
    assert sample.attributes["bmi"] == pytest.approx(20)
    assert sample.attributes["distance_m"] == pytest.approx(2.2, abs=0.3)
    facing = np.cross(sample.joints[1] - sample.joints[2], sample.joints[12] - sample.joints[0])  # left hip, up
    toward = -sample.joints[0]
    horizontal = [v - (v @ sample.cloud.up) * sample.cloud.up for v in (facing, toward)]
    cosine = horizontal[0] @ horizontal[1] / np.prod([np.linalg.norm(v) for v in horizontal])
    # the pelvis of a bent body does not face exactly where its hips and spine say
    assert abs(abs(sample.attributes["yaw_deg"]) - np.degrees(np.arccos(cosine))) < 15


def test_a_reader_goes_to_other_processes_and_knows_its_keys(folder):
    reader = pickle.loads(pickle.dumps(open_dataset(folder)))
    assert reader[0].key == reader.keys[0]
    assert "s000000_000_c00_a00" in reader
    with pytest.raises(HpsError, match="has no sample 'x'; it has 12, such as 's000000_000_c00_a00'"):
        reader["x"]
    with pytest.raises(IndexError):
        reader[12]
    with pytest.raises(HpsError, match="there is no split 'dev'"):
        reader.split("dev")


def test_damage_is_told_with_the_way_out(folder, tmp_path):
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    tar = next((broken / "shards").glob("train*.tar"))
    tar.write_bytes(tar.read_bytes()[:-2000])
    with pytest.raises(HpsError, match="makes the shard again"):
        open_dataset(broken)
    with pytest.raises(HpsError, match="no finished clouds of the split validation"):
        open_synthetic(folder, "validation")
