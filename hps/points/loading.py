"""Loads the point estimator: weights that come with the package, or a file of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch

from body.loading import load_body_model
from body.model import BodyModel
from hps.errors import HpsError
from hps.points.network.config import NetworkConfig
from hps.points.network.landmark_network import LandmarkNetwork
from hps.points.weights_file import ENDING, WeightsInfo, filled, read_weights

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
    _check_device(device)
    body = load_body_model() if body is None else body
    tensors, info = read_weights(path)
    info.require(body, path)
    network = built(tensors, info, path).to(device)
    return PointEstimator(network, body, points=network.config.points, info=info, device=device, **choices)


def weights_path(size_or_path: str | Path) -> Path:
    """The file of a size, or the file itself. Raises HpsError for a size that does not come with the package.

    A size is a size even where a file or folder of that name is at hand: sessions are often called S.
    """
    named = WEIGHTS / f"{size_or_path}{ENDING}"
    if str(size_or_path) != Path(size_or_path).stem or isinstance(size_or_path, Path):  # with folder or ending
        return Path(size_or_path)
    if not named.is_file():
        sizes = sorted(path.stem for path in WEIGHTS.glob(f"*{ENDING}"))
        raise HpsError(
            f"there are no weights called '{size_or_path}'; this version comes with {', '.join(sizes) or 'none'}, and "
            f"takes a {ENDING} file of your own (scripts/train_points.py makes them)"
        )
    return named


def _check_device(device: torch.device | str) -> None:
    """Raises HpsError for a device that torch does not have here."""
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0].strip()[:120]
        raise HpsError(f"device '{device}' cannot be used here ({reason}); take cpu") from None


def built(tensors: dict[str, torch.Tensor], info: WeightsInfo, path: Path) -> LandmarkNetwork:
    """The network with its weights, ready to be asked. Raises HpsError when they are not of this network."""
    network = filled(lambda: LandmarkNetwork(NetworkConfig(**info.network)), tensors, path)
    return network.eval().requires_grad_(False)
