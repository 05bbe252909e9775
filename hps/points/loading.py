"""Loads the point estimator: weights that come with the package, or a file of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from pydantic import ValidationError

from body.loading import load_body_model
from body.model import BodyModel
from hps.errors import HpsError
from hps.points.network.config import NetworkConfig
from hps.points.network.landmark_network import LandmarkNetwork
from hps.points.weights_file import ENDING, WeightsInfo, read_weights

if TYPE_CHECKING:
    from hps.points.estimator import PointEstimator

WEIGHTS: Final = Path(__file__).parent / "weights"
"""S.safetensors and the other sizes that come with the package."""
DEFAULT: Final = "S"


def load(
    size_or_path: str | Path = DEFAULT,
    *,
    body: BodyModel | None = None,
    device: torch.device | str = "cpu",
    **choices: Any,
) -> PointEstimator:
    """The estimator of a size that comes with the package (S, M, L), or of a file of weights.

    body: the body model that is fitted; by default the one that is set (docs/body_model.md). choices: as
    `PointEstimator` takes them. Raises HpsError for weights that are missing, damaged, pickled, or trained for another
    body.
    """
    from hps.points.estimator import PointEstimator

    path = weights_path(size_or_path)
    body = load_body_model() if body is None else body
    tensors, info = read_weights(path)
    info.require(body, path)
    network = built(tensors, info, path).to(device)
    return PointEstimator(network, body, points=network.config.points, info=info, device=device, **choices)


def weights_path(size_or_path: str | Path) -> Path:
    """The file of a size, or the file itself. Raises HpsError for a size that does not come with the package."""
    named = WEIGHTS / f"{size_or_path}{ENDING}"
    if Path(size_or_path).suffix or Path(size_or_path).exists():
        return Path(size_or_path)
    if not named.is_file():
        sizes = sorted(path.stem for path in WEIGHTS.glob(f"*{ENDING}"))
        raise HpsError(
            f"there are no weights called '{size_or_path}'; this version comes with {', '.join(sizes) or 'none'}, and "
            f"takes a {ENDING} file of your own (scripts/train_points.py makes them)"
        )
    return named


def built(tensors: dict[str, torch.Tensor], info: WeightsInfo, path: Path) -> LandmarkNetwork:
    """The network with its weights, ready to be asked. Raises HpsError when they are not of this network."""
    try:
        network = LandmarkNetwork(NetworkConfig(**info.network))
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (ValidationError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise HpsError(f"{path} holds the weights of another network ({reason}); use weights of this version") from None
    if broken := [name for name, tensor in tensors.items() if not tensor.isfinite().all()]:
        raise HpsError(f"{path} has weights that are no numbers, such as {broken[0]}; its training failed")
    return network.eval().requires_grad_(False)
