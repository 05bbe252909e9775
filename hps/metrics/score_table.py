"""The errors of one method on many clouds, each column under the name of its metric and its protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hps.errors import HpsError


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Measurement:
    """One number for each sample; NaN where the method gave nothing to measure."""

    metric: str
    """mpjpe, pve, t_pose_pve, mpjae, translation, height, failed."""
    protocol: str
    """Name in `hps.protocols` for joints; which points and which alignment for the rest."""
    unit: str
    """mm, deg, or empty for shares."""
    values: Float[np.ndarray, "samples"]

    @property
    def name(self) -> str:
        """As it is printed: `pve[vertices_abs]`."""
        return f"{self.metric}[{self.protocol}]"

    def __str__(self) -> str:
        """Name, mean over the samples that have a value, and how many have none."""
        known = np.isfinite(self.values)
        mean = f"{self.values[known].mean():.2f} {self.unit}".rstrip() if known.any() else "no value"
        return f"{self.name} {mean}" + (f" ({int((~known).sum())} of {len(known)} without)" if not known.all() else "")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ScoreTable:
    """All measurements of one method, in the order of the samples."""

    columns: Mapping[str, Measurement]
    """By `Measurement.name`."""
    joints: Float[np.ndarray, "samples 24 3"]
    """Estimated, metres, in each cloud's frame; NaN without an answer."""
    true_joints: Float[np.ndarray, "samples 24 3"]

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.joints)

    def __iter__(self) -> Iterator[Measurement]:
        """The measurements."""
        return iter(self.columns.values())

    def __getitem__(self, name: str) -> Float[np.ndarray, "samples"]:
        """Values of the measurement of this name. Raises HpsError for one that was not taken."""
        if name not in self.columns:
            raise HpsError(f"no measurement is called {name!r}; there are {', '.join(self.columns)}")
        return self.columns[name].values
