"""A mixture of Gaussians over the joints of a body: how people's poses are spread, learned from clips."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.cluster.vq import kmeans2

from body.joints import JOINT_COUNT
from geometry.npz_files import DAMAGED, read_npz
from registration.errors import RegistrationError

JOINTS: Final = slice(1, 22)
"""All but the pelvis, which may point anywhere, and the hands, which have no fingers that move."""
FEATURES: Final = 3 * len(range(JOINT_COUNT)[JOINTS])
DATA: Final = Path(__file__).parents[2] / "data" / "pose_prior.npz"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PoseMixture:
    """Gaussians over the axis-angle of joints 1..21, each of low rank plus an even rest."""

    shares: Float[np.ndarray, "components"]
    means: Float[np.ndarray, "components 63"]
    """Radians."""
    spreads: Float[np.ndarray, "components 63 rank"]
    """Principal directions times standard deviations, radians."""
    rest: Float[np.ndarray, "components 63"]
    """Standard deviation of what the directions leave out, radians."""
    precisions: Float[np.ndarray, "components 63 63"] = field(init=False)
    log_norms: Float[np.ndarray, "components"] = field(init=False)

    def __post_init__(self) -> None:
        """Inverts the covariances."""
        covariance = self.spreads @ self.spreads.transpose(0, 2, 1) + self.rest[:, :, None] ** 2 * np.eye(FEATURES)
        object.__setattr__(self, "precisions", np.linalg.inv(covariance))
        norms = np.log(self.shares) - 0.5 * np.linalg.slogdet(covariance)[1] - 0.5 * FEATURES * np.log(2 * np.pi)
        object.__setattr__(self, "log_norms", norms)

    def log_densities(self, theta: Float[np.ndarray, "poses 63"]) -> Float[np.ndarray, "poses components"]:
        """Logarithm of each component's share times its density."""
        away = theta[:, None] - self.means
        squared = np.stack(
            [np.einsum("ti,ij,tj->t", a, P, a) for a, P in zip(np.moveaxis(away, 1, 0), self.precisions)]
        )
        return self.log_norms - 0.5 * squared.T

    def log_density(self, theta: Float[np.ndarray, "poses 63"]) -> Float[np.ndarray, "poses"]:
        """Logarithm of the density of the mixture, of 63 radians."""
        return np.logaddexp.reduce(self.log_densities(theta), axis=1)

    def write(self, path: Path, source: str) -> None:
        """Writes the file that `read_pose_mixture` reads; `source` says whose motions it was learned from."""
        arrays = {name: getattr(self, name).astype(np.float32) for name in ("shares", "means", "spreads", "rest")}
        np.savez_compressed(path, source=np.array(source), **arrays)


def fit_pose_mixture(
    theta: Float[np.ndarray, "poses 63"], components: int, rank: int, least: float, rng: np.random.Generator
) -> PoseMixture:
    """The mixture of some poses: k-means, then the principal directions of each cluster.

    least: standard deviation, radians, that no direction goes below. Raises RegistrationError for too few poses.
    """
    if len(theta) < 10 * components:
        raise RegistrationError(
            f"a pose prior of {components} components needs {10 * components} poses, there are {len(theta)}; "
            "add clips or take fewer components"
        )
    _, label = kmeans2(theta, components, 30, minit="++", rng=rng)
    whole = np.cov(theta.T)
    shares, means, spreads, rests = [], [], [], []
    for component in range(components):
        own = theta[label == component]
        if not len(own):
            continue
        # small clusters lean on the whole
        lean = FEATURES / (FEATURES + len(own))
        covariance = (1 - lean) * np.cov(own.T, ddof=0).reshape(FEATURES, FEATURES) + lean * whole
        values, directions = np.linalg.eigh(covariance)
        kept = directions[:, -rank:] * np.sqrt(np.maximum(values[-rank:], 0))
        left = np.diagonal(covariance) - (kept**2).sum(1)
        shares.append(len(own))
        means.append(own.mean(0))
        spreads.append(kept)
        rests.append(np.sqrt(np.maximum(left, 0) + least**2))
    total = np.array(shares) / np.sum(shares)
    return PoseMixture(shares=total, means=np.array(means), spreads=np.array(spreads), rest=np.array(rests))


def read_pose_mixture(path: Path) -> PoseMixture:
    """The mixture in a file. Raises RegistrationError, naming the file, when it is none."""
    try:
        arrays = read_npz(path)
        values = {name: arrays[name].astype(np.float64) for name in ("shares", "means", "spreads", "rest")}
    except DAMAGED as error:
        raise RegistrationError(
            f"{path} is not a pose prior ({error}); make one with scripts/build_pose_prior.py"
        ) from error
    return PoseMixture(**values)


@cache
def default_pose_mixture() -> PoseMixture:
    """The mixture that humanrig brings along."""
    return read_pose_mixture(DATA)
