"""Batches of clouds off posed bodies whose truth is known by construction."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from body.loading import OPEN_BODY, load_body_model
from body.parameters import BodyParameters
from body.rotations import axis_angle_to_matrix
from body.skinning import Skinning
from geometry.rigid import rigid
from hps.benchmark.points.set.rarity import mean_pose
from hps.datasets.cloud_sample import CloudSample
from hps.points.canonical import STANDING
from hps.points.cloud_batch import CloudBatch
from hps.points.landmarks import landmarks_of
from hps.points.person_cloud import PersonCloud


@pytest.fixture(scope="session")
def open_body():
    return load_body_model(OPEN_BODY)


@pytest.fixture(scope="session")
def clouds_of_bodies(open_body):
    """A function: as many random bodies, whose clouds are some of their vertices, all sides of them."""
    skinning = Skinning(open_body)
    part_of = np.asarray(open_body.weights).argmax(1)
    markers = landmarks_of(open_body).markers

    def make(clouds=4, points=256, seed=0, bend=0.25):
        generator = torch.Generator().manual_seed(seed)
        rotations = axis_angle_to_matrix(bend * torch.randn(clouds, 24, 3, generator=generator))
        rotations[:, 0] = torch.tensor(STANDING) @ rotations[:, 0]
        betas = torch.randn(clouds, 10, generator=generator)
        transl = 0.1 * torch.randn(clouds, 3, generator=generator)
        child = torch.zeros(clouds)
        vertices, joints = skinning.pose(betas, rotations, transl, child)
        which = torch.randint(open_body.vertex_count, (clouds, points), generator=generator)
        p = vertices.gather(1, which[..., None].expand(-1, -1, 3))
        rays = torch.nn.functional.normalize(p - torch.tensor([-2.5, 0.0, 0.0]), dim=-1)
        return CloudBatch(
            points=p,
            rays=rays,
            keep=torch.ones(clouds, points, dtype=torch.bool),
            part=torch.from_numpy(part_of)[which],
            skin_offset=torch.zeros_like(p),
            landmarks=torch.cat([joints, vertices[:, markers]], 1),
            rotations=rotations,
            betas=betas,
            child=child,
            transl=transl,
            exact=torch.ones(clouds, dtype=torch.bool),
        )

    return make


@pytest.fixture(scope="session")
def seen_bodies(open_body):
    """A function: clouds of bodies near the mean pose as one camera sees them, with their truth."""

    def make(count=3, points=700, seed=0, bend=0.2):
        rng = np.random.default_rng(seed)
        samples = []
        for number in range(count):
            # OpenCV axes: the body's up is -y; it looks anywhere
            root = Rotation.from_rotvec([0, rng.uniform(-np.pi, np.pi), 0]) * Rotation.from_rotvec([np.pi, 0, 0])
            truth = BodyParameters(
                betas=rng.normal(size=10),
                global_orient=root.as_rotvec()[None],
                body_pose=mean_pose() + bend * rng.normal(size=(1, 69)),
                transl=np.array([[0.0, 0.0, rng.uniform(2, 3)]]),
            )
            posed = open_body.pose(truth)
            v = posed.vertices[0]
            facing = np.flatnonzero((open_body.mesh(v).vertex_normals() * v).sum(1) < 0)
            chosen = rng.choice(facing, points, replace=False)
            samples.append(
                CloudSample(
                    key=f"{number}", subject="", action="", sequence="", frame=0, time_s=0.0, sensors=("pinhole",),
                    cloud=PersonCloud.of_camera(v[chosen], up=np.array([0.0, -1.0, 0.0])),
                    truth=truth, joints=posed.joints[0], model="open body",
                )
            )  # fmt: skip
        return samples

    return make


@pytest.fixture(scope="session")
def anywhere():
    """A motion that leaves nothing where it was."""
    return rigid(Rotation.from_rotvec([0.4, -1.1, 0.7]).as_matrix(), np.array([3.0, -2.0, 1.0]))


@pytest.fixture(scope="session")
def axes_changed():
    """A motion that takes axes to axes: the canonical frame's origin is the median along the axes of the cloud."""
    return rigid(np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]), np.array([3.0, -2.0, 1.0]))
