"""The linearised energy of a batch of bodies, each with its own unknowns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Equations:
    """A negative log-likelihood about the present states, up to constants: cost - b step + step A step / 2."""

    A: Float[np.ndarray, "batch unknowns unknowns"]
    b: Float[np.ndarray, "batch unknowns"]
    cost: Float[np.ndarray, "batch"]

    @classmethod
    def zeros(cls, batch: int, unknowns: int) -> Equations:
        """To be added to in place."""
        return cls(A=np.zeros((batch, unknowns, unknowns)), b=np.zeros((batch, unknowns)), cost=np.zeros(batch))

    def chosen(self, other: Equations, where: np.ndarray) -> Equations:
        """These, and those of `other` where that is asked for."""
        return Equations(
            A=np.where(where[:, None, None], other.A, self.A),
            b=np.where(where[:, None], other.b, self.b),
            cost=np.where(where, other.cost, self.cost),
        )

    def rows(self, which: np.ndarray) -> Equations:
        """Of some of the bodies."""
        return Equations(A=self.A[which], b=self.b[which], cost=self.cost[which])

    def replaced(self, which: np.ndarray, others: Equations) -> Equations:
        """These with others in some places."""
        A, b, cost = self.A.copy(), self.b.copy(), self.cost.copy()
        A[which], b[which], cost[which] = others.A, others.b, others.cost
        return Equations(A=A, b=b, cost=cost)
