"""Losses vanish at the truth, order alone is order alone, and trainings go on where they ended."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from body.joints import JOINT_INDEX, MIRROR
from body.loading import load_body_model
from body.rotations import axis_angle_to_matrix, matrix_to_rotation_6d
from body.skinning import Skinning
from hps.errors import HpsError
from hps.points.landmarks import landmarks_of
from hps.points.weights_file import WeightsInfo, landmarks_sha256, write_weights
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.keypoint_names import LIFTED
from hps.rgb.lifted import LiftedBodies
from hps.rgb.lifter import Lifter, load
from hps.rgb.lifter.config import LifterConfig
from hps.rgb.lifter.network import LifterNetwork
from hps.rgb.lifter.person_view import person_view
from hps.rgb.lifter.training.config import LifterTraining
from hps.rgb.lifter.training.loop import train
from hps.rgb.lifter.training.losses import ViewTruth, body_loss, distance_loss, likelihood_loss, root_loss
from hps.rgb.lifter.training.objective import losses
from hps.rgb.lifter.training.ordinal import depth_order, ordinal_loss
from hps.rgb.lifter.training.reading import read_log, read_trained
from hps.rgb.lifter.training.reconstruction import Reconstruction, ranks, reconstruction_loss
from hps.rgb.lifter.training.threshold_scaling import ALPHA, Projecting, measured_thresholds, scaled_loss
from hps.rgb.lifter.view_lift import ViewLift, averaged, in_camera
from hps.rgb.lifter.widening import Widening, measured_widening, split_errors
from hps.rgb.lifting_batch import LiftingBatch
from registration.keypoints.sets import SMPL_JOINT_OF_KEYPOINT

SMALL = LifterConfig(width=48, blocks=1)
JOINT = [JOINT_INDEX[SMPL_JOINT_OF_KEYPOINT.get(name, "head")] for name in LIFTED.names]


@pytest.fixture(scope="module")
def model():
    return load_body_model()


@pytest.fixture(scope="module")
def skinning(model):
    return Skinning(model, vertex_subset=landmarks_of(model).markers)


class Standing:
    """People of random shapes and small turns, seen from anywhere; their joints are their keypoints."""

    def __init__(self, skinning: Skinning, seed: int) -> None:
        self.skinning, self.g = skinning, torch.Generator().manual_seed(seed)

    def draw(self, count: int) -> LiftingBatch:
        g = self.g
        turns = 0.3 * torch.randn((count, 24, 3), generator=g)
        turns[:, 0] = torch.nn.functional.normalize(torch.randn((count, 3), generator=g), dim=-1) * 2
        rotations = axis_angle_to_matrix(turns)
        betas, child = torch.randn((count, 10), generator=g), 0.2 * torch.rand(count, generator=g)
        transl = torch.randn((count, 3), generator=g) * 0.4 + torch.tensor([0.0, 0.0, 4.0])
        vertices, joints = self.skinning.pose(betas, rotations, transl, child)
        K = torch.tensor([[1000.0, 0, 640], [0, 1000, 360], [0, 0, 1]]).repeat(count, 1, 1)
        p = joints[:, JOINT]
        keypoints = KeypointBatch(
            q=(p @ K.transpose(1, 2))[..., :2] / p[..., 2:],
            confidence=torch.ones(count, len(JOINT)),
            pixel_size=torch.full((count,), 2.0),
            K=K,
            size=torch.tensor([1280.0, 720.0]).repeat(count, 1),
            focal_known=torch.ones(count, dtype=torch.bool),
        )
        return LiftingBatch(
            keypoints=keypoints,
            landmarks=torch.cat([joints, vertices], 1),
            rotations=rotations,
            betas=betas,
            child=child,
            transl=transl,
            subject=torch.zeros(count, dtype=torch.int64),
            motion=torch.zeros(count, dtype=torch.int64),
        )


def exact(batch: LiftingBatch, generator: torch.Generator) -> LiftingBatch:
    return batch


def perfect(truth: ViewTruth, view) -> ViewLift:
    n = len(truth.root)
    return ViewLift(
        relative=truth.relative,
        log_sigma=torch.full((n, 88, 2), -3.0),
        direction=truth.root[:, :2] / truth.root[:, 2:] / view.size[:, None],
        log_reach=(truth.root[:, 2] * view.size).log(),
        root_log_sigma=torch.full((n, 2), -3.0),
        rotations_6d=matrix_to_rotation_6d(truth.rotations),
        betas=truth.betas,
        child=truth.child,
    )


def test_the_truth_has_no_loss_and_comes_back_in_the_camera(skinning):
    batch = Standing(skinning, 0).draw(20)
    view = person_view(batch.keypoints)
    truth = ViewTruth.of(batch, view, 10)
    lift = perfect(truth, view)
    for loss in (distance_loss(lift, truth), root_loss(lift, view, truth), body_loss(lift, truth, skinning)):
        assert float(loss) < 1e-3  # single precision, over weights of up to 10
    bodies = in_camera(lift, view)
    assert torch.allclose(bodies.landmarks, batch.landmarks, atol=1e-4)
    assert torch.allclose(bodies.rotations, batch.rotations, atol=1e-5)


def test_likelihood_is_best_at_the_spread_of_the_errors(skinning):
    batch = Standing(skinning, 1).draw(50)
    view = person_view(batch.keypoints)
    truth = ViewTruth.of(batch, view, 10)
    lift = perfect(truth, view)
    lift = replace(lift, relative=lift.relative + 0.05 * torch.randn(lift.relative.shape))
    found = [
        float(likelihood_loss(replace(lift, log_sigma=torch.full((50, 88, 2), float(np.log(sigma)))), view, truth))
        for sigma in (0.025, 0.05, 0.1)
    ]
    assert found[1] < min(found[0], found[2])


def test_order_loss_looks_at_the_order_of_the_truth_alone():
    g = torch.Generator().manual_seed(0)
    true, z = torch.randperm(24, generator=g)[None] * 0.05, torch.randn((1, 24), generator=g)
    assert torch.equal(ordinal_loss(z, true), ordinal_loss(z, true**3 * 40 + 7 + true))
    assert float(ordinal_loss(20 * true, true)) < 1e-3
    assert float(ordinal_loss(-true, true)) > float(ordinal_loss(torch.zeros_like(true), true))
    order = depth_order(torch.tensor([[1.0, 2.0, 1.01]]))
    assert order.tolist() == [[1, 0, -1]]


def test_wider_by_what_the_errors_say():
    g, n = torch.Generator().manual_seed(0), 2000
    root = torch.randn((n, 3), generator=g) + torch.tensor([0.0, 0.0, 4.0])
    truth = LiftingBatch(
        keypoints=_keypoints(n),
        landmarks=root[:, None].repeat(1, 88, 1),
        rotations=torch.zeros(n, 24, 3, 3),
        betas=torch.zeros(n, 10),
        child=torch.zeros(n),
        transl=root,
        subject=torch.zeros(n, dtype=torch.int64),
        motion=torch.zeros(n, dtype=torch.int64),
    )
    ray = torch.nn.functional.normalize(root, dim=-1)
    error = 0.02 * torch.randn((n, 88, 3), generator=g)
    error = error + ray[:, None] * 0.1 * torch.randn((n, 88, 1), generator=g)
    bodies = LiftedBodies(
        relative=error,
        sigma=torch.tensor([0.01, 0.05]).repeat(n, 88, 1),
        root=root + 0.3 * ray * torch.randn((n, 1), generator=g),
        root_sigma=torch.tensor([0.01, 0.3]).repeat(n, 1),
        rotations=torch.eye(3).repeat(n, 24, 1, 1),
        betas=torch.zeros(n, 10),
        child=torch.zeros(n),
    )
    found = measured_widening(bodies, truth)
    assert found.across == pytest.approx(2.0, rel=0.02)
    assert found.along == pytest.approx(np.hypot(0.1, 0.02) / 0.05, rel=0.02)
    assert found.root_along == pytest.approx(1.0, rel=0.06)  # of 4,000 errors
    wider = found.applied(bodies)
    assert measured_widening(wider, truth).across == pytest.approx(1.0, abs=1e-3)
    assert torch.allclose(split_errors(ray[:, None], root)[:, 0], torch.tensor([0.0, 0, 1]).expand(n, 3), atol=1e-5)


def test_two_answers_that_differ_are_less_sure():
    network = LifterNetwork(SMALL).eval()
    view = person_view(_keypoints(4))
    with torch.no_grad():
        lift = network(view)
    same = averaged(lift, lift)
    assert torch.allclose(same.relative, lift.relative)
    assert torch.allclose(same.log_sigma, lift.log_sigma, atol=1e-5)
    apart = averaged(lift, replace(lift, relative=lift.relative + torch.tensor([0.0, 0.0, 0.4])))
    assert (apart.log_sigma[..., 1] > lift.log_sigma[..., 1]).all()
    assert torch.allclose(apart.log_sigma[..., 0], lift.log_sigma[..., 0], atol=1e-5)


def _keypoints(n: int) -> KeypointBatch:
    model = load_body_model()
    return Standing(Skinning(model, vertex_subset=landmarks_of(model).markers), 5).draw(n).keypoints


def test_mirrored_people_are_lifted_to_mirrored_bodies(model):
    torch.manual_seed(0)
    lifter = Lifter(LifterNetwork(SMALL), model)
    batch = _keypoints(5)
    partner = torch.from_numpy(LIFTED.mirror)
    K = batch.K.clone()
    K[:, 0, 2] = batch.size[:, 0] - 1 - K[:, 0, 2]
    q = torch.stack([batch.size[:, :1] - 1 - batch.q[:, partner, 0], batch.q[:, partner, 1]], -1)
    a, b = lifter(batch), lifter(replace(batch, q=q, K=K, confidence=batch.confidence[:, partner]))
    x = torch.tensor([-1.0, 1.0, 1.0])
    landmarks = torch.from_numpy(landmarks_of(model).mirror)
    assert torch.allclose(b.relative[:, landmarks] * x, a.relative, atol=1e-4)
    assert torch.allclose(b.root * x, a.root, atol=1e-4)
    assert torch.allclose(b.sigma[:, landmarks], a.sigma, atol=1e-4)
    turned = x[:, None] * b.rotations[:, list(MIRROR)] * x
    assert torch.allclose(turned, a.rotations, atol=1e-4)
    assert torch.allclose(torch.linalg.det(a.rotations), torch.ones(5, 24), atol=1e-4)


def test_training_learns_goes_on_and_is_published(skinning, model, tmp_path):
    config = LifterTraining(
        network=SMALL, steps=40, batch=48, rate=1e-2, warm=5, average=0.5, detected=0, hidden=0, focal_unsure=0
    )

    def sampler(seed: int) -> Standing:
        return Standing(skinning, seed)

    looked = Standing(skinning, 99).draw(100)
    half = train(config, tmp_path / "run", model, sampler, exact, seconds=0.2, validation=looked)
    assert 0 < half.state.step < 40
    assert not half.finished
    done = train(config, tmp_path / "run", model, sampler, exact, validation=looked)
    assert done.finished
    assert [line["step"] for line in read_log(tmp_path / "run")] == [40]
    again = read_trained(tmp_path / "run")
    lifter = Lifter(again.network(), model)
    error = (lifter(looked.keypoints).relative - (looked.landmarks - looked.landmarks[:, :1])).norm(dim=-1)[:, :24]
    unlearnt = Lifter(LifterNetwork(SMALL), model)(looked.keypoints).relative
    before = (unlearnt - (looked.landmarks - looked.landmarks[:, :1])).norm(dim=-1)[:, :24]
    assert error.mean() < 0.8 * before.mean()
    with pytest.raises(HpsError, match="other settings"):
        train(replace(config, rate=1e-4), tmp_path / "run", model, sampler, exact)
    file = tmp_path / "own.safetensors"
    info = WeightsInfo(
        size="lifter",
        network={"width": 48, "blocks": 1},
        body=model.name,
        body_sha256=model.sha256,
        landmarks_sha256=landmarks_sha256(model),
        calibration={"widening": {"along": 2.0}},
    )
    write_weights(file, {name: value.half() for name, value in again.network().state_dict().items()}, info)
    read = load(file, body=model)
    assert read.widening == Widening(along=2.0)
    a, b = read(looked.keypoints), lifter(looked.keypoints)
    assert torch.allclose(a.relative, b.relative, atol=5e-3)  # weights in 16 bits
    assert torch.allclose(a.sigma[..., 1], 2 * b.sigma[..., 1], rtol=0.05)


def test_depths_that_follow_the_order_loss_come_into_the_order():
    g = torch.Generator().manual_seed(0)
    true = 0.3 * torch.randn((3, 24), generator=g)
    z = torch.zeros((3, 24), requires_grad=True)
    optimiser = torch.optim.Adam([z], 0.05)
    for _ in range(60):
        optimiser.zero_grad()
        ordinal_loss(z, true).backward()
        optimiser.step()
    order = depth_order(true)
    assert (depth_order(z.detach())[order != 0] == order[order != 0]).float().mean() > 0.95


def test_ordinal_supervision_has_no_losses_but_those_across_and_of_the_order(skinning):
    config = LifterTraining(network=SMALL, supervision="ordinal", bfloat16=False)
    batch, network = Standing(skinning, 3).draw(30), LifterNetwork(SMALL)
    found, _ = losses(network, batch, config, skinning, likelihood=True)
    assert set(found) == {"across", "order"}


def test_nothing_is_learnt_from_no_training(tmp_path):
    with pytest.raises(HpsError, match="there is no training in"):
        read_trained(tmp_path)


def test_small_errors_in_the_picture_hardly_count():
    apart = torch.tensor([[[0.01, 0.0], [0.3, 0.4]]])
    plain = float(scaled_loss(apart, None))
    assert plain == pytest.approx((0.01 + 0.7) / 2)
    assert float(scaled_loss(apart, torch.tensor([0.001, 0.2]))) == pytest.approx((ALPHA * 0.01 + 0.7) / 2)
    assert float(scaled_loss(apart, torch.tensor([1.0, 1.0]))) == pytest.approx(ALPHA * plain)


def test_thresholds_are_nothing_with_the_true_camera_and_grow_with_its_error(skinning):
    batch = Standing(skinning, 8).draw(60)
    found = [
        float(measured_thresholds(batch, Projecting(focal_factor=factor).believed(batch)).mean())
        for factor in (1.0, 1.5, 3.0)
    ]
    assert found[0] < 1e-6  # single precision
    assert 1e-5 < found[1] < found[2]


def test_projecting_is_satisfied_by_the_truth_with_the_true_camera_alone(skinning):
    batch = Standing(skinning, 9).draw(40)

    class Perfect(LifterNetwork):
        def forward(self, view):
            return perfect(ViewTruth.of(batch, view, 10), view)

    config = LifterTraining(network=SMALL, bfloat16=False)
    true, _ = Projecting()(Perfect(SMALL), batch, config, skinning, likelihood=False)
    wrong, _ = Projecting(focal_factor=3.0)(Perfect(SMALL), batch, config, skinning, likelihood=False)
    assert float(true["distance"]) < 1e-3
    assert float(true["projected"]) < 1e-3
    assert float(wrong["projected"]) > 0.05


def test_reconstruction_looks_at_ranks(skinning):
    z = torch.tensor([[0.3, -1.0, 5.0]])
    assert ranks(z).tolist() == [[0.0, -1.0, 1.0]]
    torch.manual_seed(0)
    network, people, g = Reconstruction(32), Standing(skinning, 2), torch.Generator().manual_seed(0)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    found = []
    for _ in range(30):
        batch = people.draw(64)
        loss = reconstruction_loss(network, person_view(batch.keypoints), batch, g)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        found.append(float(loss.detach()))
    assert found[-1] < 0.7 * found[0]
