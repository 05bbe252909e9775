"""Loads the learned lifter: the weights that come with the package, or a file of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from body.loading import load_body_model
from body.model import BodyModel
from hps.points.weights_file import filled, read_weights
from hps.rgb.lifter.config import LifterConfig
from hps.rgb.lifter.lifter import Lifter
from hps.rgb.lifter.network import LifterNetwork
from hps.rgb.lifter.widening import Widening

WEIGHTS: Final = Path(__file__).parent / "weights" / "lifter.safetensors"


def load(path: Path | str | None = None, *, body: BodyModel | None = None, mirror: bool = True) -> Lifter:
    """The lifter of a file of weights; None: those that come with the package.

    body: the body model whose landmarks are lifted; by default the one that is set (docs/body_model.md). mirror: ask
    for each person's mirror image too and average, which takes twice the time. Raises HpsError for weights that are
    missing, damaged, pickled, or trained for another body.
    """
    path = WEIGHTS if path is None else Path(path)
    body = load_body_model() if body is None else body
    tensors, info = read_weights(path)
    info.require(body, path)
    network = filled(lambda: LifterNetwork(LifterConfig(**info.network)), tensors, path)
    return Lifter(network, body, info=info, widening=Widening.of(info.calibration), mirror=mirror)
