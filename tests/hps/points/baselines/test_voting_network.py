"""The voting network: votes, joints that complete each other, bodies, and that it learns them."""

from dataclasses import replace

import torch

from hps.points.baselines.body_output import loss_skinning
from hps.points.baselines.voting_losses import PUBLISHED, voting_losses
from hps.points.baselines.voting_network import VotingConfig, VotingNetwork, VotingOutput
from hps.points.part_labels import NOT_BODY, UNKNOWN_PART

SMALL = VotingConfig(points=128, centers=32, neighbours=8, width=32, hidden=64, steps=2)


def of_truth(batch):
    """What a network that knows everything would say."""
    joints = batch.landmarks[:, :24]
    return VotingOutput(
        part_logits=50 * torch.nn.functional.one_hot(batch.part.clamp_min(0), NOT_BODY + 1).float(),
        votes=joints.gather(1, batch.part.clamp(0, 23)[..., None].expand(-1, -1, 3)),
        joints=joints,
        matrices=batch.rotations,
        betas=batch.betas,
        child=batch.child,
        transl=batch.transl,
    )


def test_the_truth_costs_nothing(open_body, clouds_of_bodies):
    batch = clouds_of_bodies()
    losses = voting_losses(of_truth(batch), batch, loss_skinning(open_body))
    assert set(losses) == set(PUBLISHED)
    for name, value in losses.items():
        assert value.item() < 1e-5, name


def test_points_that_are_not_of_the_body_or_not_there_cast_no_vote(open_body, clouds_of_bodies):
    batch = clouds_of_bodies()
    output, skinning = of_truth(batch), loss_skinning(open_body)
    astray = replace(output, votes=output.votes + torch.tensor([0.0, 0.0, 1.0]))
    per_cloud = 1e-3 * PUBLISHED["votes"] * batch.points.shape[1]
    assert abs(voting_losses(astray, batch, skinning)["votes"].item() - per_cloud) < 1e-4
    for part in (NOT_BODY, UNKNOWN_PART):
        other = replace(batch, part=torch.full_like(batch.part, part))
        assert voting_losses(astray, other, skinning)["votes"].item() == 0
    gone = replace(batch, keep=torch.zeros_like(batch.keep))
    assert voting_losses(astray, gone, skinning)["votes"].item() == 0


def test_parts_that_nobody_knows_cost_nothing(open_body, clouds_of_bodies):
    batch, skinning = clouds_of_bodies(), loss_skinning(open_body)
    unsure = replace(of_truth(batch), part_logits=torch.zeros(4, 256, NOT_BODY + 1))
    assert voting_losses(unsure, batch, skinning)["parts"].item() > 0.3
    unknown = replace(batch, part=torch.full_like(batch.part, UNKNOWN_PART))
    assert voting_losses(unsure, unknown, skinning)["parts"].item() == 0


def test_the_body_has_the_nearest_rotations(clouds_of_bodies):
    batch = clouds_of_bodies()
    generator = torch.Generator().manual_seed(1)
    stretched = batch.rotations @ (torch.eye(3) + torch.diag_embed(0.3 * torch.rand(4, 24, 3, generator=generator)))
    R = replace(of_truth(batch), matrices=stretched).body().rotations
    # a rotation times a positive stretch has that rotation as its polar factor
    torch.testing.assert_close(R, batch.rotations, atol=1e-5, rtol=0)
    mirrored = replace(of_truth(batch), matrices=-batch.rotations).body().rotations
    torch.testing.assert_close(torch.linalg.det(mirrored), torch.ones(4, 24))


def test_votes_are_gathered_at_the_joint_of_the_part_and_unseen_joints_are_told(clouds_of_bodies):
    torch.manual_seed(0)
    batch, network = clouds_of_bodies(points=600), VotingNetwork(SMALL)
    truth = of_truth(batch)
    no_leg = truth.part_logits.clone()
    no_leg[batch.part == 4] = torch.nn.functional.one_hot(torch.tensor(NOT_BODY), NOT_BODY + 1) * 50.0
    seen, places, _ = network._gathered(torch.zeros(4, 600, 32), no_leg, truth.votes)
    often = torch.nn.functional.one_hot(batch.part, 24).sum(1) >= 5
    often[:, 4] = False
    assert often.sum() > 40
    torch.testing.assert_close(places[often], truth.joints[often], atol=1e-4, rtol=0)
    assert seen[:, 4].max() < 1e-6 < 0.5 < seen[often].min()


def test_one_far_part_does_not_break_the_rest(clouds_of_bodies):
    torch.manual_seed(0)
    batch, network = clouds_of_bodies(points=128), VotingNetwork(SMALL)
    one_place = torch.zeros_like(batch.points)
    output = network(one_place, batch.rays)
    assert torch.isfinite(output.joints).all()
    assert torch.isfinite(output.body().rotations).all()


def test_it_learns_a_handful_of_bodies(open_body, clouds_of_bodies):
    torch.manual_seed(0)
    batch, network = clouds_of_bodies(clouds=8, points=128), VotingNetwork(SMALL)
    skinning = loss_skinning(open_body)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    sums = []
    for _ in range(30):
        output = network(batch.points, batch.rays)
        total = torch.stack([*network.losses(output, batch, skinning).values()]).sum()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        sums.append(total.item())
    assert all(each.grad is not None for each in network.parameters())
    # measured: to 0.61 of the start
    assert sums[-1] < 0.8 * sums[0]
