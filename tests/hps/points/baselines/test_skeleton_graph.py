"""Features pass along the skeleton, one step a layer."""

import torch

from body.joints import JOINT_COUNT, JOINT_INDEX, JOINT_NAMES, MIRROR
from hps.points.baselines.skeleton_graph import LIMBS, NODE_COUNT, SkeletonLayer, skeleton_edges


def test_every_joint_is_of_one_limb():
    assert sorted(name for limb in LIMBS for name in limb) == sorted(JOINT_NAMES)


def test_edges_go_both_ways_and_are_the_same_on_both_sides():
    edges = skeleton_edges()
    assert (edges == edges.T).all()
    side = [JOINT_COUNT + limb for limb in (0, 1, 3, 2, 5, 4)]
    partner = torch.tensor([*MIRROR, *side])
    assert (edges == edges[partner][:, partner]).all()


def test_after_one_layer_only_neighbours_have_heard_of_a_change():
    torch.manual_seed(0)
    layer = SkeletonLayer(12)
    nodes = torch.randn(1, NODE_COUNT, 12)
    changed = nodes.clone()
    hand = JOINT_INDEX["left_hand"]
    changed[0, hand] = torch.randn(12)  # not added to: a layer norm would not notice
    moved = (layer(nodes) - layer(changed)).abs().amax(-1)[0] > 1e-7
    assert (moved == skeleton_edges()[hand]).all()


def test_four_layers_reach_from_every_joint_to_every_other():
    reached = torch.linalg.matrix_power(skeleton_edges().double(), 4) > 0
    assert reached.all()
