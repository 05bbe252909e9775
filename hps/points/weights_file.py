"""A network's weights on disk: safetensors with what they were trained for; nothing else is opened."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from body.model import BodyModel
from geometry.told_values import json_of
from hps.errors import HpsError
from hps.points.landmarks import landmarks_of

FORMAT: Final = 1
KEY: Final = "humanrig"
"""Under which the description stands in the file's metadata."""
ENDING: Final = ".safetensors"
PICKLES: Final = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""How files of torch.save and pickle begin."""


N = TypeVar("N", bound=nn.Module)


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightsInfo:
    """What the weights are of."""

    size: str
    """S, M or L; a name of its own for others."""
    network: dict[str, Any]
    """Of the network's configuration."""
    body: str
    body_sha256: str
    """Of the body model whose landmarks the network knows."""
    landmarks_sha256: str
    training: dict[str, Any] = field(default_factory=dict)
    """Data, steps, cost and figures, for people."""
    calibration: dict[str, Any] = field(default_factory=dict)
    """What was measured on validation data: of sigma and of confidence."""

    def require(self, body: BodyModel, path: Path | str) -> None:
        """Raises HpsError when the weights are for another body model, or for other landmarks of it."""
        if self.body_sha256 != body.sha256:
            raise HpsError(
                f"{path} was trained for the body model {self.body} ({self.body_sha256[:12]}…), not for {body.name} "
                f"({body.sha256[:12]}…); unset HUMANRIG_BODY_MODEL, or train weights for this body"
            )
        if self.landmarks_sha256 != landmarks_sha256(body):
            raise HpsError(
                f"{path} knows other landmarks than this version of humanrig ({self.landmarks_sha256[:12]}…, not "
                f"{landmarks_sha256(body)[:12]}…); use the weights that came with this version, or train again"
            )


def landmarks_sha256(body: BodyModel) -> str:
    """Of which vertices the markers are, and in which order."""
    return hashlib.sha256(np.asarray(landmarks_of(body).markers, "<i8").tobytes()).hexdigest()


def write_weights(path: Path | str, tensors: Mapping[str, Tensor], info: WeightsInfo) -> None:
    """Writes the file whole or not at all; the same weights and description give the same bytes."""
    path = Path(path)
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps({"format": FORMAT, **asdict(info)}, sort_keys=True, ensure_ascii=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(save(plain, metadata={KEY: text}))
    part.replace(path)


def read_weights(path: Path | str) -> tuple[dict[str, Tensor], WeightsInfo]:
    """The tensors and what they are of.

    Raises HpsError for a file that is missing, damaged or not safetensors. Pickled checkpoints (.pt, .pth, .pkl) are
    never opened: a pickle runs code of its maker's.
    """
    path = Path(path)
    if not path.is_file():
        raise HpsError(f"there are no weights at {path}; give a {ENDING} file, or one of the sizes S, M, L")
    with path.open("rb") as file:
        start = file.read(8)
    if path.suffix in (".pt", ".pth", ".pkl", ".ckpt", ".bin") or start.startswith(PICKLES):
        raise HpsError(
            f"{path} is a pickled checkpoint, which could run code of its maker's when it is opened; it is refused. "
            f"Ask for the weights as {ENDING}"
        )
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            described = (file.metadata() or {}).get(KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, ValueError) as error:
        raise HpsError(f"{path} is not a whole {ENDING} file ({error}); obtain it again") from None
    return tensors, _info(described, path)


def filled(make: Callable[[], N], tensors: Mapping[str, Tensor], path: Path) -> N:
    """The network that `make` makes, with these weights. Raises HpsError when they are of another or no numbers."""
    try:
        network = make()
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except (ValidationError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise HpsError(f"{path} holds the weights of another network ({reason}); use weights of this version") from None
    if broken := [name for name, tensor in tensors.items() if not tensor.isfinite().all()]:
        raise HpsError(f"{path} has weights that are no numbers, such as {broken[0]}; its training failed")
    return network


def _info(text: str | None, path: Path) -> WeightsInfo:
    if text is None:
        raise HpsError(f"{path} does not say what its weights are of; it was not written by scripts/train_points.py")
    try:
        described = json_of(text)
        found = described.pop("format")
        if found == FORMAT:
            return WeightsInfo(**described)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise HpsError(f"{path} has a damaged description of its weights ({error}); obtain it again") from None
    raise HpsError(f"{path} is of format {found}, this version reads {FORMAT}; use weights that fit this version")
