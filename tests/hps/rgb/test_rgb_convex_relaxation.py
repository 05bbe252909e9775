"""The relaxation's minimum against its optimality conditions, and its pieces against plain singular values."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hps.errors import HpsError
from hps.rgb.convex.admm import AdmmConfig, relaxed_lifting
from hps.rgb.convex.spectral import spectral_norm, spectral_prox

QUICK = AdmmConfig(iterations=60)


def _random(seed: int, *shape: int) -> torch.Tensor:
    return torch.as_tensor(np.random.default_rng(seed).standard_normal(shape))


def _problem(rows: int = 6, shapes: int = 10, points: int = 14) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(3)
    weight = torch.as_tensor(rng.uniform(0.2, 1, (rows, points)))
    weight[0] = 1
    weight[1, :4] = 0
    return _random(1, rows, 2, points), weight, _random(2, shapes, 3, points)


def test_spectral_norm_is_the_first_singular_value() -> None:
    M = _random(0, 5, 2, 3, 7)
    expected = torch.linalg.svdvals(M.permute(0, 3, 1, 2))[..., 0]
    torch.testing.assert_close(spectral_norm(M), expected, rtol=1e-13, atol=0)


@pytest.mark.parametrize("weight", [0.3, 1.0, 3.0])
def test_prox_moves_singular_values_as_the_reference_says(weight: float) -> None:
    M = _random(4, 40, 2, 3, 5)
    M[0, 1] = 2 * M[0, 0]  # rank one
    M[1] = 0
    M[2, :, :, 0] = torch.tensor([[1.0, 0, 0], [0, 1, 0]])  # equal singular values
    U, S, Vh = torch.linalg.svd(M.permute(0, 3, 1, 2), full_matrices=False)
    s1, s2 = S[..., 0], S[..., 1]
    both = (s1 + s2 - weight) / 2
    new = torch.where(
        (s1 + s2 <= weight)[..., None],
        torch.zeros(2, dtype=S.dtype),
        torch.where((s1 - s2 <= weight)[..., None], both[..., None], torch.stack([s1 - weight, s2], -1)),
    )
    expected = (U * new[..., None, :]) @ Vh
    found = spectral_prox(M, torch.full((40, 1), weight, dtype=M.dtype)).permute(0, 3, 1, 2)
    # both are rounded alone; matrices are of size 1 to 4
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_prox_is_nothing_but_shorter_where_there_is_no_weight() -> None:
    M = _random(5, 8, 2, 3, 4)
    torch.testing.assert_close(spectral_prox(M, M.new_zeros(8, 1)), M, rtol=0, atol=1e-12)


def test_minimum_meets_the_optimality_conditions() -> None:
    """-gradient is in weight times the subdifferential: nuclear norm at most weight, and tight where M is not 0."""
    W, weight, shapes = _problem()
    config = AdmmConfig(weight=0.7, tolerance=1e-9, iterations=20000)
    found = relaxed_lifting(W, weight, shapes, config)
    assert found.converged.all()
    share = weight / weight.sum(1, keepdim=True)
    residual = W - torch.einsum("rdck,kcp->rdp", found.M, shapes)
    residual = residual - (residual * share[:, None]).sum(2, keepdim=True)
    minus_gradient = torch.einsum("rdp,kcp->rkdc", residual * weight[:, None], shapes)
    nuclear = torch.linalg.svdvals(minus_gradient).sum(-1)
    assert float(nuclear.max()) <= 0.7 + 1e-6
    M = found.M.permute(0, 3, 1, 2)
    along = (minus_gradient * M).sum((2, 3))
    torch.testing.assert_close(along, 0.7 * torch.linalg.svdvals(M)[..., 0], rtol=0, atol=1e-6)
    assert 0 < float((spectral_norm(found.M) > 1e-9).double().mean()) < 1


def test_rows_do_not_depend_on_their_neighbours() -> None:
    W, weight, shapes = _problem()
    whole = relaxed_lifting(W, weight, shapes, QUICK)
    alone = [relaxed_lifting(W[n : n + 1], weight[n : n + 1], shapes, QUICK) for n in range(len(W))]
    torch.testing.assert_close(whole.M, torch.cat([one.M for one in alone]), rtol=0, atol=1e-10)
    assert whole.iterations.tolist() == [int(one.iterations) for one in alone]
    pieces = relaxed_lifting(W, weight, shapes, AdmmConfig(iterations=60, rows=2))
    torch.testing.assert_close(whole.M, pieces.M, rtol=0, atol=1e-10)


def test_a_keypoint_of_no_weight_says_nothing() -> None:
    W, weight, shapes = _problem()
    moved = W.clone()
    moved[1, :, :4] += 100
    torch.testing.assert_close(
        relaxed_lifting(moved, weight, shapes, QUICK).M, relaxed_lifting(W, weight, shapes, QUICK).M, rtol=0, atol=1e-12
    )


def test_shift_of_the_picture_changes_nothing() -> None:
    W, weight, shapes = _problem()
    there = relaxed_lifting(W + torch.tensor([[[3.0], [-8.0]]]), weight, shapes, QUICK)
    torch.testing.assert_close(there.M, relaxed_lifting(W, weight, shapes, QUICK).M, rtol=0, atol=1e-9)


def test_a_great_weight_leaves_nothing() -> None:
    W, weight, shapes = _problem()
    found = relaxed_lifting(W, weight, shapes, AdmmConfig(weight=1e4))
    assert found.converged.all()
    assert float(found.M.abs().max()) == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda W, w, B: (W * float("nan"), w, B), "not finite"),
        (lambda W, w, B: (W, w * -1, B), "not below 0"),
        (lambda W, w, B: (W, w * 0, B), "fewer than 3"),
    ],
)
def test_bad_input_is_said(change, said: str) -> None:
    with pytest.raises(HpsError, match=said):
        relaxed_lifting(*change(*_problem()))


def test_nobody_is_nobody() -> None:
    W, weight, shapes = _problem()
    assert len(relaxed_lifting(W[:0], weight[:0], shapes).M) == 0
