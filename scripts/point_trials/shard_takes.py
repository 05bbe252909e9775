"""Scenes of a synthetic data set as a rig records them: fused clouds and keypoints over time, in the world."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from jaxtyping import Float, Int64
from scipy.spatial import KDTree

from body.joints import JOINT_NAMES
from body.model import BodyModel
from body.parameters import BodyParameters
from geometry.cloud import PointCloud, concatenate
from hps.datasets.cloud_sample import CloudSample, PointLabels
from hps.datasets.reader import CloudReader
from hps.points.part_labels import NOT_BODY
from hps.points.person_cloud import PersonCloud
from hps.synthesis.clouds.cloud import LabelledCloud
from hps.synthesis.clouds.clouds_pass import ENDING
from hps.synthesis.reading import SyntheticDataset
from registration.fit.clip_keypoints import ClipKeypoints
from registration.keypoints.sets import BLAZEPOSE_NAMES, smpl_joints, smpl_vertices

NEIGHBOURS: Final = 12
"""Points that a normal is found from."""
WANDER_M: Final = 0.008
"""What a detector means by a landmark lies so far, along each axis, from the body's own point, and stays there over a
take: 5 to 12 mm in docs/keypoints.md."""
JITTER_M: Final = 0.006
"""And so far from that in each frame, with several cameras."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ShardTake:
    """One person of one scene, dressed in one way, seen by all its cameras."""

    name: str
    subject: str
    samples: list[CloudSample]
    """Of one camera each, in the world, with the truth and true labels."""
    frame: Int64[np.ndarray, "samples"]
    """Place of each sample's frame in what follows."""
    clouds: list[PointCloud]
    """Fused, by frame."""
    truth: list[BodyParameters]
    time_s: Float[np.ndarray, "frames"]


def takes_of(data: SyntheticDataset, reader: CloudReader, scenes: int, skip: int = 0) -> Iterator[ShardTake]:
    """The people of `scenes` scenes after the first `skip`; each cloud of one camera, one split."""
    by_take: dict[str, list[int]] = {}
    order: dict[str, int] = {}
    for n, entry in enumerate(reader.entries):
        scene = entry.sequence.split("_")[0]
        if skip <= order.setdefault(scene, len(order)) < skip + scenes:
            by_take.setdefault(f"{scene}_a{int(entry.place[1]):02d}", []).append(n)
    for name, numbers in by_take.items():
        seen = [(reader[n], str(reader.entries[n].place[0]), int(reader.entries[n].place[1])) for n in numbers]
        yield _take(name, seen, data)


def _take(name: str, seen: list[tuple[CloudSample, str, int]], data: SyntheticDataset) -> ShardTake:
    frames = sorted({sample.frame for sample, _, _ in seen})
    clouds: dict[int, list[PointCloud]] = {frame: [] for frame in frames}
    truth: dict[int, BodyParameters] = {}
    samples = []
    for sample, key, actor in seen:
        stored = LabelledCloud.from_bytes(data[key].read(ENDING)).to_world()
        mine = stored.mask == actor
        center = stored.T_world_camera[0, :3, 3].astype(np.float64)
        points = stored.points[mine].astype(np.float64)
        of_body = stored.actor[mine] == actor
        truth[sample.frame] = _world_truth(data, key, actor)
        labels = PointLabels(
            part=np.where(of_body, stored.part[mine].astype(np.int64) - 1, NOT_BODY),
            skin_offset=np.where(of_body[:, None], stored.skin_offset[mine].astype(np.float64), np.nan),
        )
        cloud = PersonCloud(
            points=points, camera=np.zeros(len(points), np.int64), origins=center[None], up=np.array([0.0, 0, 1])
        )
        samples.append(replace(sample, cloud=cloud, truth=truth[sample.frame], joints=None, labels=labels))
        if len(points) > NEIGHBOURS:
            camera = len(clouds[sample.frame])
            clouds[sample.frame].append(
                PointCloud(
                    points=points,
                    normals=normals_of(points, center),
                    camera=np.full(len(points), camera, np.uint8),
                    sigma=np.full(len(points), 0.003),
                )
            )
    return ShardTake(
        name=name,
        subject=samples[0].subject,
        samples=samples,
        frame=np.array([frames.index(sample.frame) for sample in samples], np.int64),
        clouds=[concatenate(clouds[frame]) for frame in frames],
        truth=[truth[frame] for frame in frames],
        time_s=np.array(frames) / data.config.rate_hz,
    )


def _world_truth(data: SyntheticDataset, key: str, actor: int) -> BodyParameters:
    row = next(row for row in data[key].rows["clouds"] if row["actor"] == actor)
    return BodyParameters(
        betas=np.array(row["betas"], np.float64),
        global_orient=np.array(row["global_orient_world"], np.float64)[None],
        body_pose=np.array(row["body_pose"], np.float64)[None],
        transl=np.array(row["transl_world"], np.float64)[None],
        child=float(row["child"]),
    )


def normals_of(points: Float[np.ndarray, "points 3"], center: Float[np.ndarray, "3"]) -> Float[np.ndarray, "points 3"]:
    """Of the plane through each point's neighbours, towards the camera."""
    _, near = KDTree(points).query(points, NEIGHBOURS)
    around = points[near] - points[near].mean(1, keepdims=True)
    normals = np.linalg.eigh(around.swapaxes(1, 2) @ around)[1][..., 0]
    return normals * np.sign((normals * (center - points)).sum(1, keepdims=True) + 1e-12)


def keypoints_of(take: ShardTake, model: BodyModel, seed: int) -> ClipKeypoints:
    """Landmarks in space as a detector in several cameras gives them, about the true body."""
    rng = np.random.default_rng(seed)
    p = np.full((len(take.truth), len(BLAZEPOSE_NAMES), 3), np.nan)
    posed = [model.pose(truth) for truth in take.truth]
    for t, body in enumerate(posed):
        pairs = smpl_joints(BLAZEPOSE_NAMES, JOINT_NAMES)
        p[t, pairs[:, 0]] = body.joints[0, pairs[:, 1]]
        pairs = smpl_vertices(BLAZEPOSE_NAMES, model.keypoint_vertices)
        p[t, pairs[:, 0]] = body.vertices[0, pairs[:, 1]]
    p = p + WANDER_M * rng.normal(size=(1, *p.shape[1:])) + JITTER_M * rng.normal(size=p.shape)
    T, J = p.shape[:2]
    return ClipKeypoints(
        names=list(BLAZEPOSE_NAMES), cameras=[], p_world=p, sigma=np.full((T, J), np.hypot(WANDER_M, JITTER_M)),
        q=np.zeros((T, 0, J, 2)), confidence=np.zeros((T, 0, J)), used=np.zeros((T, 0, J), bool),
        time_us=np.rint(1e6 * take.time_s).astype(np.int64), instants=np.arange(T, dtype=np.int64),
    )  # fmt: skip
