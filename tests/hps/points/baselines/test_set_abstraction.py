"""Layers of PointNet++: what must not matter does not, and features come back to where they were taken."""

import torch

from hps.points.baselines.set_abstraction import SetAbstraction, spread_back


def cloud(count=64, seed=0):
    return torch.randn(2, count, 3, generator=torch.Generator().manual_seed(seed))


def test_the_order_of_the_points_does_not_matter():
    torch.manual_seed(0)
    layer, points = SetAbstraction(3, (8, 8, 16), 9), cloud()
    centers = torch.arange(5).expand(2, -1)
    order = torch.cat([torch.arange(5), 5 + torch.randperm(59)])
    found = layer(points, points, centers)
    again = layer(points[:, order], points[:, order], centers)
    torch.testing.assert_close(found, again, atol=1e-5, rtol=0)


def test_only_the_nearest_points_matter():
    torch.manual_seed(0)
    layer, points = SetAbstraction(3, (8, 8, 16), 9), cloud()
    centers = torch.arange(5).expand(2, -1)
    near = torch.cdist(points[:, :5], points).topk(9, largest=False).indices
    far = torch.ones(2, 64, dtype=torch.bool).scatter_(1, near.flatten(1), False)
    features = torch.where(far[..., None], torch.zeros(()), points)
    assert far.any()
    torch.testing.assert_close(layer(points, points, centers), layer(points, features, centers))


def test_features_are_seen_relative_to_the_centre():
    torch.manual_seed(0)
    layer, points = SetAbstraction(3, (8, 8, 16), 9), cloud()
    centers = torch.arange(5).expand(2, -1)
    same = torch.ones_like(points)
    moved = layer(points + torch.tensor([0.5, -1.0, 2.0]), same, centers)
    # squared distances about a moved origin lose some digits of float32
    torch.testing.assert_close(layer(points, same, centers), moved, atol=1e-4, rtol=0)


def test_features_spread_back_are_those_of_a_centre_at_a_centre_and_stay_between_those_nearby():
    centers = cloud(8)
    features = torch.randn(2, 8, 5, generator=torch.Generator().manual_seed(3))
    at_centers = spread_back(centers, centers, features)
    # the other centres are some 0.5 m away: 1e-6 / 0.25 of their weight
    torch.testing.assert_close(at_centers, features, atol=1e-4, rtol=0)
    between = spread_back(cloud(20, seed=4), centers, features)
    assert (between <= features.amax(1, keepdim=True) + 1e-6).all()
    assert (between >= features.amin(1, keepdim=True) - 1e-6).all()
