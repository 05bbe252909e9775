"""Heat-maps against integrals over a fine grid, and clips: EM never rises, swapped sides are seen through."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from hps.errors import HpsError
from hps.rgb.convex.clip_lifter import ClipConfig, ClipState, ConvexClipLifter, on_sight
from hps.rgb.convex.heat_maps import PARTNER, HeatMaps
from hps.rgb.convex.lifter import ConvexLifter, bones
from hps.rgb.convex.line_of_sight import line_of_sight
from hps.rgb.convex.shape_basis import default_shape_basis
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.keypoint_names import LIFTED

SWAPPED = 4


@pytest.fixture(scope="module")
def lifter() -> ConvexLifter:
    return ConvexLifter()


@pytest.fixture(scope="module")
def clip() -> tuple[KeypointBatch, torch.Tensor]:
    """8 frames of a body that passes from one pair of basis shapes to another and turns; one frame's sides swapped."""
    basis, frames = default_shape_basis(), 8
    way = torch.linspace(0, 1, frames, dtype=torch.float64)
    c = torch.zeros(frames, len(basis), dtype=torch.float64)
    c[:, 3], c[:, 11] = 0.7 - 0.3 * way, 0.3 + 0.3 * way
    turns = [[20 + 3 * n, 180] for n in range(frames)]
    R = torch.as_tensor(Rotation.from_euler("yx", turns, degrees=True).as_matrix())
    points = torch.cat([basis.keypoints, basis.landmarks], 2)
    body = (R @ torch.einsum("rk,kcp->rcp", c, points)).mT
    body = body * (basis.bones_m / bones(body[:, len(LIFTED) :]))[:, None, None] + torch.tensor([0.2, 0.1, 3.0])
    K = torch.tensor([[1000.0, 0, 640], [0, 1000, 360], [0, 0, 1]])
    q = (body[:, : len(LIFTED)] @ K.double().T).float()
    q = q[..., :2] / q[..., 2:]
    q[SWAPPED] = q[SWAPPED, PARTNER]
    batch = KeypointBatch(
        q=q,
        confidence=torch.full(q.shape[:2], 0.9),
        pixel_size=torch.full((frames,), 2.0),
        K=K.expand(frames, 3, 3),
        size=torch.tensor([1280.0, 720]).expand(frames, 2),
        focal_known=torch.ones(frames).bool(),
    )
    return batch, body[:, len(LIFTED) :]


def _mixture() -> HeatMaps:
    return HeatMaps(
        at=torch.tensor([[[[0.3, -0.2], [-0.5, 0.4]]]], dtype=torch.float64),
        sigma=torch.tensor([[[0.2, 0.35]]], dtype=torch.float64),
        share=torch.tensor([[[0.5, 0.2]]], dtype=torch.float64),
        area=torch.tensor([400.0], dtype=torch.float64),
    )


def test_expected_place_is_the_integral_over_the_picture() -> None:
    """Heat-map times Gaussian, summed over a fine grid that ends where the heat-map's evenly spread part does."""
    heat, believed, sigma = _mixture(), torch.tensor([[[0.1, 0.15]]], dtype=torch.float64), 0.3
    side = torch.linspace(-10, 10, 401, dtype=torch.float64)
    x = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1)
    value = (1 - heat.share.sum()) / 400 * torch.ones_like(x[..., 0])
    for at, s, share in zip(heat.at[0, 0], heat.sigma[0, 0], heat.share[0, 0]):
        value = value + share * torch.exp(-0.5 * (x - at).square().sum(-1) / s**2) / (2 * torch.pi * s**2)
    value = value * torch.exp(-0.5 * (x - believed[0, 0]).square().sum(-1) / sigma**2) / (2 * torch.pi * sigma**2)
    place, likelihood = heat.expected(believed, sigma)
    total = value.sum()
    # a grid of 0.05 under Gaussians of 0.2 and wider sums to near rounding
    torch.testing.assert_close(place[0, 0], (value[..., None] * x).sum((0, 1)) / total, rtol=0, atol=1e-8)
    torch.testing.assert_close(likelihood[0], (total * 0.05**2).log(), rtol=0, atol=1e-8)


def test_a_keypoint_that_is_nowhere_is_where_the_body_has_it() -> None:
    heat = replace(_mixture(), share=torch.zeros(1, 1, 2, dtype=torch.float64))
    believed = torch.tensor([[[3.0, -2.0]]], dtype=torch.float64)
    torch.testing.assert_close(heat.expected(believed, 0.1)[0], believed)


def test_grid_of_one_gaussian_says_what_the_gaussian_says() -> None:
    """Cells of 4 pixels under a Gaussian of 6: the widths add up to 1 %, as the cells cut off its outside."""
    side = 4.0 * torch.arange(32, dtype=torch.float64) + 10
    x = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1)
    middle = torch.tensor([71.0, 64.0], dtype=torch.float64)
    values = torch.exp(-0.5 * (x - middle).square().sum(-1) / 36)[None, None]
    corner, cell = torch.tensor([[10.0, 10.0]], dtype=torch.float64), torch.tensor([4.0], dtype=torch.float64)
    belief = torch.full((1, 1), 0.9, dtype=torch.float64)
    grid = HeatMaps.of_grids(values, corner, cell, belief=belief, peaks=200)
    torch.testing.assert_close(grid.share.sum(-1), belief)
    believed = torch.tensor([[[66.0, 60.0]]], dtype=torch.float64)
    plain = HeatMaps(
        at=middle[None, None, None], sigma=torch.full((1, 1, 1), 6.0).double(), share=belief[..., None], area=grid.area
    )
    torch.testing.assert_close(grid.expected(believed, 5.0)[0], plain.expected(believed, 5.0)[0], rtol=0, atol=0.1)
    with pytest.raises(HpsError, match="sigmoid"):
        HeatMaps.of_grids(values - 1, corner, cell, belief=belief)


def test_em_never_rises(lifter: ConvexLifter, clip: tuple[KeypointBatch, torch.Tensor]) -> None:
    """From any start, here one that is turned away and of even weights; perspective is left out, see `solve`."""
    batch, _ = clip
    config = ClipConfig(perspective=False, rounds=15, weight_steps=40)
    sight = line_of_sight(batch)
    spread = torch.full((len(batch),), 0.2, dtype=torch.float64)
    peaks = on_sight(HeatMaps.around(batch), batch, sight, spread)
    state = ClipState(
        R=torch.as_tensor(Rotation.from_euler("x", [[180]] * len(batch), degrees=True).as_matrix()),
        c=torch.full((len(batch), len(lifter.basis)), 1 / len(lifter.basis), dtype=torch.float64),
        middle=torch.zeros(len(batch), 2, dtype=torch.float64),
    )
    _, trace = ConvexClipLifter(lifter, config).solve(peaks, sight, state, spread)
    assert trace[-1] < trace[0] - 1
    # weights are found by steps, so that a round may stop short of its least by their tolerance
    assert max(np.diff(trace)) < 1e-3 * abs(trace[0])


def test_swapped_sides_are_seen_through(lifter: ConvexLifter, clip: tuple[KeypointBatch, torch.Tensor]) -> None:
    batch, truth = clip
    alone, together = (
        1000 * (some(batch).relative - (truth - truth[:, :1])).norm(dim=2)[:, :24].mean(1)
        for some in (lifter, ConvexClipLifter(lifter))
    )
    assert float(together[SWAPPED]) < 0.5 * float(alone[SWAPPED])
    others = [n for n in range(len(batch)) if n != SWAPPED]
    assert float(together[others].mean()) < 1.3 * float(alone[others].mean())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"share": torch.full((1, 1, 2), 0.7)}, "together"),
        ({"sigma": torch.zeros(1, 1, 2)}, "above 0"),
        ({"at": torch.full((1, 1, 2, 2), float("nan"))}, "'at' is not finite"),
    ],
)
def test_bad_heat_maps_are_said(change: dict[str, torch.Tensor], said: str) -> None:
    with pytest.raises(HpsError, match=said):
        replace(_mixture(), **change)


def test_heat_maps_of_other_frames_are_said(lifter: ConvexLifter, clip: tuple[KeypointBatch, torch.Tensor]) -> None:
    with pytest.raises(HpsError, match="heat-maps of 1 frames for 8 frames"):
        ConvexClipLifter(lifter)(clip[0], _mixture())
