"""How far clothes stand off the skin, patch by patch of the body, learned from people in painted and sewn clothes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int64
from scipy.spatial import KDTree

from body.model import BodyModel
from geometry.npz_files import DAMAGED, read_npz
from registration.errors import RegistrationError

CROWN, SOLES = 0.47, -0.475
"""Patches above and below, in body heights from the middle, hold the length of the body."""
DATA: Final = Path(__file__).parents[2] / "data" / "margin_prior.npz"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MarginPrior:
    """One kind of clothes: margins of the patches are mean + basis a + rest, with a and the rest Gaussian."""

    name: str
    mean: Float[np.ndarray, "patches"]
    """Metres outward from the skin."""
    basis: Float[np.ndarray, "patches directions"]
    """Metres for one standard deviation of each direction."""
    rest: Float[np.ndarray, "patches"]
    """Standard deviation of what the directions leave out, metres."""
    within: Float[np.ndarray, "patches"]
    """Standard deviation of the margin inside a patch, metres."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MarginPriors:
    """All kinds of clothes on the same patches."""

    kinds: tuple[MarginPrior, ...]
    center: Float[np.ndarray, "patches 3"]
    """Of each patch on the mean rest body, in body heights, from its middle."""

    def kind(self, name: str) -> MarginPrior:
        """The kind of that name; raises RegistrationError, with the names there are, for another."""
        for kind in self.kinds:
            if kind.name == name:
                return kind
        names = ", ".join(k.name for k in self.kinds)
        raise RegistrationError(f"there are no clothes of the kind {name!r}; the kinds are: {names}")

    @property
    def ends(self) -> Bool[np.ndarray, "patches"]:
        """Whether each patch is of the crown or of the soles."""
        return (self.center[:, 1] > CROWN) | (self.center[:, 1] < SOLES)

    def patches(self, model: BodyModel) -> Int64[np.ndarray, "vertices"]:
        """Patch of each vertex of a model: the nearest on its mean rest body, scaled to the same height."""
        return np.asarray(KDTree(self.center).query(in_heights(np.asarray(model.v_template, np.float64)))[1], np.int64)


def in_heights(v_template: Float[np.ndarray, "vertices 3"]) -> Float[np.ndarray, "vertices 3"]:
    """A rest body in its own heights, from the middle of its box."""
    low, high = v_template.min(0), v_template.max(0)
    return (v_template - (low + high) / 2) / (high - low)[1]


def write_margin_priors(path: Path, priors: MarginPriors, source: str) -> None:
    """Writes the file that `read_margin_priors` reads; millimetres in half precision."""
    arrays = {
        f"{kind.name}_{part}_mm": (1000 * getattr(kind, part)).astype(np.float16)
        for kind in priors.kinds
        for part in ("mean", "basis", "rest", "within")
    }
    arrays["center"] = priors.center.astype(np.float32)
    arrays["kinds"] = np.array([kind.name for kind in priors.kinds])
    arrays["source"] = np.array(source)
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_margin_priors(path: Path) -> MarginPriors:
    """The priors in a file. Raises RegistrationError, naming the file, when it has none."""
    try:
        arrays = read_npz(path)
        kinds = tuple(
            MarginPrior(
                name=str(name),
                **{
                    part: arrays[f"{name}_{part}_mm"].astype(np.float64) / 1000
                    for part in ("mean", "basis", "rest", "within")
                },
            )
            for name in arrays["kinds"]
        )
        return MarginPriors(kinds=kinds, center=arrays["center"].astype(np.float64))
    except DAMAGED as error:
        raise RegistrationError(
            f"{path} has no margins of clothes ({error}); make it with scripts/build_margin_prior.py"
        ) from error


@lru_cache(maxsize=1)
def default_margin_priors() -> MarginPriors:
    """The priors that humanrig brings along."""
    return read_margin_priors(DATA)
