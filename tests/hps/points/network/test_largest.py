"""The largest of a layer over neighbours, in pieces, is what the plain formula says, and so are its gradients."""

import pytest
import torch
from torch import Tensor

from hps.points.network.largest import largest_of_neighbours
from hps.points.network.neighbourhoods import taken


def _plain(of_points: Tensor, of_centers: Tensor, near: Tensor, weight: Tensor) -> Tensor:
    return (torch.relu(taken(of_points, near) - of_centers[:, :, None]) @ weight.mT).amax(2)


def _inputs(dtype: torch.dtype) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((5, 40, 8), (5, 6, 8), (12, 8))
    of_points, of_centers, weight = (torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes)
    near = torch.randint(40, (5, 6, 10), generator=generator)
    near[:, :, 5] = near[:, :, 4]  # the same neighbour twice: two are the largest
    return [of_points, of_centers, near, weight]


def test_value_and_gradients_are_those_of_the_formula():
    inputs = _inputs(torch.float64)
    ways = []
    for way in (_plain, largest_of_neighbours):
        of_points, of_centers, near, weight = inputs
        own = [value.clone().requires_grad_() for value in (of_points, of_centers, weight)]
        value = way(own[0], own[1], near, own[2])
        (value * torch.linspace(-1, 1, value.numel(), dtype=value.dtype).view_as(value)).sum().backward()
        ways.append([value.detach(), *(one.grad for one in own)])
    for plain, fast in zip(*ways):
        assert torch.allclose(plain, fast, rtol=1e-12, atol=1e-12)


def test_with_autocast_it_is_the_same_to_rounding():
    inputs = _inputs(torch.float32)
    exact = _plain(*inputs)
    with torch.autocast("cpu", torch.bfloat16):
        found = largest_of_neighbours(*inputs)
    assert found.dtype == torch.bfloat16
    # eight products of numbers near 1, each rounded to 2^-9 of itself
    assert torch.allclose(found.float(), exact, atol=8 * 3 * 2**-8)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_clouds_do_not_depend_on_those_beside_them(batch: int):
    inputs = _inputs(torch.float64)
    of_points, of_centers, near = (value[:batch] for value in inputs[:3])
    few = largest_of_neighbours(of_points, of_centers, near, inputs[3])
    assert torch.allclose(few, largest_of_neighbours(*inputs)[:batch], rtol=1e-12)
