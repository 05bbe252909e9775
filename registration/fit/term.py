"""What a term of the energy is: it adds its cost and its linearisation to the equations of a clip."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from registration.fit.posing import PosedClip
from registration.fit.system import NormalEquations

__all__ = ["NormalEquations", "PosedClip", "Term"]


@runtime_checkable
class Term(Protocol):
    """A negative log-likelihood of a clip: nothing else is weighted."""

    def add(self, system: NormalEquations, body: PosedClip) -> None:
        """Adds J^T W J, J^T W r and the cost; r is target minus estimate, J the estimate's derivative."""
        ...
