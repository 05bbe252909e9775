"""Basis shapes of the human body: a few dozen whole bodies, of whose sums with small weights all poses are made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from geometry.npz_files import DAMAGED, read_npz
from hps.errors import HpsError
from hps.points.landmarks import LANDMARK_COUNT
from hps.rgb.keypoint_names import LIFTED_COUNT

DATA: Final = Path(__file__).parent / "data" / "shape_basis.npz"
ARRAYS: Final = {"keypoints": LIFTED_COUNT, "landmarks": LANDMARK_COUNT}
NUMBERS: Final = (*ARRAYS, "sigma", "root_sigma", "bones_m")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ShapeBasis:
    """Shapes about the mean of their keypoints, metres, all turned alike: a person who faces along z, y up."""

    keypoints: Float[Tensor, "shapes 3 keypoints"]
    """Of `hps.rgb.keypoint_names.LIFTED`: what pictures show."""
    landmarks: Float[Tensor, "shapes 3 landmarks"]
    """Of `hps.points.landmarks`: what is asked for."""
    sigma: Float[Tensor, "landmarks 2"]
    """Standard deviation of a lifted landmark from the pelvis, across and along its ray, metres; of validation."""
    root_sigma: Float[Tensor, "2"]
    """Of the pelvis, across and along its ray, as shares of its distance; the focal length known."""
    bones_m: Float[Tensor, ""]
    """Length of all bones of a person of average size together, metres."""
    source: str
    """Whose motions they were learned from."""

    def __post_init__(self) -> None:
        """Raises HpsError when the shapes disagree or are not finite."""
        for name, points in ARRAYS.items():
            if getattr(self, name).shape != (len(self.keypoints), 3, points):
                raise HpsError(
                    f"basis {name} are {tuple(getattr(self, name).shape)}; they must be (shapes, 3, {points})"
                )
            if not getattr(self, name).isfinite().all():
                raise HpsError(f"basis {name} are not finite")

    def __len__(self) -> int:
        """Number of shapes."""
        return len(self.keypoints)

    def write(self, path: Path) -> None:
        """Writes the file that `read_shape_basis` reads."""
        arrays = {name: getattr(self, name).numpy().astype(np.float32) for name in NUMBERS}
        np.savez_compressed(path, source=np.array(self.source), **arrays)


def read_shape_basis(path: Path) -> ShapeBasis:
    """The basis in a file, in float64. Raises HpsError, naming the file, when it is none."""
    try:
        file = read_npz(path)
        arrays = {n: torch.as_tensor(file[n].astype(np.float64)) for n in NUMBERS}
        return ShapeBasis(**arrays, source=str(file["source"]))
    except DAMAGED as error:
        raise HpsError(f"{path} is not a shape basis ({error}); make one with scripts/build_shape_basis.py") from None


@cache
def default_shape_basis() -> ShapeBasis:
    """The basis that humanrig brings along."""
    return read_shape_basis(DATA)
