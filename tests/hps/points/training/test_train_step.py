"""One step of a training: downhill, no longer than it may be, and refused where the loss is no number."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hps.errors import HpsError
from hps.points.training.state import TrainState


def state_of(rate: float = 0.1) -> TrainState:
    network = nn.Linear(2, 1, bias=False)
    nn.init.ones_(network.weight)
    average = {name: value.clone() for name, value in network.state_dict().items()}
    return TrainState(network=network, optimiser=torch.optim.SGD(network.parameters(), rate), average=average)


def test_a_step_goes_down_the_gradient_at_the_rate_of_the_step_and_no_farther_than_the_clip() -> None:
    state = state_of(rate=7.0)
    weight = state.network.get_parameter("weight")
    state.descend(3.0 * weight[0, 0] + 4.0 * weight[0, 1], rate=0.1, clip=1.0, keep=0.999)
    torch.testing.assert_close(weight.detach(), torch.tensor([[1 - 0.06, 1 - 0.08]]))  # (3, 4) cut to length 1
    assert state.step == 1
    assert (state.average["weight"] < 1).all()  # the running mean follows


def test_a_loss_that_is_no_number_ends_the_training_with_the_step_and_changes_nothing() -> None:
    state = state_of()
    weight = state.network.get_parameter("weight")
    with pytest.raises(HpsError, match=r"no longer finite at step 0; lower the rate \(0\.1\)"):
        state.descend(weight.sum() * float("nan"), rate=0.1, clip=1.0, keep=0.9)
    assert (weight == 1).all()
    assert state.step == 0
